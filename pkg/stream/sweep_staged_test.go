package stream_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// ofObjects are limits under which ten bytes are staged as an item, and forty as an
// object.
func ofObjects() stream.Limits {
	l := staging()
	l.ObjectSize = 40
	return l
}

// very is a record that is staged as an object.
const very = large + large + large + large

// stageLost appends a record whose commit never happens, and whose appender dies.
func stageLost(t *testing.T, l *stream.Log, s *store, record string) {
	t.Helper()
	s.faults("commit", rejected)
	if _, err := l.Append(t.Context(), name, text(record)); !errors.Is(err, stream.ErrUnavailable) {
		t.Fatal(err)
	}
	s.hook(nil)
}

// What was staged and never linked goes once it is old; what is linked stays, wherever
// the link is.
func TestSweepUnlinked(t *testing.T) {
	for _, where := range []string{"buffer", "chunks", "object"} {
		synctest.Test(t, func(t *testing.T) {
			lim := ofObjects()
			lim.SegmentCount = 100
			l, s := openCold(t, lim)
			life := create(t, l).Life(name)
			put(t, l, text("a"))
			for range 2 {
				put(t, l, text(large))
				put(t, l, text(very))
				stageLost(t, l, s, large)
				stageLost(t, l, s, very)
			}
			linked := "object staged, object staged, staged 0, staged 0"
			switch where {
			case "chunks":
				flushed(t, l)
			case "object":
				put(t, l, text("", closing))
				flushed(t, l)
				compact(t, l, 1)
				linked = "manifest 0, object segment"
			}
			want := content(t, joinCold(t, s, lim))
			before := stored(t, s, lim)
			time.Sleep(stream.LitterAfter - time.Second)
			if swept := sweep(t, l); swept.Retired+swept.Removed != 0 {
				t.Errorf("%s: too early: %+v", where, swept)
			}
			if h := stored(t, s, lim); h.Version != before.Version {
				t.Errorf("%s: it changed the head: %+v", where, h)
			}
			time.Sleep(time.Second)
			s.took()
			swept := sweep(t, l)
			if swept.Retired != 2 || swept.Removed != 2 || swept.Orphans != 0 {
				t.Errorf("%s: %+v", where, swept)
			}
			// The head is told once, however many there are.
			if n := len(s.times("update")); n != 1 {
				t.Errorf("%s: %d updates", where, n)
			}
			if h := stored(t, s, lim); h.StagedAfter != before.CreatedAt.Unix() || h.Version != before.Version+1 {
				t.Errorf("%s: StagedAfter is %d: %+v", where, h.StagedAfter, h)
			}
			var left []string
			for _, what := range holds(t, s, life) {
				if !strings.HasPrefix(what, "chunk") {
					left = append(left, what)
				}
			}
			if got := strings.Join(left, ", "); got != linked {
				t.Errorf("%s: left %s, want %s", where, got, linked)
			}
			if got := content(t, joinCold(t, s, lim)); got != want {
				t.Errorf("%s: content %q", where, got)
			}
			if swept := sweep(t, l); did(swept) != (stream.Swept{}) {
				t.Errorf("%s: once more: %+v", where, swept)
			}
		})
	}
}

// A process that sleeps between staging and its commit, while the sweep takes what it
// staged for litter, stages again.
func TestSweepAndASleeper(t *testing.T) {
	for _, record := range []string{large, very} {
		for _, wakes := range []string{"update", "retire", "remove", ""} {
			synctest.Test(t, func(t *testing.T) {
				lim := ofObjects()
				lim.WriteTimeout = 24 * time.Hour
				l, s := openCold(t, lim)
				life := create(t, l).Life(name)
				put(t, l, text("a"))
				release := s.hold("commit")
				done := tryAppend(t.Context(), l, text(record))
				synctest.Wait()
				time.Sleep(2 * stream.LitterAfter)
				other := joinCold(t, s, lim)
				s.took()
				if wakes == "" {
					// It sleeps through all of it.
					if swept := sweep(t, other); swept.Retired+swept.Removed != 1 {
						t.Errorf("%+v", swept)
					}
					release()
				} else {
					// It wakes in the middle of it.
					woken := false
					s.mu.Lock()
					s.before = func(op string) fault {
						if op == wakes && !woken {
							woken = true
							release()
							synctest.Wait()
						}
						return fine
					}
					s.mu.Unlock()
					sweep(t, other)
					if !woken {
						release()
					}
				}
				if o := <-done; o.err != nil {
					t.Errorf("woken at %q: %v", wakes, o.err)
				}
				if got := content(t, other); got != "a"+record {
					t.Errorf("woken at %q: content %q", wakes, got)
				}
				time.Sleep(2 * stream.LitterAfter)
				sweep(t, other)
				if got := content(t, joinCold(t, s, lim)); got != "a"+record {
					t.Errorf("woken at %q: later: content %q", wakes, got)
				}
				if n := strings.Count(holding(t, s, life), "staged"); n != 1 {
					t.Errorf("woken at %q: %d staged parts are left", wakes, n)
				}
			})
		}
	}
}

// The same, of one whose commit is an update of the head, because a segment is full.
func TestSweepAndASleepingUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lim := ofObjects()
		lim.SegmentCount, lim.WriteTimeout = 1, 24*time.Hour
		l, s := openCold(t, lim)
		create(t, l)
		put(t, l, text("a"))
		release := s.hold("update")
		done := tryAppend(t.Context(), l, text(large))
		synctest.Wait()
		time.Sleep(2 * stream.LitterAfter)
		other := joinCold(t, &store{Store: s.Store}, lim, func(o *stream.Options) { o.Objects = &s.objects })
		if swept := sweep(t, other); swept.Retired != 1 {
			t.Errorf("%+v", swept)
		}
		s.took()
		release()
		if o := <-done; o.err != nil {
			t.Error(o.err)
		}
		if ops := s.took(); !strings.Contains(ops, "stage") {
			t.Errorf("took %q", ops)
		}
		if got := content(t, other); got != "a"+large {
			t.Errorf("content %q", got)
		}
	})
}

// What was staged for a stream that does not exist yet is kept much longer: its creator
// may be asleep, and no head tells it anything. Then it goes.
func TestSweepUnborn(t *testing.T) {
	for _, record := range []string{large, very} {
		synctest.Test(t, func(t *testing.T) {
			lim := ofObjects()
			lim.WriteTimeout = 30 * 24 * time.Hour
			l, s := openCold(t, lim)
			release := s.hold("create")
			done := make(chan error, 1)
			go func() {
				_, created, err := l.Create(t.Context(), name, &stream.Create{Config: stream.Config{ContentType: "text/plain"}, Records: records(record)})
				if !created && err == nil {
					err = errors.New("not created")
				}
				done <- err
			}()
			synctest.Wait()
			other := joinCold(t, &store{Store: s.Store}, lim, func(o *stream.Options) { o.Objects = &s.objects })
			time.Sleep(stream.UnbornAfter - time.Second)
			if swept := sweep(t, other); did(swept) != (stream.Swept{}) {
				t.Errorf("%+v", swept)
			}
			release()
			if err := <-done; err != nil {
				t.Error(err)
			}
			if got := content(t, other); got != record {
				t.Errorf("content %q", got)
			}
			time.Sleep(stream.UnbornAfter)
			sweep(t, other)
			if got := content(t, other); got != record {
				t.Errorf("later: content %q", got)
			}
			// One that is never created.
			s.faults("create", rejected)
			if _, _, err := l.Create(t.Context(), "never", &stream.Create{Records: records(record)}); err == nil {
				t.Error("created")
			}
			time.Sleep(stream.UnbornAfter - time.Second)
			if swept := sweep(t, other); swept.Orphans != 0 {
				t.Errorf("too early: %+v", swept)
			}
			time.Sleep(time.Second)
			if swept := sweep(t, other); swept.Orphans != 1 {
				t.Errorf("%+v", swept)
			}
		})
	}
}

// A stream that ends while the sweep asks what it links is no problem; one that does not
// stop moving, or cannot be read, is.
func TestSweepUnlinkedRaces(t *testing.T) {
	for _, c := range []struct {
		why      string
		op       string
		do       func(t *testing.T, other *stream.Log) fault
		each     bool
		problems int
		retired  int
	}{
		{"deleted before its links", "chunks", func(t *testing.T, other *stream.Log) fault { other.Delete(t.Context(), name); return fine }, false, 0, 0},
		{"deleted before it is told", "update", func(t *testing.T, other *stream.Log) fault { other.Delete(t.Context(), name); return fine }, false, 0, 0},
		{"replaced before it is told", "update", func(t *testing.T, other *stream.Log) fault {
			other.Delete(t.Context(), name)
			create(t, other)
			return fine
		}, false, 0, 0},
		{"replaced before its links", "chunks", func(t *testing.T, other *stream.Log) fault {
			other.Delete(t.Context(), name)
			create(t, other)
			return fine
		}, false, 0, 0},
		{"used before it is told", "update", func(t *testing.T, other *stream.Log) fault { put(t, other, text("x")); return fine }, false, 0, 1},
		{"used all the time", "update", func(t *testing.T, other *stream.Log) fault { put(t, other, text("x")); return fine }, true, 1, 0},
		{"its head cannot be read", "head", func(*testing.T, *stream.Log) fault { return lost }, false, 1, 0},
		{"its links cannot be read", "chunks", func(*testing.T, *stream.Log) fault { return lost }, false, 1, 0},
		{"it cannot be told", "update", func(*testing.T, *stream.Log) fault { return rejected }, false, 1, 0},
		{"nobody knows whether it was told", "update", func(*testing.T, *stream.Log) fault { return applied }, false, 1, 0},
		{"it cannot be retired", "retire", func(*testing.T, *stream.Log) fault { return lost }, false, 1, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			lim := ofObjects()
			l, s := openCold(t, lim)
			life := create(t, l).Life(name)
			put(t, l, text("a"))
			stageLost(t, l, s, large)
			time.Sleep(2 * stream.LitterAfter)
			other := joinCold(t, &store{Store: s.Store}, lim)
			s.hook(func(op string) fault {
				if op != c.op {
					return fine
				}
				if !c.each {
					s.hook(nil)
				}
				return c.do(t, other)
			})
			swept, err := l.Sweep(t.Context(), everything())
			if swept.Problems != c.problems || (err != nil) != (c.problems > 0) || swept.Retired != c.retired {
				t.Errorf("%s: %+v, %v", c.why, swept, err)
			}
			if err != nil && !strings.Contains(err.Error(), `"a/stream"`) {
				t.Errorf("%s: whose? %v", c.why, err)
			}
			s.hook(nil)
			for range 2 {
				sweep(t, l)
			}
			if got := holding(t, s, life); strings.Contains(got, "staged") {
				t.Errorf("%s: left %s", c.why, got)
			}
		})
	}
}

// In whatever order a stream is appended to, flushed, compacted and swept, by processes
// that die and sleep: what is acknowledged is there, once, and all litter goes.
func TestSweepProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		lim := stream.DefaultLimits()
		lim.WriteTimeout = 24 * time.Hour
		lim.SegmentCount = rapid.IntRange(1, 6).Draw(rt, "SegmentCount")
		lim.StageSize, lim.PartSize = 8, rapid.IntRange(4, 60).Draw(rt, "PartSize")
		lim.ObjectSize = rapid.IntRange(0, 30).Draw(rt, "ObjectSize")
		steps := rapid.SliceOfN(rapid.SampledFrom([]string{
			"small", "large", "large", "sleeps", "dies", "flush", "flush dies", "compact", "compact dies", "sweep", "sweep", "time", "late",
		}), 5, 25).Draw(rt, "steps")
		waits := rapid.SliceOfN(rapid.IntRange(1, 100), 25, 25).Draw(rt, "waits")
		synctestRun(t, rt, func(t *testing.T) error {
			l, s := openCold(t, lim)
			ctx := t.Context()
			life := create(t, l).Life(name)
			var want strings.Builder
			for i, step := range steps {
				record := fmt.Sprintf("<%02d>", i)
				var err error
				switch step {
				case "small":
				case "sleeps":
					// Somebody sweeps while it sleeps, after staging or later.
					record += very[:20]
					ops := 0
					s.hook(func(op string) fault {
						if op != "commit" && op != "update" {
							return fine
						}
						if ops++; ops == 1 {
							time.Sleep(time.Duration(waits[i]) * time.Minute)
							other := joinCold(t, &store{Store: s.Store}, lim, func(o *stream.Options) { o.Objects = &s.objects })
							if _, err := other.Sweep(context.Background(), everything()); err != nil {
								t.Error(err)
							}
						}
						return fine
					})
				case "large":
					record += very[:1+waits[i]%40]
				case "dies":
					s.hook(func(op string) fault {
						if op == "commit" || op == "update" {
							return rejected
						}
						return fine
					})
					l.Append(ctx, name, text(record+very))
					record = ""
				case "flush":
					err, record = l.Flush(ctx, name, stream.Appended{}), ""
				case "flush dies":
					s.faults("trim", lost)
					l.Flush(ctx, name, stream.Appended{})
					record = ""
				case "compact":
					_, err = l.Compact(ctx, name)
					record = ""
				case "compact dies", "late":
					op := []string{"chunks", "put", "get", "manifest", "compact", "remove", "retire"}[waits[i]%7]
					s.faults(op, map[string]fault{"compact dies": lost, "late": late}[step])
					l.Compact(ctx, name)
					record = ""
				case "sweep":
					_, err = l.Sweep(ctx, everything())
					record = ""
				case "time":
					time.Sleep(time.Duration(waits[i]) * time.Minute)
					record = ""
				}
				if record != "" {
					want.WriteString(record)
					_, err = l.Append(ctx, name, text(record))
				}
				s.hook(nil)
				if waits[i]%3 == 0 {
					s.arrive()
				}
				if err != nil {
					return fmt.Errorf("step %d, %s: %w", i, step, err)
				}
				if got := content(t, joinCold(t, s, lim)); got != want.String() {
					return fmt.Errorf("after step %d, %s: content %q, want %q", i, step, got, want.String())
				}
			}
			s.arrive()
			put(t, l, text("", closing))
			flushed(t, l)
			time.Sleep(2 * stream.LitterAfter)
			for range 2 {
				sweep(t, l)
			}
			for _, what := range holds(t, s, life) {
				if strings.Contains(what, "staged") || strings.Contains(what, "chunk") {
					return fmt.Errorf("%s is left", what)
				}
			}
			if got := content(t, joinCold(t, s, lim)); got != want.String() {
				return fmt.Errorf("in the end: content %q, want %q", got, want.String())
			}
			return nil
		})
	})
}
