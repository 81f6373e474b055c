package streamtest

import (
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// update stores a changed copy of a head and returns it.
func update(t *testing.T, d stream.Driver, name string, h *stream.Head, change func(next *stream.Head)) *stream.Head {
	t.Helper()
	next := h.Clone()
	next.Version++
	change(next)
	must(t, d.Update(t.Context(), name, next))
	wantStored(t, d, name, next)
	return next
}

// begins changes a head as an append does that begins the next segment.
func begins(text string) func(h *stream.Head) {
	return func(h *stream.Head) {
		r := records(text)
		to := stream.Offset{Segment: h.Tail.Segment + 1, Position: uint64(r.Size)}
		h.Buffer = append(h.Buffer, &stream.Entry{Commit: newCommitID(), From: h.Tail, To: to, Count: r.Count, Size: r.Size, Frames: r.Frames})
		h.BufferSize += len(r.Frames)
		h.Tail, h.SegmentCount, h.SegmentSize = to, r.Count, r.Size
		h.Sealed, h.Ended = false, true
		h.Commits++
	}
}

// staged is a batch whose records were staged at some time for the life of a head.
func staged(h *stream.Head, at int64) (*stream.Batch, stream.Limits) {
	a := plain("large text")
	b := batch(a)
	b.Incarnation = h.Incarnation
	b.Staged = []stream.Entry{{Count: 1, Size: a.Records.Size, Staged: stream.StagedID{Commit: stream.StagedCommit(newCommitID()), At: at}}}
	l := roomy()
	l.StageSize = len(a.Records.Frames)
	return b, l
}

// testSealed: a sealed segment takes no records, however they come, but the stream can
// be closed, and an update begins the next segment.
func testSealed(t *testing.T, d stream.Driver) {
	l := roomy()
	mustCreate(t, d, "s", openHead())
	h, _ := commit(t, d, "s", batch(plain("first")), l)
	h = update(t, d, "s", h, func(next *stream.Head) { next.Sealed = true })
	refuse := func(name string, h *stream.Head) {
		t.Helper()
		closing := plain("the end")
		closing.Close = true
		large, limits := staged(h, sampleTime.Unix())
		for what, b := range map[string]*stream.Batch{
			"a record":              batch(plain("x")),
			"of a producer":         batch(produced("p", 0, 0, "x")),
			"that closes":           batch(closing),
			"with nothing at first": batch(produced("p", 0, 0), plain("x")),
			"staged":                large,
		} {
			if _, applied := commit(t, d, name, b, limits); applied {
				t.Errorf("a sealed segment took an append %s", what)
			}
		}
	}
	refuse("s", h)
	// What else changes the head does not open the segment.
	h, err := d.Trim(t.Context(), "s", h, h.Tail, roomy())
	must(t, err)
	refuse("s", h)
	h = compactDriver(t, d, h.Life("s"), 1, true)
	refuse("s", h)

	update(t, d, "s", h, begins("second"))
	h, applied := commit(t, d, "s", batch(plain("third")), l)
	if !applied || h.Sealed {
		t.Errorf("a commit to the next segment: applied %v, and it is sealed: %v", applied, h.Sealed)
	}

	for name, a := range map[string]*stream.Append{"plainly": {Close: true}, "by a producer": produced("p", 0, 0)} {
		h := openHead()
		h.Sealed = true
		mustCreate(t, d, name, h)
		wantStored(t, d, name, h)
		a.Close = true
		h, applied := commit(t, d, name, batch(a), l)
		if !applied || !h.Closed || !h.Sealed || !h.Ended {
			t.Errorf("closing a sealed stream %s: applied %v, %+v", name, applied, h)
		}
	}
}

// testEnded: a write that ended a segment says so, until the next write of any kind.
func testEnded(t *testing.T, d stream.Driver) {
	ctx, l := t.Context(), roomy()
	ended := func(name string, want bool) *stream.Head {
		t.Helper()
		h, err := d.Head(ctx, name, stream.Strong)
		must(t, err)
		if h.Ended != want {
			t.Fatalf("%s: the stored head says that its write ended a segment: %v, want %v", name, h.Ended, want)
		}
		return h
	}
	nexts := map[string]func(name string, h *stream.Head){
		"update": func(name string, h *stream.Head) { update(t, d, name, h, func(*stream.Head) {}) },
		"trim": func(name string, h *stream.Head) {
			after, err := d.Trim(ctx, name, h, h.Tail, l)
			must(t, err)
			if after.Ended {
				t.Error("Trim returned a head that says it ended a segment")
			}
		},
		"compact": func(name string, h *stream.Head) { compactDriver(t, d, h.Life(name), h.Compacted+1, true) },
		"commit": func(name string, h *stream.Head) {
			if _, applied := commit(t, d, name, batch(plain("goes on")), l); !applied {
				t.Error("a commit after the end of a segment was refused")
			}
		},
	}
	for what, next := range nexts {
		// Ended by an update, and by a create.
		mustCreate(t, d, what, openHead())
		h, _ := commit(t, d, what, batch(plain("first")), l)
		ended(what, false)
		update(t, d, what, h, begins("second"))
		next(what, ended(what, true))
		h = ended(what, false)
		// And again: it is not a matter of the first time.
		update(t, d, what, h, begins("third"))
		next(what, ended(what, true))
		ended(what, false)

		created := openHead()
		created.Ended = true
		mustCreate(t, d, what+" after a create", created)
		next(what+" after a create", ended(what+" after a create", true))
		ended(what+" after a create", false)
		if what == "commit" {
			continue
		}
		// Ended by a commit that closes.
		last := plain("last")
		last.Close = true
		for how, a := range map[string]*stream.Append{"a close": {Close: true}, "a last record": last} {
			name := what + " after " + how
			mustCreate(t, d, name, openHead())
			commit(t, d, name, batch(plain("first")), l)
			if _, applied := commit(t, d, name, batch(a), l); !applied {
				t.Errorf("%s: the close was refused", name)
			}
			next(name, ended(name, true))
			ended(name, false)
		}
	}
	// What is refused changes nothing.
	mustCreate(t, d, "closed", openHead())
	commit(t, d, "closed", batch(&stream.Append{Close: true}), l)
	if _, applied := commit(t, d, "closed", batch(plain("x")), l); applied {
		t.Error("a closed stream took a record")
	}
	ended("closed", true)
}

// testStagedAfter: what was staged so long ago that it may have been discarded is not
// linked any more.
func testStagedAfter(t *testing.T, d stream.Driver) {
	at, now := sampleTime.Unix(), sampleTime
	h := openHead()
	mustCreate(t, d, "s", h)
	link := func(at int64, want bool) {
		t.Helper()
		b, l := staged(h, at)
		// What a trim will forget was made before.
		now = now.Add(time.Millisecond)
		after, applied := commit(t, d, "s", madeAt(now, b), l)
		if applied != want {
			t.Errorf("items staged at %d were linked: %v; the head says that those of %d must not be", at, applied, h.StagedAfter)
		}
		h = after
	}
	// As long as nothing was discarded, any time will do.
	link(1, true)
	link(at-3600, true)
	for _, after := range []int64{at - 3600, at, at + 1, at + 1<<32} {
		h = update(t, d, "s", h, func(next *stream.Head) { next.StagedAfter = after })
		link(after-1, false)
		link(after, false)
		link(after/10, false) // shorter, as text
		link(after+1, true)
		link(after+3600, true)
		link(after, false)
		var applied bool
		if h, applied = commit(t, d, "s", batch(plain("small")), roomy()); !applied || h.StagedAfter != after {
			t.Errorf("a commit without staged items: applied %v, and StagedAfter is %d after it, want %d", applied, h.StagedAfter, after)
		}
	}
	h, err := d.Trim(t.Context(), "s", h, h.Tail, roomy())
	must(t, err)
	h = compactDriver(t, d, h.Life("s"), 1, true)
	link(at, false)
	link(h.StagedAfter+1, true)
}

// testUsedAt: a commit says when the stream was used, to the millisecond, and nothing
// else changes it.
func testUsedAt(t *testing.T, d stream.Driver) {
	ctx, l := t.Context(), roomy()
	heads := map[string]*stream.Head{
		"open": openHead(), "sliding": slidingHead(time.Hour, sampleTime), "ending": endingHead(sampleTime.Add(24 * time.Hour)),
	}
	for name, h := range heads {
		mustCreate(t, d, name, h)
		wantStored(t, d, name, h)
		want := sampleTime
		for _, step := range []time.Duration{time.Millisecond, 999 * time.Millisecond, time.Minute, 0, 59 * time.Minute} {
			want = want.Add(step)
			a := plain("1")
			a.ContentType = h.ContentType
			b := batch(a)
			b.Now = want
			h, applied := commit(t, d, name, b, l)
			if !applied || !h.UsedAt.Equal(want) {
				t.Errorf("%s: a commit at %v: applied %v, used at %v", name, want, applied, h.UsedAt)
			}
			trimmed, err := d.Trim(ctx, name, h, h.Tail, l)
			must(t, err)
			if h = compactDriver(t, d, h.Life(name), h.Compacted+1, true); !h.UsedAt.Equal(want) || !trimmed.UsedAt.Equal(want) {
				t.Errorf("%s: used at %v after a trim and %v after a compaction, want %v", name, trimmed.UsedAt, h.UsedAt, want)
			}
		}
		h, err := d.Head(ctx, name, stream.Strong)
		must(t, err)
		want = want.Add(time.Second)
		update(t, d, name, h, func(next *stream.Head) {
			next.UsedAt = want
			if next.HasTTL {
				next.Deadline = want.Add(next.Window())
			}
		})
		end := batch(&stream.Append{Close: true})
		end.Now = want.Add(time.Second)
		if h, applied := commit(t, d, name, end, l); !applied || !h.UsedAt.Equal(end.Now) {
			t.Errorf("%s: closed at %v: applied %v, used at %v", name, end.Now, applied, h.UsedAt)
		}
	}
}
