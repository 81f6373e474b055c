package streamtest

import (
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// testCommitClock: the clock of a commit may be behind that of the one before it. It
// then moves the deadline of a sliding TTL back, by a Backstep at most; one further
// behind must not be applied.
func testCommitClock(t *testing.T, d stream.Driver) {
	l := roomy()
	for _, ttl := range []time.Duration{time.Second, 90 * time.Second, 30 * 24 * time.Hour} {
		name := ttl.String()
		used := sampleTime.Add(time.Hour)
		h := slidingHead(ttl, used)
		mustCreate(t, d, name, h)
		for i, step := range []struct {
			by      time.Duration
			applied bool
		}{
			{0, true}, {time.Millisecond, true}, {-time.Millisecond, true}, {-stream.Backstep, true}, {stream.Backstep, true},
			{-stream.Backstep - time.Millisecond, false}, {-time.Minute, false}, {-time.Hour, false},
			{-stream.Backstep, true}, {ttl / 2, true}, {-ttl / 4, false},
		} {
			now := used.Add(step.by)
			b := batch(produced("p", 0, uint64(h.Commits-1), "x"), plain("y"))
			b.Now = now
			if i%2 == 0 {
				b.Incarnation = h.Incarnation
			}
			deadline := h.Deadline
			var applied bool
			if h, applied = commit(t, d, name, b, l); applied != step.applied {
				t.Fatalf("TTL %v: a clock that differs by %v: applied %v", ttl, step.by, applied)
			}
			if applied {
				used, deadline = now, now.Add(h.Window())
			}
			if !h.Deadline.Equal(deadline) {
				t.Errorf("TTL %v: deadline %v after a clock that differs by %v, want %v", ttl, h.Deadline, step.by, deadline)
			}
		}
	}

	// An end that does not move, and a stream that has none, do not look at the clock.
	mustCreate(t, d, "ending", endingHead(sampleTime.Add(time.Hour)))
	mustCreate(t, d, "endless", openHead())
	for name, contentType := range map[string]string{"ending": "application/json", "endless": "text/plain"} {
		for _, after := range []time.Duration{time.Minute, time.Second, 0} {
			a := plain("1")
			a.ContentType = contentType
			b := batch(a)
			b.Now = sampleTime.Add(after)
			if _, applied := commit(t, d, name, b, l); !applied {
				t.Errorf("%s: a commit %v after the creation was refused", name, after)
			}
		}
	}
}

// testCommitOnce: a commit is applied once, however often it is delivered, and however much
// of those before it the head has forgotten meanwhile. One that is newer is applied, and so
// is an update, by any clock.
func testCommitOnce(t *testing.T, d stream.Driver) {
	l := roomy()
	l.Remember = 3
	h := openHead()
	mustCreate(t, d, "s", h)
	var done []*stream.Batch
	refuse := func() {
		t.Helper()
		for i, b := range done {
			if _, applied := commit(t, d, "s", b, l); applied {
				t.Fatalf("the first of %d commits but %d was applied once more", len(done), i)
			}
		}
	}
	now := sampleTime
	for i := range 12 {
		now = now.Add(time.Duration(i) * time.Second)
		b := madeAt(now.Add(-time.Duration(i%2)*10*time.Millisecond), batch(plain("x"))) // of two processes
		var applied bool
		if h, applied = commit(t, d, "s", b, l); !applied {
			t.Fatalf("commit %d was refused", i)
		}
		done = append(done, b)
		if i%4 == 3 {
			var err error
			h, err = d.Trim(t.Context(), "s", h, h.Buffer[len(h.Buffer)-2].To, l)
			must(t, err)
			if h.Forgotten.IsZero() || h.Forgotten.After(now) {
				t.Errorf("after %d commits, the last of them at %v: forgotten up to %v", i+1, now, h.Forgotten)
			}
			refuse()
		}
	}
	refuse()
	late := madeAt(h.Forgotten, batch(plain("of a clock that is behind")))
	if _, applied := commit(t, d, "s", late, l); applied {
		t.Error("a commit that may have been applied and forgotten was applied")
	}
	late = madeAt(h.Forgotten.Add(time.Microsecond), late)
	late.Now = late.Now.Truncate(time.Millisecond)
	if h, _ = commit(t, d, "s", late, l); h.Commits != uint64(len(done)+2) {
		t.Errorf("a commit that is newer than what is forgotten was refused: %+v", h)
	}
	update(t, d, "s", h, func(next *stream.Head) { next.UsedAt = sampleTime })
	closing := madeAt(now, batch(&stream.Append{Close: true}))
	h, _ = commit(t, d, "s", closing, l)
	h, err := d.Trim(t.Context(), "s", h, h.Tail, l)
	must(t, err)
	if m, ok := h.Remembers(closing.ID); !ok || m.Tail != h.Tail {
		t.Errorf("the commit that closed the stream: remembered %v, as %+v", ok, m)
	}
}

// testCommitOfEarlierLife: what is delivered late, when its life is over, never
// reaches the name's next one, whether or not it knows which life it is for.
func testCommitOfEarlierLife(t *testing.T, d stream.Driver) {
	ctx, l := t.Context(), roomy()
	first, second := openHead(), openHead()
	second.CreatedAt = first.CreatedAt.Add(time.Millisecond)
	mustCreate(t, d, "s", first)
	known := batch(plain("late"))
	known.Incarnation = first.Incarnation
	staged := batch(plain("late and large"))
	staged.Incarnation = first.Incarnation
	staged.Staged = []stream.Entry{{Count: 1, Size: 14, Staged: stream.StagedID{Commit: 8}}}
	late := map[string]*stream.Batch{
		"that knows its life":   known,
		"with staged records":   staged,
		"that knows nothing":    batch(plain("late")),
		"of a producer":         batch(produced("p", 0, 0, "late")),
		"that closes":           batch(&stream.Append{Close: true}),
		"of several appends":    batch(plain("late"), produced("p", 0, 0, "late"), plain("too late")),
		"at the end of a batch": batch(produced("p", 0, 0, "late"), &stream.Append{Close: true}),
	}
	must(t, d.Delete(ctx, "s", first.Incarnation))
	for what, b := range late {
		_, err := d.Commit(ctx, "s", b, l)
		if refused, err := refusal(err); err != nil || refused == nil || refused.Head != nil {
			t.Errorf("a commit %s, without any life: %+v, %v", what, refused, err)
		}
	}
	mustCreate(t, d, "s", second)
	refuse := func() {
		t.Helper()
		h, err := d.Head(ctx, "s", stream.Strong)
		must(t, err)
		for what, b := range late {
			if _, applied := commit(t, d, "s", b, l); applied {
				t.Errorf("a commit %s reached the next life", what)
			}
		}
		wantRefused(t, d, "s", d.Create(ctx, "s", first, nil), h)
		wantRefused(t, d, "s", d.Create(ctx, "s", openHead(), first), h)
		next := first.Clone()
		next.Version = h.Version + 1
		wantRefused(t, d, "s", d.Update(ctx, "s", next), h)
		wantRefused(t, d, "s", d.Delete(ctx, "s", first.Incarnation), h)
		_, err = d.Trim(ctx, "s", first, first.Tail, l)
		wantRefused(t, d, "s", err, h)
		_, err = d.Compact(ctx, first.Life("s"), 100)
		wantRefused(t, d, "s", err, h)
	}
	refuse()
	// In its own life, one that knows nothing is applied from the first moment on.
	own := batch(plain("own"))
	own.Now = second.CreatedAt
	if _, applied := commit(t, d, "s", own, l); !applied {
		t.Error("a commit at the moment of the creation was refused")
	}
	refuse()
	// Whoever knows the life may have any clock.
	slow := batch(plain("slow"))
	slow.Incarnation, slow.Now = second.Incarnation, second.CreatedAt.Add(-time.Hour)
	commit(t, d, "s", slow, l)
}
