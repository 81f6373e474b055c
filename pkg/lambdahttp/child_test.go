package lambdahttp_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/commoncurriculum/durable-streams-aws/pkg/lambdahttp"
)

const childVariable = "LAMBDAHTTP_TEST_CHILD"

// child is the process of a function. It never returns.
func child() {
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		lc, _ := lambdacontext.FromContext(r.Context())
		w.Header()["X-Many"] = []string{"a", "b"}
		w.Header()["Set-Cookie"] = []string{"c=1", "d=2"}
		w.Header().Set("X-Invocation", lc.AwsRequestID)
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s", r.Method, r.RequestURI, body)
	})
	// What is written counts only once it is flushed. The test lets the handler go on
	// when it has got it.
	mux.HandleFunc("/chunks", func(w http.ResponseWriter, r *http.Request) {
		for i := range 3 {
			for _, part := range []string{"chunk", " ", strconv.Itoa(i)} {
				io.WriteString(w, part)
			}
			w.(http.Flusher).Flush()
			await(r)
		}
		io.WriteString(w, "end")
	})
	mux.HandleFunc("/large", func(w http.ResponseWriter, r *http.Request) {
		for range 5 {
			w.Write(bytes.Repeat([]byte("x"), 10<<10))
		}
		await(r)
	})
	// Headers alone leave, too, while the handler goes on.
	mux.HandleFunc("/nothing", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Stream-Next-Offset", "7")
		w.WriteHeader(http.StatusNoContent)
		http.NewResponseController(w).Flush()
		await(r)
	})
	mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic("secret") })
	mux.HandleFunc("/late-panic", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "begun")
		w.(http.Flusher).Flush()
		panic("secret")
	})
	mux.HandleFunc("/length", func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, r.ContentLength)
		n, err := io.ReadFull(r.Body, body)
		fmt.Fprint(w, n, err)
	})
	mux.HandleFunc("/peak", func(w http.ResponseWriter, r *http.Request) {
		status, err := os.ReadFile("/proc/self/status")
		_, after, ok := strings.Cut(string(status), "VmHWM:")
		if !ok {
			http.Error(w, fmt.Sprint(err), http.StatusNotFound)
			return
		}
		fmt.Fprint(w, strings.Fields(after)[0])
	})
	lambda.StartWithOptions(lambdahttp.Handler(mux, lambdahttp.Options{Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))}))
}

// await waits until the test answers.
func await(r *http.Request) {
	response, err := http.Get(r.URL.Query().Get("await"))
	if err != nil {
		panic(err)
	}
	response.Body.Close()
}
