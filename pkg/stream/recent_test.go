package stream_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// An id tells when it was made: exactly if that was not long ago, and never a time before
// it.
func TestCommitIDTellsTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		made := time.UnixMicro(rapid.Int64Range(0, 1<<52).Draw(t, "made")).UTC()
		id := stream.NewCommitID(made, rapid.Uint64().Draw(t, "random"))
		if id == 0 {
			t.Fatal("an id is zero")
		}
		since := time.Duration(rapid.Int64Range(-stream.IDAhead.Microseconds(), 1<<37).Draw(t, "since")) * time.Microsecond
		got := id.Made(made.Add(since))
		if got.Before(made) || got.After(made.Add(since+stream.IDAhead)) {
			t.Fatalf("made at %v, seen %v later: it says %v", made, since, got)
		}
		if since < stream.IDPeriod-stream.IDAhead && !got.Equal(made) {
			t.Fatalf("made at %v, seen %v later: it says %v", made, since, got)
		}
	})
}

// Whatever a commit's clock said, and however much was committed and trimmed since: it is
// not applied once more. A commit that is newer than all others is always applied.
func TestCommitsAreAppliedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := stream.DefaultLimits()
		l.Remember = rapid.IntRange(1, 4).Draw(t, "Remember")
		h := &stream.Head{
			Incarnation: stream.Incarnation{1}, Version: 1, Commits: 1, Config: stream.Config{ContentType: "text/plain"},
			CreatedAt: noon, UsedAt: noon, Recent: []stream.CommitMark{{ID: stream.NewCommitID(noon, 1)}},
		}
		var done []*stream.Batch
		now, newest := noon, noon
		for i := range rapid.IntRange(1, 40).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{0, 0, 1, 5, 1000, 3_600_000}).Draw(t, "pause")) * time.Millisecond)
			clock := now.Add(time.Duration(rapid.IntRange(-20_000, 20_000).Draw(t, "differs by")) * time.Millisecond)
			if i%3 == 0 {
				clock = newest.Add(time.Millisecond)
			}
			b := &stream.Batch{ID: stream.NewCommitID(clock, uint64(i)), Appends: []*stream.Append{text("x")}, Now: clock, Incarnation: h.Incarnation}
			next, ok := stream.Admit(h, b, l)
			if ok {
				h, done = next, append(done, b)
			} else if clock.After(newest) {
				t.Fatalf("a commit at %v was refused, those before it were made up to %v: %+v", clock, newest, h)
			}
			if clock.After(newest) {
				newest = clock
			}
			if n := rapid.IntRange(-6, len(h.Buffer)).Draw(t, "trimmed"); n > 0 {
				h, _ = stream.Trimmed(h, h, h.Buffer[n-1].To, l)
			}
			if err := invariants(h, l); err != nil {
				t.Fatal(err)
			}
			for _, b := range done {
				if _, ok := stream.Admit(h, b, l); ok {
					t.Fatalf("a commit that was made at %v is admitted again by %+v", b.Now, h)
				}
			}
		}
	})
}

// A request that was answered and arrives once more, long after it, adds nothing: neither
// while the head remembers it nor later.
func TestLateCopyOfAnAnsweredCommit(t *testing.T) {
	for _, c := range []struct {
		why    string
		others int
		flush  bool
	}{
		{"at once", 0, false},
		{"after others", 20, false},
		{"when it left the buffer", 0, true},
		{"when it is forgotten", 20, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, s := open(t, stream.DefaultLimits())
			create(t, l)
			s.faults("commit", again)
			put(t, l, text("x"))
			other := clocked(t, s, 100*time.Millisecond)
			for range c.others {
				put(t, other, text("o"))
			}
			if c.flush {
				if err := l.Flush(t.Context(), name, stream.Appended{}); err != nil {
					t.Fatal(err)
				}
			}
			s.arrive()
			if got, want := content(t, l), "x"+strings.Repeat("o", c.others); got != want {
				t.Errorf("%s: content %q", c.why, got)
			}
			put(t, l, text("y"))
			if got, want := content(t, l), "x"+strings.Repeat("o", c.others)+"y"; got != want {
				t.Errorf("%s: content %q", c.why, got)
			}
		})
	}
}

// A process whose clock is behind what the head forgot makes a commit that is newer, blindly
// as any other; one whose clock is wrong looks at the head.
func TestClockBehindWhatIsForgotten(t *testing.T) {
	for _, c := range []struct {
		behind time.Duration
		takes  string
	}{
		{0, "commit"},
		{10 * time.Second, "commit commit"},
		{stream.IDAhead + time.Second, "commit commit update"},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, s := open(t, stream.DefaultLimits())
			create(t, clocked(t, s, -time.Hour)) // so that the stream is older than any of these clocks say
			for range 20 {
				put(t, l, text("o"))
			}
			if err := l.Flush(t.Context(), name, stream.Appended{}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Microsecond)
			other := clocked(t, s, -c.behind)
			s.took()
			put(t, other, text("x"))
			if ops := s.took(); ops != c.takes {
				t.Errorf("behind by %v: took %q, want %q", c.behind, ops, c.takes)
			}
			if got := content(t, l); got != strings.Repeat("o", 20)+"x" {
				t.Errorf("behind by %v: content %q", c.behind, got)
			}
		})
	}
}
