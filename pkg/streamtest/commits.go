package streamtest

import (
	"errors"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// commit commits a batch and compares the outcome with that of the rule. It
// returns the stored head, and whether the batch was applied.
func commit(t *testing.T, d stream.Driver, name string, b *stream.Batch, l stream.Limits) (*stream.Head, bool) {
	t.Helper()
	before, err := d.Head(t.Context(), name, stream.Strong)
	must(t, err)
	want, admitted := stream.Admit(before, b, l)
	h, err := d.Commit(t.Context(), name, b, l)
	var refused *stream.RefusedError
	if errors.As(err, &refused) {
		// A driver may refuse more than the rule does.
		wantRefused(t, d, name, err, before)
		return before, false
	}
	if err != nil {
		t.Fatalf("Commit: %v", err)
	}
	if !admitted {
		t.Fatalf("Commit applied a batch that Admit refuses: %+v", b)
	}
	if diff := diffHeads(h, want); diff != "" {
		t.Fatalf("Commit returned another head than Admit:\n%s", diff)
	}
	wantStored(t, d, name, h)
	return h, true
}

// testCommit commits every kind of batch that the rule may admit.
func testCommit(t *testing.T, d stream.Driver) {
	l := roomy()
	l.Remember, l.Producers = 3, 3
	mustCreate(t, d, "text", openHead())
	mustCreate(t, d, "sliding", slidingHead(time.Minute, sampleTime))
	mustCreate(t, d, "json", endingHead(sampleTime.Add(time.Hour)))
	next := func(name string, b *stream.Batch) {
		t.Helper()
		commit(t, d, name, b, l)
	}

	next("text", batch(plain("one")))
	next("text", batch(plain("two", "", "three")))
	next("text", batch(plain("gröup"), plain("of\n"), plain("three")))
	next("text", batch(produced("p", 0, 0, "first of p")))
	next("text", batch(produced("p", 0, 1, "second"), produced("p", 0, 2, "third"), produced("q/ü", 5, 0, "first of q")))
	next("text", batch(produced("r", 0, 0)))
	withSeq := produced("p", 0, 3, "with seq")
	withSeq.Seq = "0001"
	second := plain("higher")
	second.Seq = "0002ü"
	next("text", batch(withSeq, second))
	head, err := d.Head(t.Context(), "text", stream.Strong)
	must(t, err)
	staged := batch(produced("p", 0, 4, "large text", "in two parts"))
	staged.Incarnation = head.Incarnation
	staged.Staged = []stream.Entry{
		{Count: 1, Size: 10, Staged: stream.StagedID{Commit: 1<<63 + 3, Part: 0, Object: true}},
		{Count: 1, Size: 12, Staged: stream.StagedID{Commit: 1<<63 + 3, Part: 1}},
	}
	small := l
	small.StageSize = 20
	commit(t, d, "text", staged, small)
	pinned := batch(plain("pinned"))
	pinned.Incarnation = head.Incarnation
	next("text", pinned)
	closing := produced("p", 0, 5, "the end")
	closing.Close = true
	next("text", batch(plain("before the end"), closing))

	for _, seconds := range []time.Duration{30, 30, 90} {
		renews := batch(plain("renews"))
		renews.Now = sampleTime.Add(seconds * time.Second)
		next("sliding", renews)
	}

	message := plain(`{"a":1}`, `[2]`)
	message.ContentType = "Application/JSON; charset=utf-8"
	next("json", batch(message))
	next("json", batch(&stream.Append{Close: true}))
}

// testCommitRefused offers batches that the rule refuses, each of which must be
// refused with the stored head and without any effect, as a whole.
func testCommitRefused(t *testing.T, d stream.Driver) {
	l := roomy()
	l.Producers = 2
	h := openHead()
	h.Seq = "5"
	h.Producers = map[string]stream.HeldProducer{"p": {Producer: stream.Producer{Epoch: 3, Seq: 7}, Used: uint64(sampleTime.Unix())}}
	h.Burned = []stream.Burned{{ID: 666, At: sampleTime}}
	h.Recent = []stream.CommitMark{{ID: 555}}
	h.ExpiresAt = sampleTime.Add(time.Hour)
	h.Deadline = h.ExpiresAt
	h.Commits, h.Version = 2, 3
	mustCreate(t, d, "s", h)

	with := func(a *stream.Append, change func(a *stream.Append)) *stream.Append { change(a); return a }
	seq := func(s string) *stream.Append { return with(plain("x"), func(a *stream.Append) { a.Seq = s }) }
	identified := func(id stream.CommitID) *stream.Batch { b := batch(plain("x")); b.ID = id; return b }
	late := batch(plain("x"))
	late.Now = h.Deadline
	otherLife := batch(plain("x"))
	otherLife.Incarnation = newIncarnation()
	// Of a committer that knows no life, from before this one began.
	beforeItsLife := batch(plain("x"))
	beforeItsLife.Now = h.CreatedAt.Add(-time.Millisecond)
	longBefore := batch(produced("q", 0, 0, "x"))
	longBefore.Now = h.CreatedAt.Add(-time.Hour)
	full, crowded, few, small := l, l, l, l
	full.SegmentCount, crowded.BufferCount, few.Producers, small.StageSize = 1, 1, 1, 5

	cases := []struct {
		name   string
		batch  *stream.Batch
		limits stream.Limits
	}{
		{"duplicate", batch(produced("p", 3, 7, "x")), l},
		{"older duplicate", batch(produced("p", 3, 0, "x")), l},
		{"gap", batch(produced("p", 3, 9, "x")), l},
		{"gap in a batch", batch(produced("p", 3, 8, "x"), produced("p", 3, 10, "x")), l},
		{"twice in a batch", batch(produced("p", 3, 8, "x"), produced("p", 3, 8, "x")), l},
		{"fenced", batch(produced("p", 2, 8, "x")), l},
		{"new epoch", batch(produced("p", 4, 0, "x")), l},
		{"new epoch at 1", batch(produced("p", 4, 1, "x")), l},
		{"new producer at 1", batch(produced("q", 0, 1, "x")), l},
		{"no place for a producer", batch(produced("q", 0, 0, "x")), few},
		{"too many producers in a batch", batch(produced("q", 0, 0, "x"), produced("r", 0, 0, "x")), l},
		{"same Stream-Seq", batch(seq("5")), l},
		{"lower Stream-Seq", batch(seq("40")), l},
		{"Stream-Seq back in a batch", batch(seq("7"), seq("6")), l},
		{"content type", batch(with(plain("x"), func(a *stream.Append) { a.ContentType = "text/html" })), l},
		{"good, then bad", batch(plain("good"), produced("q", 0, 0, "good"), produced("p", 2, 8, "bad")), l},
		{"append after close in a batch", batch(with(plain("x"), func(a *stream.Append) { a.Close = true }), plain("x")), l},
		{"burned", identified(666), l},
		{"already applied", identified(555), l},
		{"expired", late, l},
		{"other life", otherLife, l},
		{"before its life", beforeItsLife, l},
		{"long before its life", longBefore, l},
		{"too large, and not staged", batch(plain("x")), small},
	}
	for _, c := range cases {
		if _, admitted := stream.Admit(h, c.batch, c.limits); admitted {
			t.Fatalf("%s: the rule admits it; the test is wrong", c.name)
		}
		_, err := d.Commit(t.Context(), "s", c.batch, c.limits)
		var refused *stream.RefusedError
		if !errors.As(err, &refused) {
			t.Fatalf("%s: got %v, want a refusal", c.name, err)
		}
		wantRefused(t, d, "s", err, h)
	}

	// Limits of what is there already, then a spilled producer, then a closed stream.
	h, ok := commit(t, d, "s", batch(plain("x")), l)
	if !ok {
		t.Fatal("a plain append was refused")
	}
	for _, limits := range []stream.Limits{full, crowded} {
		if _, ok := commit(t, d, "s", batch(plain("x")), limits); ok {
			t.Error("an append beyond a limit was applied")
		}
	}
	spilled := h.Clone()
	spilled.Version++
	spilled.Spilled = true
	must(t, d.Update(t.Context(), "s", spilled))
	if _, ok := commit(t, d, "s", batch(produced("q", 0, 0, "x")), l); ok {
		t.Error("an append by a producer that may be spilled was applied")
	}
	closed := spilled.Clone()
	closed.Version++
	closed.Closed, closed.ClosedBy = true, *tag("p", 3, 7)
	must(t, d.Update(t.Context(), "s", closed))
	for _, a := range []*stream.Append{plain("x"), {Close: true}, produced("p", 3, 7, "x"), produced("p", 3, 8, "x")} {
		if _, ok := commit(t, d, "s", batch(a), l); ok {
			t.Error("an append to a closed stream was applied")
		}
	}
}

// testCommitFastPath: what nearly all appends are must not be refused, or the
// blind commit would be of no use.
func testCommitFastPath(t *testing.T, d stream.Driver) {
	l := roomy()
	mustCreate(t, d, "s", openHead())
	for seq := range uint64(20) {
		for _, a := range []*stream.Append{plain("plain"), produced("p", 0, seq, "produced")} {
			if _, ok := commit(t, d, "s", batch(a), l); !ok {
				t.Fatalf("round %d: refused although Admit accepts", seq)
			}
		}
	}
	if _, ok := commit(t, d, "s", batch(plain("a"), produced("p", 0, 20, "b"), plain("c")), l); !ok {
		t.Error("a batch was refused although Admit accepts")
	}
}

func testTrim(t *testing.T, d stream.Driver) {
	ctx, l := t.Context(), roomy()
	trim := func(allowed bool, name string, seen *stream.Head, to stream.Offset) *stream.Head {
		t.Helper()
		before, err := d.Head(ctx, name, stream.Strong)
		must(t, err)
		want, _ := stream.Trimmed(before, seen, to, l)
		h, err := d.Trim(ctx, name, seen, to, l)
		if !allowed {
			wantRefused(t, d, name, err, before)
			return before
		}
		must(t, err)
		if diff := diffHeads(h, want); diff != "" {
			t.Fatalf("Trim returned another head than Trimmed:\n%s", diff)
		}
		wantStored(t, d, name, h)
		return h
	}
	full := fullHead()
	mustCreate(t, d, "full", full)
	// Whoever flushes has seen the head as it was at some time.
	otherLife := full.Clone()
	otherLife.Incarnation = newIncarnation()
	trim(false, "full", otherLife, full.Tail)
	later, _ := stream.Trimmed(full, full, full.Buffer[0].To, l)
	trim(false, "full", later, full.Tail)
	trim(false, "full", earlier(full), full.Tail)
	// Nothing to remove: applied, though without an effect on the buffer.
	trim(true, "full", full, full.BufferFrom())
	trim(true, "full", full, full.Buffer[2].To)
	trim(false, "full", full, full.Tail)
	rest, _ := stream.Trimmed(full, full, full.Buffer[2].To, l)
	trim(true, "full", rest, full.Tail)
	trim(false, "full", rest, full.Tail)
	empty, _ := stream.Trimmed(full, full, full.Tail, l)
	trim(true, "full", empty, full.Tail)

	// What was appended meanwhile stays.
	mustCreate(t, d, "s", openHead())
	seen, _ := commit(t, d, "s", batch(plain("flushed")), l)
	second, _ := commit(t, d, "s", batch(plain("appended meanwhile")), l)
	h := trim(true, "s", seen, seen.Tail)
	if len(h.Buffer) != 1 || h.BufferFrom() != seen.Tail {
		t.Errorf("buffer after the trim: %+v", h.Buffer)
	}
	trim(false, "s", seen, seen.Tail)
	trim(false, "s", second, second.Tail)
	commit(t, d, "s", batch(plain("goes on")), l)
	h = trim(true, "s", h, h.Tail)
	if len(h.Buffer) != 1 || h.BufferSize != len(records("goes on").Frames) {
		t.Errorf("buffer after the second trim: %+v", h.Buffer)
	}
	commit(t, d, "s", batch(produced("p", 0, 0, "and on")), l)
}

// testLongTrim: a buffer is trimmed by as many entries as one step may remove, what is left
// by the rest, and each step wholly or not at all.
func testLongTrim(t *testing.T, d stream.Driver) {
	ctx, l := t.Context(), roomy()
	want := longHead(2*stream.MaxTrim + 1)
	mustCreate(t, d, "s", want)
	for n := 0; len(want.Buffer) > 0; n++ {
		seen, to := want, want.Buffer[min(stream.MaxTrim, len(want.Buffer))-1].To
		want, _ = stream.Trimmed(seen, seen, to, l)
		h, err := d.Trim(ctx, "s", seen, to, l)
		must(t, err)
		if diff := diffHeads(h, want); diff != "" {
			t.Fatalf("Trim %d returned another head than Trimmed:\n%s", n, diff)
		}
		wantStored(t, d, "s", want)
		_, err = d.Trim(ctx, "s", seen, to, l)
		wantRefused(t, d, "s", err, want)
	}
}
