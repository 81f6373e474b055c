package stream_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// sweep sweeps everything, and expects that nothing goes wrong.
func sweep(t *testing.T, l *stream.Log) stream.Swept {
	t.Helper()
	swept, err := l.Sweep(t.Context(), everything())
	if err != nil || swept.Problems != 0 || !swept.ItemsEnd || !swept.ObjectsEnd {
		t.Errorf("Sweep: %+v, %v", swept, err)
	}
	return swept
}

// did is what a sweep did, without what it looked at.
func did(s stream.Swept) stream.Swept {
	s.Items, s.Objects, s.Bytes, s.ItemsEnd, s.ObjectsEnd = 0, 0, 0, false, false
	return s
}

func TestSweepNothing(t *testing.T) {
	l, s := openCold(t, short())
	if swept := sweep(t, l); swept != (stream.Swept{ItemsEnd: true, ObjectsEnd: true}) {
		t.Errorf("%+v", swept)
	}
	if ops := s.took(); ops != "owed cursor inventory advance cursor list advance" {
		t.Errorf("took %q", ops)
	}
	l = join(t, s, short(), stream.Poll{})
	if swept := sweep(t, l); swept != (stream.Swept{ItemsEnd: true, ObjectsEnd: true}) {
		t.Errorf("without objects: %+v", swept)
	}
	if ops := s.took(); ops != "owed cursor inventory advance" {
		t.Errorf("without objects it took %q", ops)
	}
}

// A healthy stream is looked at, and left as it is.
func TestSweepOfAHealthyStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lim := short()
		lim.StageSize, lim.ObjectSize, lim.Producers = 12, 40, 1
		l, s := openCold(t, lim)
		h := create(t, l)
		put(t, l, text("a", by("p", 0, 0)))
		put(t, l, text("b", by("q", 0, 0))) // spills p
		put(t, l, text("c"))
		compact(t, l, 1)
		put(t, l, text(large)) // fills the second segment
		flushed(t, l)
		put(t, l, text(strings.Repeat("object ", 9)))
		compact(t, l, 1)
		put(t, l, text(large+large))
		if got := holding(t, s, h.Life(name)); !strings.Contains(got, "object staged") || !strings.Contains(got, "staged 0") {
			t.Fatalf("there is %s", got)
		}
		before := dump(stored(t, s, lim))
		want := holding(t, s, h.Life(name))
		time.Sleep(59 * time.Minute)
		s.took()
		swept := sweep(t, l)
		if did(swept) != (stream.Swept{}) || swept.Items < 5 || swept.Objects != 3 {
			t.Errorf("%+v", swept)
		}
		// One look at the head for each walk's first thing of it, and none for the others.
		if n := len(s.times("head")); n != 1 {
			t.Errorf("it looked at the head %d times", n)
		}
		if got := holding(t, s, h.Life(name)); got != want {
			t.Errorf("left %s, want %s", got, want)
		}
		if after := dump(stored(t, s, lim)); after != before {
			t.Errorf("it changed %s to %s", before, after)
		}
	})
}

// Streams that expired are removed, and their data then is discarded; not before every
// clock agrees.
func TestSweepExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := openCold(t, short())
		h := create(t, l, ttl(10*time.Second))
		putAll(t, l, "a", "b", "c")
		compact(t, l, 1)
		end := stored(t, s, short()).Deadline
		time.Sleep(time.Until(end) + stream.ExpiredFor - time.Millisecond)
		if swept := sweep(t, l); did(swept) != (stream.Swept{}) {
			t.Errorf("too early: %+v", swept)
		}
		time.Sleep(time.Millisecond)
		if swept := sweep(t, l); did(swept) != (stream.Swept{Expired: 1}) {
			t.Errorf("%+v", swept)
		}
		if owed, _ := s.Store.Owed(t.Context(), 9); len(owed) != 1 || owed[0] != h.Life(name) {
			t.Errorf("owed: %v", owed)
		}
		if swept := sweep(t, l); did(swept) != (stream.Swept{Collected: stream.Collected{Settled: 1}}) {
			t.Errorf("the next: %+v", swept)
		}
		if got := holding(t, s, h.Life(name)); got != "" || len(keys(t, s)) != 0 {
			t.Errorf("left %s", got)
		}
		if swept := sweep(t, l); did(swept) != (stream.Swept{}) {
			t.Errorf("once more: %+v", swept)
		}
	})
}

// What happens to an expired stream between two looks at it is respected.
func TestSweepExpiredRaces(t *testing.T) {
	for _, c := range []struct {
		why     string
		op      string
		do      func(t *testing.T, l *stream.Log)
		expired int
		content string
	}{
		{"removed before the head is read", "head", func(t *testing.T, l *stream.Log) { sweep(t, l) }, 0, ""},
		{"removed after that", "delete", func(t *testing.T, l *stream.Log) { sweep(t, l) }, 0, ""},
		{"replaced before the head is read", "head", func(t *testing.T, l *stream.Log) { create(t, l); put(t, l, text("new")) }, 0, "new"},
		{"replaced after that", "delete", func(t *testing.T, l *stream.Log) { create(t, l); put(t, l, text("new")) }, 0, "new"},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, s := openCold(t, short())
			create(t, l, ttl(time.Second))
			put(t, l, text("old"))
			time.Sleep(time.Hour)
			s.hook(func(op string) fault {
				if op == c.op {
					s.hook(nil)
					c.do(t, l)
				}
				return fine
			})
			if swept := sweep(t, l); swept.Expired != c.expired {
				t.Errorf("%s: %+v", c.why, swept)
			}
			if alive(t, l) != (c.content != "") || c.content != "" && content(t, l) != c.content {
				t.Errorf("%s: the wrong life is left", c.why)
			}
		})
	}
}

// The last segment of a stream that is not used any more is sealed and compacted, if
// some of it left the head.
func TestSweepIdle(t *testing.T) {
	day := everything().IdleAfter
	for _, c := range []struct {
		why      string
		records  []string
		flush    bool
		idle     time.Duration
		objects  bool
		close    bool
		segments int // compacted, the first of two before
		sealed   int
	}{
		{"in chunks", []string{"a"}, true, day, true, false, 1, 1},
		{"not yet", []string{"a"}, true, day - time.Millisecond, true, false, 0, 0},
		{"in the head", []string{"a"}, false, day, true, false, 0, 0},
		{"empty", nil, false, day, true, false, 0, 0},
		{"full", []string{"a", "b"}, true, day, true, false, 1, 1},
		{"without objects", []string{"a"}, true, day, false, false, 0, 0},
		{"closed", []string{"a"}, true, day, true, true, 1, 0},
		{"closed, in the head", []string{"a"}, false, day, true, true, 0, 0},
		{"a segment whose event was lost", []string{"a", "b", "c"}, false, time.Minute, true, false, 1, 0},
		// It is sealed in the next run.
		{"a segment whose event was lost, and idle", []string{"a", "b", "c"}, false, day, true, false, 1, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, s := openCold(t, short())
			if !c.objects {
				l = join(t, s, short(), stream.Poll{})
			}
			create(t, l)
			putAll(t, l, c.records...)
			if c.close {
				put(t, l, text("", closing))
			}
			if c.flush {
				flushed(t, l)
			}
			want := content(t, l)
			time.Sleep(c.idle)
			swept := sweep(t, l)
			if swept.Sealed != c.sealed || swept.Segments != c.segments || (swept.Bytes > 0) != (c.segments > 0) {
				t.Errorf("%s: %+v", c.why, swept)
			}
			h := stored(t, s, short())
			if h.Compacted != uint64(c.segments) || h.Sealed != (c.sealed > 0) || h.Closed != c.close {
				t.Errorf("%s: %+v", c.why, h)
			}
			if swept := sweep(t, l); did(swept) != (stream.Swept{}) && !strings.HasSuffix(c.why, "and idle") {
				t.Errorf("%s: once more: %+v", c.why, swept)
			}
			if got := content(t, l); got != want {
				t.Errorf("%s: content %q", c.why, got)
			}
			if c.close {
				return
			}
			// What is appended next begins another segment, if that one ended.
			r := put(t, l, text("next"))
			if c.sealed > 0 && r.Tail != at(1, 4) {
				t.Errorf("%s: the next append ends at %v", c.why, r.Tail)
			}
			if got := content(t, l); got != want+"next" {
				t.Errorf("%s: content %q", c.why, got)
			}
		})
	}
}

// A stream that is used while the sweep looks at it is not idle, and one that cannot be
// sealed is a problem.
func TestSweepIdleRaces(t *testing.T) {
	day := everything().IdleAfter
	synctest.Test(t, func(t *testing.T) {
		l, s := openCold(t, short())
		create(t, l)
		flushed(t, l, "a")
		time.Sleep(2 * day)
		other := joinCold(t, s, short())
		s.hook(func(op string) fault {
			if op == "update" {
				s.hook(nil)
				put(t, other, text("b"))
			}
			return fine
		})
		if swept := sweep(t, l); did(swept) != (stream.Swept{}) {
			t.Errorf("%+v", swept)
		}
		if h := stored(t, s, short()); h.Sealed || h.Compacted != 0 {
			t.Errorf("%+v", h)
		}
		// A read does not keep it from being sealed: who reads does not write.
		time.Sleep(2 * day)
		flushed(t, l)
		content(t, l)
		if swept := sweep(t, l); swept.Sealed != 1 || swept.Segments != 1 {
			t.Errorf("%+v", swept)
		}
		if h := stored(t, s, short()); !h.Sealed || h.Compacted != 1 || h.Ended {
			t.Errorf("%+v", h)
		}
	})
}

// What a compaction left in chunks is retired, and the chunks that are needed are not.
func TestSweepStaleChunks(t *testing.T) {
	l, s := openCold(t, short())
	h := create(t, l)
	putAll(t, l, "a", "b", "c", "d", "e")
	s.faults("retire", lost)
	if _, err := l.Compact(t.Context(), name); err == nil {
		t.Fatal("no error")
	}
	s.hook(nil)
	put(t, l, text("f"))
	flushed(t, l)
	if got := holding(t, s, h.Life(name)); got != "chunk 0_2, chunk 1_2, chunk 2_1, chunk 2_2, manifest 0, object segment" {
		t.Fatalf("there is %s", got)
	}
	// The sweep compacts the second segment, and finds the stale chunk of the first.
	swept := did(sweep(t, l))
	if swept.Segments != 1 || swept.Retired != 1 {
		t.Errorf("%+v", swept)
	}
	if got := holding(t, s, h.Life(name)); got != "chunk 2_1, chunk 2_2, manifest 0, manifest 1, object segment, object segment" {
		t.Errorf("left %s", got)
	}
	if got := content(t, l); got != "abcdef" {
		t.Errorf("content %q", got)
	}
}

// What a store keeps of retired chunks for a while is not retired again.
func TestSweepLeavesRetiredChunks(t *testing.T) {
	s := &keeping{store: newStore()}
	l, err := stream.New(s, stream.Options{Limits: short(), Objects: objects{s.store}})
	if err != nil {
		t.Fatal(err)
	}
	create(t, l)
	putAll(t, l, "a", "b", "c")
	compact(t, l, 1)
	s.took()
	if swept := sweep(t, l); swept.Retired != 0 {
		t.Errorf("%+v", swept)
	}
	if ops := s.took(); strings.Contains(ops, "retire") {
		t.Errorf("took %q", ops)
	}
}

// keeping is a store that keeps retired chunks for a while.
type keeping struct{ *store }

func (s *keeping) Retire(context.Context, stream.Life, []stream.Offset, []stream.StagedID) error {
	return nil
}

func (s *keeping) Inventory(ctx context.Context, cursor string, max int) ([]stream.Stored, string, error) {
	found, next, err := s.store.Inventory(ctx, cursor, max)
	for i := range found {
		found[i].Retired = found[i].Kind == stream.KindChunk && found[i].Chunk.To.Segment == 0
	}
	return found, next, err
}

// The data of lives that are over, which a late write left after they were collected.
func TestSweepOrphans(t *testing.T) {
	for _, again := range []bool{false, true} {
		l, s := openCold(t, short())
		h := create(t, l)
		life := h.Life(name)
		putAll(t, l, "a", "b", "c")
		if err := l.Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if swept := sweep(t, l); swept.Settled != 1 {
			t.Errorf("%+v", swept)
		}
		if again {
			create(t, l)
			put(t, l, text("new"))
		}
		ctx := t.Context()
		for what, leave := range map[string]func() error{
			"a chunk":    func() error { return s.Store.PutChunk(ctx, life, chunk(at(0, 0), at(0, 1), "a")) },
			"a producer": func() error { return s.Store.SpillProducer(ctx, life, "p", stream.Producer{}) },
			"a manifest": func() error { return s.Store.PutManifest(ctx, life, stream.Manifest{To: at(0, 1)}) },
			"an old staged item": func() error {
				return s.Store.PutStaged(ctx, life, stream.StagedID{Commit: 1, At: 1}, records("x").Frames)
			},
			"an object": func() error {
				setBody(t, s, stream.SegmentKey(life, 0), []byte("x"))
				return nil
			},
			"two of them": func() error {
				setBody(t, s, stream.SegmentKey(life, 0), []byte("x"))
				setBody(t, s, stream.StagedKey(life, stream.StagedID{Commit: 1, At: 1}), []byte("y"))
				return nil
			},
			"several": func() error {
				setBody(t, s, stream.SegmentKey(life, 0), []byte("x"))
				s.Store.PutChunk(ctx, life, chunk(at(0, 1), at(0, 2), "b"))
				return s.Store.PutChunk(ctx, life, chunk(at(0, 0), at(0, 1), "a"))
			},
		} {
			if err := leave(); err != nil {
				t.Fatal(err)
			}
			if swept := did(sweep(t, l)); swept != (stream.Swept{Orphans: 1}) {
				t.Errorf("%s, again %v: %+v", what, again, swept)
			}
			if got := holding(t, s, life); got != "" {
				t.Errorf("%s, again %v: left %s", what, again, got)
			}
		}
		if again {
			if got := content(t, l); got != "new" {
				t.Errorf("content %q", got)
			}
		}
	}
}

// Objects of others are counted, and left alone, even next to those of this server.
func TestSweepForeignObjects(t *testing.T) {
	l, s := openCold(t, short())
	h := create(t, l)
	foreign := []string{
		"backup/x", "stream/README", "stream/x/y/z", "streams/x",
		stream.ObjectPrefix(h.Life(name)) + "notes", stream.ObjectPrefix(stream.Life{Name: "other"}) + "notes",
	}
	for _, key := range foreign {
		setBody(t, s, key, []byte("x"))
	}
	if swept := sweep(t, l); did(swept) != (stream.Swept{Foreign: 4}) || swept.Objects != 4 {
		t.Errorf("%+v", swept)
	}
	if n := len(keys(t, s)); n != len(foreign) {
		t.Errorf("%d objects are left", n)
	}
}
