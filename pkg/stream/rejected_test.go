package stream_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// A call that the store rejects as such has no effect, and is made once: neither is
// it repeated nor does anybody look what became of it. The caller learns that storage
// is unavailable, at once.
func TestRejectedCalls(t *testing.T) {
	appends := func(a *stream.Append) func(t *testing.T, l *stream.Log) error {
		return func(t *testing.T, l *stream.Log) error {
			_, err := l.Append(t.Context(), name, a)
			return err
		}
	}
	creates := func(records stream.Records) func(t *testing.T, l *stream.Log) error {
		return func(t *testing.T, l *stream.Log) error {
			_, _, err := l.Create(t.Context(), "other", &stream.Create{Records: records})
			return err
		}
	}
	reads := func(from stream.Position) func(t *testing.T, l *stream.Log) error {
		return func(t *testing.T, l *stream.Log) error {
			_, err := l.Read(t.Context(), name, from)
			return err
		}
	}
	flushes := func(after stream.Appended) func(t *testing.T, l *stream.Log) error {
		return func(t *testing.T, l *stream.Log) error { return l.Flush(t.Context(), name, after) }
	}
	large := request("text/plain", []string{"0123456789", "0123456789", "0123456789"})
	parts := func(l *stream.Limits) { l.StageSize, l.PartSize = 32, 16 }
	fullBuffer := func(l *stream.Limits) { l.BufferCount, l.FlushCount = 3, 3 }
	for _, c := range []struct {
		why   string
		limit func(*stream.Limits)
		op    string
		do    func(t *testing.T, l *stream.Log) error
		ops   string
	}{
		{"an append", nil, "commit", appends(text("x")), "commit"},
		{"a producer's", nil, "commit", appends(text("x", by("p", 0, 1))), "commit"},
		{"a close", nil, "commit", appends(text("", closing)), "commit"},
		{"the next segment", func(l *stream.Limits) { l.SegmentCount = 3 }, "update", appends(text("x")), "commit update"},
		{"a new epoch", nil, "update", appends(text("x", by("p", 1, 0))), "commit update"},
		{"a spill", func(l *stream.Limits) { l.Producers = 1 }, "spill", appends(text("x", by("q", 0, 0))), "commit spill"},
		{"room: the chunk", fullBuffer, "chunk", appends(text("x")), "commit chunk"},
		{"room: the trim", fullBuffer, "trim", appends(text("x")), "commit chunk trim"},
		{"large: the parts", parts, "stage", appends(large), "stage stage stage"},
		{"large: the commit", parts, "commit", appends(large), "stage stage stage commit"},
		{"large to an unknown stream: the head", parts, "head", appends(large), "head"},
		{"large to an unknown stream: the parts", parts, "stage", appends(large), "head stage stage stage"},
		{"large to an unknown stream: the commit", parts, "commit", appends(large), "head stage stage stage commit"},
		{"a create", nil, "create", creates(records("x")), "create"},
		{"a large create", func(l *stream.Limits) { l.StageSize = 14 }, "stage", creates(records("0123456789")), "stage"},
		{"a delete", nil, "delete", func(t *testing.T, l *stream.Log) error { return l.Delete(t.Context(), name) }, "head delete"},
		{"a delete: the head", nil, "head", func(t *testing.T, l *stream.Log) error { return l.Delete(t.Context(), name) }, "head"},
		{"a read", nil, "head", reads(stream.Start()), "head"},
		{"a flush: the head", nil, "head", flushes(stream.Appended{}), "head"},
		{"a flush: the chunk", nil, "chunk", flushes(stream.Appended{}), "head chunk"},
		{"a flush: the trim", nil, "trim", flushes(stream.Appended{}), "head chunk trim"},
		{"a collection", nil, "owed", func(t *testing.T, l *stream.Log) error {
			_, err := l.Collect(t.Context(), 9)
			return err
		}, "owed"},
	} {
		synctest.Test(t, func(t *testing.T) {
			lim := stream.DefaultLimits()
			if c.limit != nil {
				c.limit(&lim)
			}
			l, s := open(t, lim)
			create(t, l)
			put(t, l, text("a"))
			put(t, l, text("b"))
			put(t, l, text("c", by("p", 0, 0)))
			before := stored(t, s, lim)
			if strings.Contains(c.why, "unknown") {
				l = join(t, s, lim, stream.Poll{})
			}
			s.took()
			s.hook(func(op string) fault {
				if op == c.op {
					return rejected
				}
				return fine
			})
			begin := time.Now()
			err := c.do(t, l)
			// A flush has no client who could be told more than that it failed.
			if flush := strings.HasPrefix(c.why, "a flush"); !flush && !errors.Is(err, stream.ErrUnavailable) {
				t.Errorf("%s: %v", c.why, err)
			}
			if !errors.Is(err, stream.ErrRejected) || errors.Is(err, stream.ErrUnsettled) || errors.Is(err, stream.ErrNotApplied) {
				t.Errorf("%s: %v", c.why, err)
			}
			if ops := s.took(); ops != c.ops {
				t.Errorf("%s: took %q, want %q", c.why, ops, c.ops)
			}
			if d := time.Since(begin); d != 0 {
				t.Errorf("%s: it took %v", c.why, d)
			}
			s.hook(nil)
			if h := stored(t, s, lim); h.Version != before.Version {
				t.Errorf("%s: it changed %+v", c.why, h)
			}
			if got := content(t, l); got != "abc" {
				t.Errorf("%s: content %q", c.why, got)
			}
		})
	}
}

// A read that must renew the TTL, and a producer that must be recalled.
func TestRejectedInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lim := stream.DefaultLimits()
		lim.Producers = 1
		l, s := open(t, lim)
		create(t, l, ttl(2*time.Second))
		put(t, l, text("p", by("p", 0, 0)))
		put(t, l, text("q", by("q", 0, 0))) // spills p
		s.took()
		s.faults("recall", rejected)
		if _, err := l.Append(t.Context(), name, text("x", by("p", 0, 1))); !errors.Is(err, stream.ErrUnavailable) {
			t.Errorf("recall: %v", err)
		}
		if ops := s.took(); ops != "commit recall" {
			t.Errorf("recall took %q", ops)
		}
		time.Sleep(time.Second)
		s.faults("update", rejected)
		if _, err := l.Read(t.Context(), name, stream.Start()); !errors.Is(err, stream.ErrUnavailable) {
			t.Errorf("renewal: %v", err)
		}
		if ops := s.took(); ops != "head update" {
			t.Errorf("renewal took %q", ops)
		}
	})
}

// Where a write's outcome is unknown and what would find it out is rejected, it stays
// unknown, and nobody waits for it to change.
func TestRejectedWhileSettling(t *testing.T) {
	for _, c := range []struct {
		why    string
		limit  func(*stream.Limits)
		faults map[string][]fault
		append *stream.Append
		ops    string
	}{
		{"the head", nil, map[string][]fault{"commit": {lost}, "head": {rejected}}, text("x"), "commit head"},
		{"a producer's head", nil, map[string][]fault{"commit": {lost}, "head": {rejected}}, text("x", by("p", 0, 0)), "commit head"},
		{"the burning", nil, map[string][]fault{"commit": {lost}, "update": {rejected}}, text("x"), "commit head update"},
		{"the burning, after one that is unknown", nil, map[string][]fault{"commit": {lost}, "update": {lost, rejected}}, text("x"), "commit head update head update"},
		{"the update", func(l *stream.Limits) { l.SegmentCount = 1 }, map[string][]fault{"update": {lost, rejected}}, text("x"), "commit update update"},
		{"a producer's second attempt", nil, map[string][]fault{"commit": {lost}, "update": {rejected}}, text("x", by("p", 0, 0)), "commit head update"},
	} {
		synctest.Test(t, func(t *testing.T) {
			lim := stream.DefaultLimits()
			if c.limit != nil {
				c.limit(&lim)
			}
			l, s := open(t, lim)
			create(t, l, stream.Create{Records: records("1")})
			s.took()
			s.hook(func(op string) fault {
				if len(c.faults[op]) == 0 {
					return fine
				}
				what := c.faults[op][0]
				c.faults[op] = c.faults[op][1:]
				return what
			})
			if _, err := l.Append(t.Context(), name, c.append); !errors.Is(err, stream.ErrUnsettled) || errors.Is(err, stream.ErrUnavailable) {
				t.Errorf("%s: %v", c.why, err)
			}
			if ops := s.took(); ops != c.ops {
				t.Errorf("%s: took %q, want %q", c.why, ops, c.ops)
			}
			s.hook(nil)
			if got := content(t, l); got != "1" {
				t.Errorf("%s: content %q", c.why, got)
			}
		})
	}
}
