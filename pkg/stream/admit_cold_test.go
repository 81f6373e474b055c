package stream_test

import (
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// A sealed segment is like a full one: a blind append to it is slow, and starts the next
// one, which is not sealed.
func TestSealed(t *testing.T) {
	l := stream.DefaultLimits()
	h := head(func(h *stream.Head) { h.Sealed = true })
	if v := stream.Judge(h, text("x"), noon, l); v.Slow != stream.SlowSeal || !v.Accepted() {
		t.Errorf("%+v", v)
	}
	if _, ok := stream.Admit(h, batch(5, text("x")), l); ok {
		t.Error("a blind append was admitted")
	}
	// A close needs no segment.
	if next := admit(t, h, batch(5, text("", closing)), l); !next.Sealed || !next.Closed || !next.Ended {
		t.Errorf("%+v", next)
	}
	log, s := openCold(t, l)
	create(t, log)
	put(t, log, text("a"))
	next := stored(t, s, l).Clone()
	next.Sealed = true
	next.Version++
	if err := s.Store.Update(t.Context(), name, next); err != nil {
		t.Fatal(err)
	}
	s.took()
	if r := put(t, log, text("b")); r.Tail != at(1, 1) {
		t.Errorf("%+v", r)
	}
	if ops := s.took(); ops != "commit update" {
		t.Errorf("took %q", ops)
	}
	if h := stored(t, s, l); h.Sealed || !h.Ended || h.SegmentCount != 1 {
		t.Errorf("%+v", h)
	}
	put(t, log, text("c"))
	if ops := s.took(); ops != "commit" {
		t.Errorf("the next took %q", ops)
	}
}

// Ended says of a write that it ended a segment, and no other write keeps it.
func TestEndedIsOfOneWrite(t *testing.T) {
	l := stream.DefaultLimits()
	ended := head(func(h *stream.Head) { h.Ended = true })
	if ended.Clone().Ended {
		t.Error("a clone kept it")
	}
	if next := admit(t, ended, batch(5, text("x")), l); next.Ended {
		t.Error("an append kept it")
	}
	if next := admit(t, ended, batch(5, text("x", closing)), l); !next.Ended {
		t.Error("a close does not say so")
	}
	if next, ok := stream.Trimmed(ended, ended, ended.Tail, stream.DefaultLimits()); !ok || next.Ended {
		t.Error("a trim kept it")
	}
	if next, ok := stream.Compacted(ended, ended.Incarnation, 1); !ok || next.Ended {
		t.Error("a compaction kept it")
	}
	if next := ended.Burn(7, noon); next.Ended {
		t.Error("burning kept it")
	}
}

func TestCompactedRule(t *testing.T) {
	h := head(func(h *stream.Head) { h.Compacted = 2 })
	for _, c := range []struct {
		why      string
		inc      stream.Incarnation
		segments uint64
		ok       bool
	}{
		{"the next", h.Incarnation, 3, true},
		{"several", h.Incarnation, 4, true},
		{"the same", h.Incarnation, 2, false},
		{"fewer", h.Incarnation, 1, false},
		{"another life", stream.Incarnation{2}, 3, false},
	} {
		before := dump(h)
		next, ok := stream.Compacted(h, c.inc, c.segments)
		if ok != c.ok {
			t.Errorf("%s: %v", c.why, ok)
		}
		if dump(h) != before {
			t.Errorf("%s: it changed the head that it was given", c.why)
		}
		if !ok {
			continue
		}
		want := h.Clone()
		want.Compacted = c.segments
		want.Version++
		if dump(next) != dump(want) {
			t.Errorf("%s: %+v", c.why, next)
		}
	}
	if _, ok := stream.Compacted(nil, h.Incarnation, 3); ok {
		t.Error("no head was compacted")
	}
}

// What was staged by the time that the head names must not be linked; what was staged
// later may, and what was not staged at all.
func TestAdmitOutdated(t *testing.T) {
	l := staging()
	for _, c := range []struct {
		after, at int64
		ok        bool
	}{
		{0, 0, true}, {0, 5, true}, {5, 4, false}, {5, 5, false}, {5, 6, true},
	} {
		h := head(func(h *stream.Head) { h.StagedAfter = c.after })
		b := batch(5, text(large))
		b.Incarnation = h.Incarnation
		b.Staged = []stream.Entry{{Count: 1, Size: 10, Staged: stream.StagedID{Commit: 8, At: c.at}}}
		if _, ok := stream.Admit(h, b, l); ok != c.ok {
			t.Errorf("staged at %d, after %d: admitted %v", c.at, c.after, ok)
		}
		if next := admit(t, h, batch(5, text("x")), l); next.StagedAfter != c.after {
			t.Errorf("StagedAfter became %d", next.StagedAfter)
		}
	}
}

// UsedAt is the last commit's time, by the clock of who made it. Where a TTL counts from it,
// no clock that is behind takes it back by much.
func TestUsedAt(t *testing.T) {
	l := stream.DefaultLimits()
	h := head(func(h *stream.Head) {
		h.UsedAt = noon.Add(-time.Minute)
		h.HasTTL, h.TTL, h.Deadline = true, time.Hour, noon.Add(time.Hour)
	})
	if next := admit(t, h, batch(5, text("x")), l); !next.UsedAt.Equal(noon) {
		t.Errorf("an append: %v", next.UsedAt)
	}
	if next := admit(t, h, batch(5, text("", closing)), l); !next.UsedAt.Equal(noon) {
		t.Errorf("a close: %v", next.UsedAt)
	}
	if next, ok := stream.Trimmed(h, h, h.Tail, stream.DefaultLimits()); !ok || !next.UsedAt.Equal(h.UsedAt) {
		t.Error("a trim is no use of it")
	}
	if next, ok := stream.Compacted(h, h.Incarnation, 1); !ok || !next.UsedAt.Equal(h.UsedAt) {
		t.Error("a compaction is no use of it")
	}
	for _, c := range []struct {
		behind   time.Duration
		ttl      bool
		admitted bool
	}{
		{stream.Backstep, true, true},
		{stream.Backstep + time.Millisecond, true, false},
		{time.Hour, false, true},
	} {
		h.UsedAt, h.HasTTL, h.Deadline = noon.Add(c.behind), c.ttl, time.Time{}
		if c.ttl {
			h.Deadline = h.UsedAt.Add(h.Window())
		}
		next, ok := stream.Admit(h, batch(5, text("x")), l)
		if ok != c.admitted || ok && !next.UsedAt.Equal(noon) {
			t.Errorf("by a clock that is %v behind, TTL %v: admitted %v: %+v", c.behind, c.ttl, ok, next)
		}
	}
}
