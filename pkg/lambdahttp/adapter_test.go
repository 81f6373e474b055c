package lambdahttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/commoncurriculum/durable-streams-aws/pkg/lambdahttp"
)

func (o *output) logger() *slog.Logger { return slog.New(slog.NewTextHandler(o, nil)) }

// The function returns with the first flush, and the body ends with the handler.
func TestHandlerGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		proceed := make(chan bool)
		var ctx context.Context
		r, err := handle(func(w http.ResponseWriter, r *http.Request) {
			ctx = r.Context()
			w.WriteHeader(http.StatusNoContent)
			w.(http.Flusher).Flush()
			w.Header().Set("Late", "x") // no data race, no effect
			<-proceed
		})(t.Context(), event(t, plain("POST", "/")))
		if err != nil || r.StatusCode != http.StatusNoContent {
			t.Fatalf("%+v, %v", r, err)
		}
		ended := false
		go func() {
			_, err := io.Copy(io.Discard, r)
			ended = err == nil
		}()
		synctest.Wait()
		if ended || ctx.Err() != nil {
			t.Error("it ended before the handler returned")
		}
		close(proceed)
		synctest.Wait()
		if !ended || !errors.Is(ctx.Err(), context.Canceled) {
			t.Errorf("ended: %v, context: %v", ended, ctx.Err())
		}
	})
}

// When the runtime stops reading, writes fail, those that wait included; the request's
// context ends; and nothing is left behind (which the bubble checks).
func TestRuntimeStopsReading(t *testing.T) {
	for _, before := range []string{"", "some"} {
		synctest.Test(t, func(t *testing.T) {
			var results []error
			returned := make(chan bool)
			r, err := handle(func(w http.ResponseWriter, r *http.Request) {
				defer close(returned)
				_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Hour))
				io.WriteString(w, before)
				w.(http.Flusher).Flush()
				<-r.Context().Done()
				io.WriteString(w, "lost")
				results = append(results, http.NewResponseController(w).Flush())
				_, err := w.Write([]byte("lost"))
				results = append(results, r.Context().Err(), err)
			})(t.Context(), event(t, plain("GET", "/")))
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait() // with content, its flush waits for a read that never comes
			if err := errors.Join(r.Close(), r.Close()); err != nil {
				t.Error(err)
			}
			<-returned
			for i, want := range []error{io.ErrClosedPipe, context.Canceled, io.ErrClosedPipe} {
				if !errors.Is(results[i], want) {
					t.Errorf("%q: got %v, want %v", before, results[i], want)
				}
			}
		})
	}
}

// A handler that has not answered by the deadline is answered for.
func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		returned := make(chan bool)
		f := lambdahttp.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer close(returned)
			if d, ok := r.Context().Deadline(); !ok || time.Until(d) != time.Minute {
				t.Errorf("deadline %v", d)
			}
			<-r.Context().Done()
			<-time.After(time.Minute)
			io.WriteString(w, "late")
			if err := http.NewResponseController(w).Flush(); !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("a late write ended with %v", err)
			}
		}), lambdahttp.Options{})
		r, err := f(ctx, event(t, plain("GET", "/")))
		if err != nil || r.StatusCode != http.StatusGatewayTimeout {
			t.Fatalf("%+v, %v", r, err)
		}
		if body, err := io.ReadAll(r.Body); err != nil || !strings.Contains(string(body), "in time") {
			t.Errorf("%q, %v", body, err)
		}
		<-returned
	})
}

// With a margin the handler has time to answer by itself.
func TestMargin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		f := lambdahttp.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			start := time.Now()
			<-r.Context().Done()
			fmt.Fprint(w, time.Since(start))
		}), lambdahttp.Options{Margin: 2 * time.Second})
		r, err := f(ctx, event(t, plain("GET", "/")))
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(r.Body); err != nil || string(body) != "58s" {
			t.Errorf("%q, %v", body, err)
		}
	})
}

// A handler that does not return: the client gets 500 if nothing was sent, else a
// broken body. It learns nothing of the reason, and the log all of it, except where
// the handler asked for the abort.
func TestPanics(t *testing.T) {
	end := map[string]func(){
		"panic":  func() { panic("secret") },
		"error":  func() { panic(errors.New("secret")) },
		"nil":    func() { panic(nil) },
		"abort":  func() { panic(http.ErrAbortHandler) },
		"goexit": runtime.Goexit,
	}
	begin := map[string]struct {
		do     func(http.ResponseWriter)
		status int
		body   string
		whole  bool
	}{
		"nothing":  {func(http.ResponseWriter) {}, 500, "internal error\n", true},
		"not sent": {func(w http.ResponseWriter) { w.Header().Set("Content-Length", "4"); io.WriteString(w, "lost") }, 500, "internal error\n", true},
		"sent": {func(w http.ResponseWriter) {
			io.WriteString(w, "begun")
			w.(http.Flusher).Flush()
			io.WriteString(w, "lost")
		}, 200, "begun", false},
		"headers sent": {func(w http.ResponseWriter) { w.(http.Flusher).Flush() }, 200, "", false},
	}
	for ended, panics := range end {
		for begun, b := range begin {
			t.Run(ended+" after "+begun, func(t *testing.T) {
				out := &output{}
				ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "id-1"})
				f := lambdahttp.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Etag", "lost")
					b.do(w)
					panics()
				}), lambdahttp.Options{Logger: out.logger()})
				r, err := f(ctx, event(t, plain("GET", "/p")))
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(r.Body)
				if r.StatusCode != b.status || string(body) != b.body || (err == nil) != b.whole || (r.Headers["Etag"] == "lost") == b.whole {
					t.Errorf("%d %v %q, %v", r.StatusCode, r.Headers, body, err)
				}
				if !b.whole {
					aborted(t, err)
				}
				logged := strings.Contains(out.String(), "msg=panic") && strings.Contains(out.String(), "request=id-1 method=GET path=/p") && strings.Contains(out.String(), "adapter_test.go")
				if logged != (ended != "abort") {
					t.Errorf("logged %s", out)
				}
			})
		}
	}
}

// A panic's answer to HEAD has no body.
func TestPanicOnHEAD(t *testing.T) {
	a := call(t, handle(func(http.ResponseWriter, *http.Request) { panic("secret") }), plain("HEAD", "/"))
	if a.StatusCode != 500 || a.body != "" || a.err != nil {
		t.Errorf("%d %q, %v", a.StatusCode, a.body, a.err)
	}
}

// One function serves many invocations at once.
func TestConcurrentInvocations(t *testing.T) {
	f := handle(func(w http.ResponseWriter, r *http.Request) {
		for i := range 10 {
			fmt.Fprint(w, r.URL.Path, i)
			w.(http.Flusher).Flush()
		}
	})
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			path := fmt.Sprint("/", i, "-")
			var want strings.Builder
			for j := range 10 {
				fmt.Fprint(&want, path, j)
			}
			for range 20 {
				if a := call(t, f, plain("GET", path)); a.body != want.String() || a.err != nil {
					t.Errorf("%s: %q, %v", path, a.body, a.err)
				}
			}
		})
	}
	all.Wait()
}
