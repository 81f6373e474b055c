package lambdahttp_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/lambdahttp"
)

func TestHead(t *testing.T) {
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		status  int
		headers map[string]string
		body    string
	}{
		// A function URL may never end what is empty.
		"nothing": {func(http.ResponseWriter, *http.Request) {}, 200, nil, "\n"},
		"declared to be nothing": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "0")
			w.WriteHeader(201)
			if n, err := io.WriteString(w, "x"); n != 0 || !errors.Is(err, http.ErrContentLength) {
				t.Errorf("nothing: wrote %d bytes, %v", n, err)
			}
			for range 2 {
				if err := http.NewResponseController(w).Flush(); err != nil {
					t.Errorf("flush: %v", err)
				}
			}
		}, 201, nil, "\n"},
		"sniffed": {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") }, 200,
			map[string]string{"Content-Type": "text/html; charset=utf-8"}, "<html>"},
		"sniffed from all that was collected": {func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "<ht")
			io.WriteString(w, "ml>")
		}, 200, map[string]string{"Content-Type": "text/html; charset=utf-8"}, "<html>"},
		"not sniffed: typed": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "<html>")
		}, 200, map[string]string{"Content-Type": "text/event-stream"}, "<html>"},
		"not sniffed: asked not to": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			io.WriteString(w, "<html>")
		}, 200, nil, "<html>"},
		"not sniffed: encoded": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, "<html>")
		}, 200, map[string]string{"Content-Encoding": "gzip"}, "<html>"},
		"frozen": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("A", "1")
			w.WriteHeader(201)
			w.Header().Set("A", "2")
			w.Header().Set("B", "2")
			w.WriteHeader(202)
			w.WriteHeader(103)
		}, 201, map[string]string{"A": "1"}, "\n"},
		"frozen by a write": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "a/b")
			w.Write(nil)
			w.Header().Set("Content-Type", "c/d")
		}, 200, map[string]string{"Content-Type": "a/b"}, "\n"},
		"informational": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusSwitchingProtocols)
			w.WriteHeader(404)
		}, 404, nil, "\n"},
		"several values": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Vary"] = []string{"A", "B"}
			w.Header()["None"] = []string{}
		}, 200, map[string]string{"Vary": "A, B"}, "\n"},
		"unfit for a header": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["A"] = []string{" b\r\nc: d\x00 "}
			w.Header()["Bad name"] = []string{"x"}
			w.Header()[""] = []string{"x"}
			w.Header()[http.TrailerPrefix+"T"] = []string{"x"}
		}, 200, map[string]string{"A": "b  c: d"}, "\n"},
		"204": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5")
			w.Header().Set("A", "1")
			w.WriteHeader(204)
			if n, err := io.WriteString(w, "hello"); n != 0 || !errors.Is(err, http.ErrBodyNotAllowed) {
				t.Errorf("204: wrote %d bytes, %v", n, err)
			}
		}, 204, map[string]string{"A": "1"}, ""},
		"304": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "a/b")
			w.Header().Set("Etag", `"1"`)
			w.WriteHeader(304)
			if n, err := w.Write([]byte("hello")); n != 0 || !errors.Is(err, http.ErrBodyNotAllowed) {
				t.Errorf("304: wrote %d bytes, %v", n, err)
			}
		}, 304, map[string]string{"Etag": `"1"`}, ""},
		"length": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "a/b")
			w.Header().Set("Content-Length", "5")
			if n, err := w.Write([]byte("hello!")); n != 0 || !errors.Is(err, http.ErrContentLength) {
				t.Errorf("length: wrote %d bytes, %v", n, err)
			}
			io.WriteString(w, "hello")
		}, 200, map[string]string{"Content-Type": "a/b", "Content-Length": "5"}, "hello"},
		"length that is none": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "a/b")
			w.Header().Set("Content-Length", "-5")
			io.WriteString(w, "hello")
		}, 200, map[string]string{"Content-Type": "a/b"}, "hello"},
		"invalid status": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(0) }, 500,
			map[string]string{"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
				"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}, "internal error\n"},
	} {
		t.Run(name, func(t *testing.T) {
			a := call(t, handle(c.handler), plain("POST", "/"))
			if a.StatusCode != c.status || a.body != c.body || a.err != nil || !maps.Equal(a.Headers, c.headers) {
				t.Errorf("%d %v %q, %v", a.StatusCode, a.Headers, a.body, a.err)
			}
		})
	}
}

// What a GET asks for is empty if it is.
func TestEmptyResponseToGET(t *testing.T) {
	a := call(t, handle(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "0") }), plain("GET", "/"))
	if a.StatusCode != 200 || a.Headers["Content-Length"] != "0" || a.body != "" || a.err != nil {
		t.Errorf("%d %v %q, %v", a.StatusCode, a.Headers, a.body, a.err)
	}
}

func TestCookies(t *testing.T) {
	a := call(t, handle(func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1", Path: "/"})
		http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
	}), plain("GET", "/"))
	if _, there := a.Headers["Set-Cookie"]; there || fmt.Sprint(a.Cookies) != "[a=1; Path=/ b=2]" {
		t.Errorf("cookies %v, headers %v", a.Cookies, a.Headers)
	}
}

func TestResponseToHEAD(t *testing.T) {
	a := call(t, handle(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "5")
		if n, err := w.Write([]byte("hello")); n != 0 || !errors.Is(err, http.ErrBodyNotAllowed) {
			t.Errorf("wrote %d bytes, %v", n, err)
		}
	}), plain("HEAD", "/"))
	if a.StatusCode != 200 || a.Headers["Content-Length"] != "5" || a.body != "" || a.err != nil {
		t.Errorf("%d %v %q, %v", a.StatusCode, a.Headers, a.body, a.err)
	}
}

// A response that is too short must not be taken for whole.
func TestResponseShorterThanDeclared(t *testing.T) {
	a := call(t, handle(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "5")
		io.WriteString(w, "hell")
	}), plain("GET", "/"))
	if a.StatusCode != 200 || a.body != "hell" {
		t.Errorf("%d %q", a.StatusCode, a.body)
	}
	aborted(t, a.err)
}

// Small writes are collected, large ones are not copied, and a flush leaves nothing
// behind.
func TestReadsAreFlushes(t *testing.T) {
	big := strings.Repeat("b", 100<<10)
	r, err := handle(func(w http.ResponseWriter, r *http.Request) {
		for range 3 {
			io.WriteString(w, "a")
		}
		w.(http.Flusher).Flush()
		w.Write([]byte(big))
		io.WriteString(w, "c")
	})(t.Context(), event(t, plain("GET", "/")))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var sizes []int
	for buf := make([]byte, 64<<10); ; {
		n, err := r.Body.Read(buf)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, n)
	}
	if fmt.Sprint(sizes) != fmt.Sprint([]int{3, 64 << 10, 36 << 10, 1}) {
		t.Errorf("read %v", sizes)
	}
}

// What http.ResponseController can do.
func TestResponseController(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wrote := make(chan error, 1)
		r, err := handle(func(w http.ResponseWriter, _ *http.Request) {
			c := http.NewResponseController(w)
			if err := c.SetReadDeadline(time.Now()); !errors.Is(err, http.ErrNotSupported) {
				t.Errorf("read deadline: %v", err)
			}
			if err := errors.Join(c.Flush(), c.SetWriteDeadline(time.Now().Add(time.Minute))); err != nil {
				t.Error(err)
			}
			start := time.Now()
			io.WriteString(w, "never read")
			err := c.Flush()
			if waited := time.Since(start); waited != time.Minute {
				t.Errorf("waited for %v", waited)
			}
			wrote <- err
			_ = c.SetWriteDeadline(time.Now().Add(time.Hour))
		})(t.Context(), event(t, plain("GET", "/")))
		if err != nil {
			t.Fatal(err)
		}
		if err := <-wrote; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the write ended with %v", err)
		}
		// Something is missing, and the runtime, should it read after all, gets to know.
		body, err := io.ReadAll(r.Body)
		if len(body) != 0 {
			t.Errorf("read %q", body)
		}
		aborted(t, err)
		if r.Close() != nil {
			t.Error("close failed")
		}
	})
}

// Misuse is logged and does no harm.
func TestMisuseIsLogged(t *testing.T) {
	for say, h := range map[string]http.HandlerFunc{
		"WriteHeader was called again":       func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200); w.WriteHeader(201) },
		"Content-Length is not a number":     func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "x") },
		"shorter than its Content-Length":    func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "1") },
		"level=ERROR msg=panic method=GET p": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(1000) },
	} {
		out := &output{}
		if a := call(t, lambdahttp.Handler(h, lambdahttp.Options{Logger: out.logger()}), plain("GET", "/")); a.StatusCode == 0 || !strings.Contains(out.String(), say) {
			t.Errorf("%s: %d, logged %s", say, a.StatusCode, out)
		}
	}
}
