package main

import (
	"context"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// against makes a target of a handler.
func against(t *testing.T, h http.Handler) *target {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return &target{name: "test", addr: s.Listener.Addr().String(), prefix: defaultPrefix}
}

func shortBench(t *testing.T) *bench {
	t.Helper()
	b := newBench(20*time.Millisecond, t.TempDir())
	b.messages = 400
	return b
}

// TestRows runs every row for a moment: it is about their checks and their
// cleaning up, not about figures.
func TestRows(t *testing.T) {
	for _, r := range rows() {
		t.Run(r.name, func(t *testing.T) {
			m := newMemoryServer()
			ms, err := r.run(t.Context(), shortBench(t), against(t, m))
			if err != nil {
				t.Fatal(err)
			}
			if len(ms) == 0 {
				t.Error("no metrics")
			}
			for _, m := range ms {
				if m.unit == "" || math.IsNaN(m.value) && m.unit != "MB" && m.name != "server CPU" {
					t.Errorf("%+v", m)
				}
			}
			if len(m.streams) > 0 {
				t.Errorf("%d streams left behind", len(m.streams))
			}
		})
	}
}

// TestFaultsFailRows has one answer of each kind of request go wrong.
func TestFaultsFailRows(t *testing.T) {
	lose := func(w http.ResponseWriter, r *http.Request) { // acknowledge, store nothing
		status := 204
		if r.Header.Get("Producer-Id") != "" {
			status = 200
		}
		w.WriteHeader(status)
	}
	refuse := func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no room", http.StatusServiceUnavailable) }
	empty := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Stream-Up-To-Date", "true")
		w.Header().Set("Stream-Next-Offset", "1")
	}
	stuck := func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Stream-Next-Offset", "-1") }
	for _, f := range []struct {
		row, method string
		nth         int64
		fault       http.HandlerFunc
		want        string
	}{
		{"append latency", "POST", 3, lose, "was due"},
		{"append latency", "POST", 3, refuse, "no room"},
		{"append latency", "GET", 1, empty, "acknowledged"},
		{"append latency", "GET", 1, stuck, "not up to date"},
		{"32 writers on 1", "POST", 20, lose, "verifying"},
		{"32 writers on 32", "PUT", 2, refuse, "no room"},
		{"32 producers on 1", "POST", 20, lose, "verifying"},
		{"catch-up", "POST", 7, lose, "was due"},
		{"catch-up", "GET", 2, empty, "want 400"},
		{"churn", "DELETE", 5, refuse, "no room"},
		{"bulk", "POST", 1, lose, "wrong bytes"},
		{"bulk", "GET", 2, empty, "want"},
		{"SSE", "GET", 50, refuse, "no room"},
		{"long-poll", "GET", 50, refuse, "no room"},
	} {
		t.Run(f.row+" "+f.method+" "+f.want, func(t *testing.T) {
			m := newMemoryServer()
			var n atomic.Int64
			target := against(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == f.method && n.Add(1) == f.nth {
					f.fault(w, r)
					return
				}
				m.ServeHTTP(w, r)
			}))
			for _, r := range rows() {
				if !strings.Contains(r.name, f.row) {
					continue
				}
				n.Store(0)
				_, err := r.run(t.Context(), shortBench(t), target)
				if err == nil || !strings.Contains(err.Error(), f.want) {
					t.Errorf("got %v, want an error with %q", err, f.want)
				}
			}
		})
	}
}

// TestReconnects has event streams end early and long-polls time out.
func TestReconnects(t *testing.T) {
	m := newMemoryServer()
	target := against(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("live") != "" {
			ctx, cancel := context.WithTimeout(r.Context(), 10*time.Millisecond)
			defer cancel()
			if r.URL.Query().Get("live") == "long-poll" {
				time.AfterFunc(5*time.Millisecond, cancel)
				defer func() { // the memory server just gives up
					if ctx.Err() != nil && w.Header().Get("Stream-Next-Offset") == "" {
						w.Header().Set("Stream-Next-Offset", r.URL.Query().Get("offset"))
						w.WriteHeader(204)
					}
				}()
			}
			r = r.WithContext(ctx)
		}
		m.ServeHTTP(w, r)
	}))
	for _, read := range []func(*liveReader) error{readEvents, readPolls} {
		if _, err := live(read)(t.Context(), newBench(100*time.Millisecond, t.TempDir()), target); err != nil {
			t.Error(err)
		}
	}
}

func TestStampsMayCarryBlanksAndShareAnEvent(t *testing.T) {
	r := &liveReader{liveRow: &liveRow{began: time.Now(), warm: make(chan struct{}, 1)}}
	err := r.take([]byte(`[{"sent": "@000000000000000005@"}, {"sent":"@000000000000000007@"},{"sent":"@999999999999999999@"}]`))
	if err != nil || r.received != 3 || !r.last || len(r.deliveries) != 2 || r.deliveries[1].sent != 7 {
		t.Errorf("%v %+v", err, r)
	}
	if err := r.take([]byte(`{"sent":"@12`)); err == nil {
		t.Error("no error for half a stamp")
	}
}

func TestRecords(t *testing.T) {
	b := appendRecord([]byte("before"), 31, 1_234_567)[len("before"):]
	writer, seq, err := parseRecord(b)
	if err != nil || writer != 31 || seq != 1_234_567 {
		t.Errorf("%d %d %v", writer, seq, err)
	}
	if _, _, err := parseRecord(b[1:]); err == nil {
		t.Error("no error for 99 bytes")
	}
}

func TestAppenderNumbersProducers(t *testing.T) {
	a := newAppender(&target{addr: "h:1", prefix: "/p/"}, "s", 4, true)
	a.next()
	req := string(a.next())
	for _, want := range []string{"POST /p/s HTTP/1.1\r\n", "Producer-Id: producer-4\r\n", "Producer-Seq: 1\r\n",
		"Content-Length: 100\r\n", "\r\n\r\nw0004 s0000000001 "} {
		if !strings.Contains(req, want) {
			t.Errorf("no %q in %q", want, req)
		}
	}
}

func TestQuantiles(t *testing.T) {
	var l latencies
	for i := 100; i > 0; i-- {
		l = append(l, time.Duration(i)*time.Millisecond)
	}
	if l.quantile(0.5) != 50 || l.quantile(0.99) != 99 || l.quantile(1) != 100 || !math.IsNaN(latencies(nil).quantile(0.5)) {
		t.Errorf("%v %v %v", l.quantile(0.5), l.quantile(0.99), l.quantile(1))
	}
}
