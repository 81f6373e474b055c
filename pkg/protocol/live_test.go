package protocol

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// inBubble makes a kit's clock follow the fake time of a synctest bubble.
func inBubble(s *setup) {
	start := time.Now()
	s.Now = func() time.Time { return epoch.Add(time.Since(start)) }
}

// tape records a response while it is being written: what was flushed together
// is one element.
type tape struct {
	cancel context.CancelFunc
	done   chan struct{}

	mu       sync.Mutex
	header   http.Header
	status   int
	sent     http.Header // as of the first write
	pending  string
	flushed  []string
	deadline time.Time
	// broken makes writes fail, as they do when the reader is gone.
	broken error
}

// open starts a request whose response goes on a tape. It must run in a bubble.
func (k *kit) open(t *testing.T, s step) *tape {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	return k.openWith(t, ctx, cancel, s)
}

func (k *kit) openWith(t *testing.T, ctx context.Context, cancel context.CancelFunc, s step) *tape {
	t.Helper()
	v := &tape{cancel: cancel, done: make(chan struct{}), header: http.Header{}}
	r := s.request(t).WithContext(ctx)
	go func() {
		defer close(v.done)
		k.ServeHTTP(v, r)
	}()
	t.Cleanup(cancel)
	synctest.Wait()
	return v
}

func (v *tape) Header() http.Header { return v.header }

func (v *tape) WriteHeader(status int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.status, v.sent = status, maps.Clone(v.header)
}

func (v *tape) Write(p []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.broken != nil {
		return 0, v.broken
	}
	v.pending += string(p)
	return len(p), nil
}

func (v *tape) Flush() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.flushed = append(v.flushed, v.pending)
	v.pending = ""
}

func (v *tape) SetWriteDeadline(t time.Time) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.deadline = t
	return nil
}

// running reports whether the response goes on.
func (v *tape) running() bool {
	synctest.Wait()
	select {
	case <-v.done:
		return false
	default:
		return true
	}
}

// take returns what was flushed since the last call.
func (v *tape) take() []string {
	synctest.Wait()
	v.mu.Lock()
	defer v.mu.Unlock()
	taken := v.flushed
	v.flushed = nil
	return taken
}

// expect checks the pieces flushed since the last look.
func (v *tape) expect(t *testing.T, want ...string) {
	t.Helper()
	if got := v.take(); !slices.Equal(got, want) {
		t.Errorf("flushed %q, want %q", got, want)
	}
}

// finished waits for the response to end, checks it against a step, and returns
// how long that took.
func (v *tape) finished(t *testing.T, s step) time.Duration {
	t.Helper()
	start := time.Now()
	<-v.done
	s.check(t, v.status, v.sent, v.pending)
	return time.Since(start)
}

// bubble runs a test in a synctest bubble.
func bubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}
