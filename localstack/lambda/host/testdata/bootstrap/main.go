// The bootstrap is a function whose events say what it does. It is a real binary of
// aws-lambda-go, except with RUNTIME=raw (see raw.go).
package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	switch os.Getenv("INIT") {
	case "exit":
		fmt.Println("cannot start")
		os.Exit(4)
	case "hang":
		time.Sleep(time.Hour)
	case "error":
		initError()
	}
	fmt.Println("started")
	switch os.Getenv("RUNTIME") {
	case "raw":
		raw()
	case "sigterm":
		lambda.StartWithOptions(handle, lambda.WithEnableSIGTERM(func() { fmt.Println("got SIGTERM"); os.Exit(0) }))
	default:
		lambda.Start(handle)
	}
}

// invocations counts those of this process.
var invocations atomic.Int64

type event struct {
	Do  string `json:"do"`
	URL string `json:"url"`
	N   int    `json:"n"`
}

func handle(ctx context.Context, input json.RawMessage) (any, error) {
	invocations.Add(1)
	var request events.LambdaFunctionURLRequest
	if json.Unmarshal(input, &request) == nil && request.RawPath != "" {
		return handleURL(ctx, input, request)
	}
	var e event
	if err := json.Unmarshal(input, &e); err != nil {
		return nil, err
	}
	switch e.Do {
	case "env":
		dir, err := os.Getwd()
		return map[string]any{"env": os.Environ(), "dir": dir}, err
	case "pid":
		return map[string]any{"pid": os.Getpid(), "invocations": invocations.Load()}, nil
	case "get": // waits until the test answers
		return os.Getpid(), get(e.URL)
	case "sleep":
		time.Sleep(time.Hour)
	case "exit":
		os.Exit(3)
	case "panic":
		panic("on purpose")
	case "error":
		return nil, errors.New("on purpose")
	case "big":
		return strings.Repeat("x", e.N), nil
	case "background":
		go func() {
			for get(e.URL) == nil {
				time.Sleep(time.Millisecond)
			}
		}()
	case "print":
		fmt.Print("one\ntwo\nno end")
		return nil, nil
	}
	return nil, nil
}

func get(url string) error {
	response, err := http.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

// posted is a result in a content type of its choice.
type posted struct {
	io.Reader
	contentType string
}

func (p posted) ContentType() string { return p.contentType }

// MarshalJSON fails, so that it is posted as a reader.
func (p posted) MarshalJSON() ([]byte, error) { return nil, errors.New("not JSON") }

func handleURL(ctx context.Context, input json.RawMessage, request events.LambdaFunctionURLRequest) (any, error) {
	query := request.QueryStringParameters
	body := []byte(request.Body)
	if request.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(request.Body); err != nil {
			return nil, err
		}
	}
	r, w := io.Pipe()
	response := &events.LambdaFunctionURLStreamingResponse{
		StatusCode: 200,
		Headers:    map[string]string{"Content-Type": "text/plain", "X-Pid": strconv.Itoa(os.Getpid())},
		Body:       r,
	}
	switch request.RawPath {
	case "/event":
		response.Headers["Content-Type"] = "application/json"
		response.Body = bytes.NewReader(input)
	case "/body":
		response.Headers["Content-Type"] = request.Headers["content-type"]
		response.Headers["X-Encoded"] = strconv.FormatBool(request.IsBase64Encoded)
		response.Body = bytes.NewReader(body)
	case "/cookies":
		response.Cookies = append(request.Cookies, "third=3; Path=/")
		response.Body = strings.NewReader(request.Headers["cookie"])
	case "/head": // the request's body is what the prelude says
		response.Headers = nil
		if err := json.Unmarshal(body, &struct {
			Status  *int
			Headers *map[string]string
		}{&response.StatusCode, &response.Headers}); err != nil {
			return nil, err
		}
		response.Body = strings.NewReader(query["body"])
	case "/chunks": // writes the next chunk when the test has got the one before
		go func() {
			defer w.Close()
			n, _ := strconv.Atoi(query["n"])
			for i := range n {
				fmt.Fprintf(w, "chunk %d\n", i)
				if err := get(query["url"] + "?" + strconv.Itoa(i)); err != nil {
					w.CloseWithError(err)
				}
			}
		}()
	case "/crash", "/fail", "/hang":
		go func() {
			fmt.Fprint(w, "begun")
			if query["url"] != "" {
				_ = get(query["url"])
			}
			switch request.RawPath {
			case "/crash":
				os.Exit(1)
			case "/fail":
				w.CloseWithError(errors.New("on purpose"))
			}
		}()
	case "/long":
		n, _ := strconv.Atoi(query["n"])
		response.Body = io.LimitReader(zeros{}, int64(n))
	case "/json": // the request's body is the result
		return json.RawMessage(body), nil
	case "/stream": // the request's body is the whole stream
		return posted{bytes.NewReader(body), response.ContentType()}, nil
	case "/bytes":
		return posted{bytes.NewReader(body), "application/octet-stream"}, nil
	case "/get":
		response.Body = strings.NewReader("done")
		return response, get(query["url"])
	case "/error":
		return nil, errors.New("secret: on purpose")
	case "/panic":
		panic("on purpose")
	case "/sleep":
		time.Sleep(time.Hour)
	default:
		response.StatusCode, response.Body = 404, nil
	}
	return response, nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
