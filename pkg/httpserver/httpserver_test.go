package httpserver_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/httpserver"
)

// running is a server under test.
type running struct {
	url   string
	stop  context.CancelFunc
	ended chan error
}

func start(t *testing.T, h http.HandlerFunc, o httpserver.Options) *running {
	t.Helper()
	l, err := httpserver.Listen("127.0.0.1", 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	r := &running{url: "http://" + l.Addr().String(), stop: cancel, ended: make(chan error, 1)}
	go func() { r.ended <- httpserver.Serve(ctx, l, h, o) }()
	return r
}

// TestStop: a request under way is answered, a long response is told to end, and a new
// connection is refused while the stop still waits.
func TestStop(t *testing.T) {
	entered, release, quit := make(chan struct{}), make(chan struct{}), make(chan struct{})
	r := start(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/append":
			entered <- struct{}{}
			<-release
			if r.Context().Err() != nil {
				t.Error("the request's context ended with the stop")
			}
			_, _ = io.WriteString(w, "appended")
		case "/live":
			_, _ = io.WriteString(w, "first,")
			_ = http.NewResponseController(w).Flush()
			entered <- struct{}{}
			<-quit
			_, _ = io.WriteString(w, "last")
		}
	}, httpserver.Options{StopTimeout: time.Minute, Stopping: func() { close(quit) }})

	answers := make(chan string, 2)
	for _, path := range []string{"/append", "/live"} {
		go func() {
			resp, err := http.Get(r.url + path)
			if err != nil {
				answers <- err.Error()
				return
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Error(err)
			}
			answers <- string(body)
		}()
		<-entered
	}
	r.stop()
	if got := <-answers; got != "first,last" {
		t.Errorf("the live reader got %q", got)
	}
	if c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://")); err == nil {
		c.Close()
		t.Error("it took a connection after the stop began")
	}
	select {
	case err := <-r.ended:
		t.Fatalf("it ended (%v) before the append was answered", err)
	default:
	}
	close(release)
	if got := <-answers; got != "appended" {
		t.Errorf("the append was answered %q", got)
	}
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}

// TestStopIsBounded: what does not end is cut off, and reported.
func TestStopIsBounded(t *testing.T) {
	entered := make(chan struct{})
	r := start(t, func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
	}, httpserver.Options{StopTimeout: 10 * time.Millisecond})
	cut := make(chan error, 1)
	go func() {
		resp, err := http.Get(r.url)
		if err == nil {
			resp.Body.Close()
		}
		cut <- err
	}()
	<-entered
	r.stop()
	if err := <-r.ended; err == nil || !strings.Contains(err.Error(), "10ms") {
		t.Errorf("the stop reported %v", err)
	}
	if err := <-cut; err == nil {
		t.Error("the request that did not end was answered")
	}
}

// TestStopIsTold: what is to end is told so before the server has ended, also if there are
// no requests.
func TestStopIsTold(t *testing.T) {
	told := false
	r := start(t, func(http.ResponseWriter, *http.Request) {}, httpserver.Options{
		StopTimeout: time.Minute, Stopping: func() { told = true },
	})
	r.stop()
	if err := <-r.ended; err != nil || !told {
		t.Errorf("it ended with %v; told: %v", err, told)
	}
}

func TestListenerFails(t *testing.T) {
	l, err := httpserver.Listen("127.0.0.1", 0)
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_, err = httpserver.Listen("127.0.0.1", port)
	if err == nil || !strings.Contains(err.Error(), "PORT") || !strings.Contains(err.Error(), "HOST") {
		t.Errorf("the port is in use, and the error is %v", err)
	}
	l.Close()
	if err := httpserver.Serve(t.Context(), l, http.NotFoundHandler(), httpserver.Options{}); err == nil {
		t.Error("it served without a listener")
	}
}
