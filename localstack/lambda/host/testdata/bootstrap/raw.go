package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// raw is a runtime that speaks the runtime API by itself, so that it can break
// its rules. What the API answers is the result.

func api(path string) string {
	return "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/" + path
}

func next() (id string, h http.Header, e event) {
	r, err := http.Get(api("invocation/next"))
	if err != nil {
		panic(err)
	}
	defer r.Body.Close()
	if r.StatusCode != 200 {
		panic(r.Status)
	}
	if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
		panic(err)
	}
	return r.Header.Get("Lambda-Runtime-Aws-Request-Id"), r.Header, e
}

// call returns status and body of an answer.
func call(method, path string, body io.Reader, header ...string) string {
	request, err := http.NewRequest(method, api(path), body)
	if err != nil {
		panic(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	r, err := http.DefaultClient.Do(request)
	if err != nil {
		return err.Error()
	}
	defer r.Body.Close()
	text, _ := io.ReadAll(r.Body)
	return fmt.Sprintf("%d %s", r.StatusCode, text)
}

func initError() {
	fmt.Println("init:", call("POST", "init/error", strings.NewReader(`{"errorMessage":"no configuration","errorType":"Config.Missing"}`),
		"Lambda-Runtime-Function-Error-Type", "Config.Missing"))
	os.Exit(1)
}

func raw() {
	before := ""
	for {
		id, h, e := next()
		switch e.Do {
		case "headers":
			document, _ := json.Marshal(h)
			call("POST", "invocation/"+id+"/response", bytes.NewReader(document))
		case "rules":
			var answers []string
			answers = append(answers,
				"wrong id: "+call("POST", "invocation/none/response", strings.NewReader("x")),
				"old id: "+call("POST", "invocation/"+before+"/error", strings.NewReader("x")),
				"next too early: "+call("GET", "invocation/next", nil),
				"init error too late: "+call("POST", "init/error", strings.NewReader("{}")),
				"bad mode: "+call("POST", "invocation/"+id+"/response", strings.NewReader("x"), "Lambda-Runtime-Function-Response-Mode", "sideways"),
				"unknown path: "+call("GET", "nothing", nil),
			)
			document, _ := json.Marshal(answers)
			fmt.Println("answer:", call("POST", "invocation/"+id+"/response", bytes.NewReader(document), "Lambda-Runtime-Function-Response-Mode", "buffered"))
			fmt.Println("twice:", call("POST", "invocation/"+id+"/response", strings.NewReader("x")))
			fmt.Println("error after:", call("POST", "invocation/"+id+"/error", strings.NewReader("x")))
		case "untyped":
			call("POST", "invocation/"+id+"/error", strings.NewReader("not json"), "Lambda-Runtime-Function-Error-Type", "My.Type")
		case "trailers":
			r, w := io.Pipe()
			request, _ := http.NewRequest("POST", api("invocation/"+id+"/response"), r)
			request.Header.Set("Lambda-Runtime-Function-Response-Mode", "streaming")
			request.Trailer = http.Header{"Lambda-Runtime-Function-Error-Type": {"My.Type"}, "Lambda-Runtime-Function-Error-Body": {"not base64"}}
			go func() {
				fmt.Fprint(w, "begun")
				w.Close()
			}()
			r2, err := http.DefaultClient.Do(request)
			if err == nil {
				r2.Body.Close()
			}
		case "break off":
			// The response breaks, the process stays.
			r, w := io.Pipe()
			request, _ := http.NewRequest("POST", api("invocation/"+id+"/response"), r)
			go func() {
				fmt.Fprint(w, "begun")
				w.CloseWithError(io.ErrUnexpectedEOF)
			}()
			_, _ = http.DefaultClient.Do(request)
			time.Sleep(time.Hour)
		case "late":
			// It answers, and does not ask for the next before the test lets it.
			call("POST", "invocation/"+id+"/response", strings.NewReader(`"answered"`))
			_ = get(e.URL)
		default:
			call("POST", "invocation/"+id+"/response", strings.NewReader("null"))
		}
		before = id
	}
}
