package stream_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// batch makes a batch of appends with an id.
func batch(id stream.CommitID, appends ...*stream.Append) *stream.Batch {
	return &stream.Batch{ID: id, Appends: appends, Now: noon}
}

func at(segment, position uint64) stream.Offset {
	return stream.Offset{Segment: segment, Position: position}
}

func admit(t *testing.T, h *stream.Head, b *stream.Batch, l stream.Limits) *stream.Head {
	t.Helper()
	next, ok := stream.Admit(h, b, l)
	if !ok {
		t.Fatal("the batch was refused")
	}
	if err := invariants(next, l); err != nil {
		t.Fatal(err)
	}
	return next
}

// What one plain append changes, and that it changes nothing else.
func TestAdmitOne(t *testing.T) {
	h := head()
	want := h.Clone()
	want.Version, want.Commits, want.UsedAt = 8, 7, noon
	want.Tail, want.SegmentCount, want.SegmentSize = at(4, 55), 7, 55
	want.Buffer = append(want.Buffer, &stream.Entry{Commit: 5, From: at(4, 50), To: at(4, 55), Count: 2, Size: 5, Frames: records("ab", "cde").Frames})
	want.BufferSize = 14 + 13
	before := dump(h)
	got := admit(t, h, batch(5, request("text/plain", []string{"ab", "cde"})), stream.DefaultLimits())
	if dump(got) != dump(want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
	if dump(h) != before {
		t.Error("Admit changed the head that it was given")
	}
}

func TestAdmitCountsMessages(t *testing.T) {
	h := head(func(h *stream.Head) {
		h.ContentType = "application/json"
		h.Tail, h.Buffer, h.BufferSize = at(4, 5), nil, 0
	})
	got := admit(t, h, batch(5, messages(`{"a":1}`, `2`)), stream.DefaultLimits())
	if got.Tail != at(4, 7) || got.Buffer[0].From != at(4, 5) {
		t.Errorf("tail %v, entry %+v", got.Tail, got.Buffer[0])
	}
}

func TestAdmitProducerSeqAndClose(t *testing.T) {
	a := text("x", by("p", 3, 9), seq("s2"), closing)
	got := admit(t, head(), batch(5, a), stream.DefaultLimits())
	if p := got.Producers["p"]; p.Producer != (stream.Producer{Epoch: 3, Seq: 9}) || p.Used != uint64(noon.Unix()) {
		t.Errorf("producer %+v", p)
	}
	if got.Seq != "s2" || !got.Closed || got.ClosedBy != *a.Producer {
		t.Errorf("Seq %q, closed %v by %+v", got.Seq, got.Closed, got.ClosedBy)
	}
	got = admit(t, head(), batch(5, text("x", closing)), stream.DefaultLimits())
	if !got.Closed || got.ClosedBy.ID != "" {
		t.Errorf("closed %v by %+v", got.Closed, got.ClosedBy)
	}
}

// The first producer of a stream that had none.
func TestAdmitFirstProducer(t *testing.T) {
	h := head(func(h *stream.Head) { h.Producers = nil })
	got := admit(t, h, batch(5, text("x", by("p", 0, 0))), stream.DefaultLimits())
	if len(got.Producers) != 1 || h.Producers != nil {
		t.Errorf("producers %v, before %v", got.Producers, h.Producers)
	}
}

// Section 5.3: the tail offset is unchanged, since no data was appended.
func TestAdmitCloseOnly(t *testing.T) {
	h := head()
	got := admit(t, h, batch(5, text("", closing)), stream.DefaultLimits())
	if !got.Closed || got.Tail != h.Tail || len(got.Buffer) != len(h.Buffer) || got.Version != 8 || got.Commits != 7 {
		t.Errorf("%+v", got)
	}
	if m, ok := got.Remembers(5); !ok || m.Tail != h.Tail {
		t.Errorf("mark %+v, %v", m, ok)
	}
}

// A batch is applied as a whole or not at all, in the order of its appends, each
// judged after the ones before it.
func TestAdmitBatches(t *testing.T) {
	for _, c := range []struct {
		why     string
		appends []*stream.Append
		tail    stream.Offset // zero if the batch must be refused
	}{
		{"two appends", []*stream.Append{text("ab"), text("cde")}, at(4, 55)},
		{"consecutive requests of one producer", []*stream.Append{text("a", by("p", 3, 9)), text("b", by("p", 3, 10)), text("c", by("p", 3, 11))}, at(4, 53)},
		{"the first requests of a new one", []*stream.Append{text("a", by("n", 0, 0)), text("b", by("n", 0, 1))}, at(4, 52)},
		{"two producers in turn", []*stream.Append{text("a", by("p", 3, 9)), text("b", by("q", 0, 1)), text("c", by("p", 3, 10))}, at(4, 53)},
		{"a request that skips one of its batch", []*stream.Append{text("a", by("p", 3, 9)), text("b", by("p", 3, 11))}, stream.Offset{}},
		{"requests in the wrong order", []*stream.Append{text("b", by("p", 3, 10)), text("a", by("p", 3, 9))}, stream.Offset{}},
		{"the same request twice", []*stream.Append{text("a", by("p", 3, 9)), text("a", by("p", 3, 9))}, stream.Offset{}},
		{"one duplicate of an earlier batch", []*stream.Append{text("a"), text("b", by("p", 3, 8))}, stream.Offset{}},
		{"increasing Stream-Seqs", []*stream.Append{text("a", seq("1")), text("b", seq("2"))}, at(4, 52)},
		{"the same Stream-Seq twice", []*stream.Append{text("a", seq("1")), text("b", seq("1"))}, stream.Offset{}},
		{"one wrong content type at the end", []*stream.Append{text("a"), text("b", contentType("image/png"))}, stream.Offset{}},
		{"a close at the end", []*stream.Append{text("a"), text("b", closing)}, at(4, 52)},
		{"a close-only at the end", []*stream.Append{text("a"), text("", closing)}, at(4, 51)},
		{"a close in the middle", []*stream.Append{text("a"), text("b", closing), text("c")}, stream.Offset{}},
		{"a second close", []*stream.Append{text("a", closing), text("", closing)}, stream.Offset{}},
		{"a new epoch needs the slow path", []*stream.Append{text("a"), text("b", by("p", 4, 0))}, stream.Offset{}},
	} {
		h := head()
		before := dump(h)
		got, ok := stream.Admit(h, batch(5, c.appends...), stream.DefaultLimits())
		if dump(h) != before {
			t.Errorf("%s: Admit changed the head that it was given", c.why)
		}
		if want := c.tail != (stream.Offset{}); ok != want {
			t.Errorf("%s: admitted %v", c.why, ok)
			continue
		}
		if !ok {
			if got != nil {
				t.Errorf("%s: a head came with the refusal", c.why)
			}
			continue
		}
		if err := invariants(got, stream.DefaultLimits()); err != nil {
			t.Errorf("%s: %v", c.why, err)
		}
		if got.Tail != c.tail || got.Version != h.Version+1 || got.Commits != h.Commits+1 || len(got.Buffer) != len(h.Buffer)+1 {
			t.Errorf("%s: %+v", c.why, got)
		}
	}
}

func TestAdmitBatchKeepsOrder(t *testing.T) {
	got := admit(t, head(), batch(5, text("a"), request("text/plain", []string{"b", "c"}), text("d")), stream.DefaultLimits())
	e := got.Buffer[1]
	if all, _ := unframe(e.Frames); !slices.Equal(all, []string{"a", "b", "c", "d"}) || e.Count != 4 || e.Size != 4 {
		t.Errorf("%q in %+v", all, e)
	}
}

// Room is counted over the whole batch.
func TestAdmitBatchRoom(t *testing.T) {
	l := stream.DefaultLimits()
	l.BufferSize = 14 + 5 + 5
	if _, ok := stream.Admit(head(), batch(5, text("a"), text("b")), l); !ok {
		t.Error("a batch that fits exactly was refused")
	}
	l.BufferSize--
	if _, ok := stream.Admit(head(), batch(5, text("a"), text("b")), l); ok {
		t.Error("a batch that is a byte too long was admitted")
	}
}

// Producers are counted over the whole batch.
func TestAdmitBatchProducers(t *testing.T) {
	l := stream.DefaultLimits()
	l.Producers = 3
	if _, ok := stream.Admit(head(), batch(5, text("a", by("x", 0, 0))), l); !ok {
		t.Error("the last place was refused")
	}
	if _, ok := stream.Admit(head(), batch(5, text("a", by("x", 0, 0)), text("a", by("y", 0, 0))), l); ok {
		t.Error("one producer too many was admitted")
	}
}

// Sealing is decided with an append, in the slow path only; Admit never does it,
// and does not tear a batch that passes the limit.
func TestAdmitDoesNotSeal(t *testing.T) {
	l := stream.DefaultLimits()
	l.SegmentCount = 5
	if _, ok := stream.Admit(head(), batch(5, text("x")), l); ok {
		t.Error("an append to a full segment was admitted")
	}
	if got := admit(t, head(), batch(5, text("", closing)), l); got.Tail != tail {
		t.Errorf("closing a full segment moved the tail to %v", got.Tail)
	}
	l.SegmentCount = 6
	if got := admit(t, head(), batch(5, text("x"), text("y")), l); got.Tail != at(4, 52) || got.SegmentCount != 7 {
		t.Errorf("tail %v, %d records in the segment", got.Tail, got.SegmentCount)
	}
}

func TestAdmitExcludes(t *testing.T) {
	h := head(func(h *stream.Head) { h.Burned = []stream.Burned{{ID: 66, At: noon}} })
	for id, want := range map[stream.CommitID]bool{99: false, 66: false, 5: true} {
		if _, ok := stream.Admit(h, batch(id, text("x")), stream.DefaultLimits()); ok != want {
			t.Errorf("commit %d: admitted %v", id, ok)
		}
		if h.Excludes(id) == want {
			t.Errorf("commit %d: excluded %v", id, !want)
		}
	}
	if _, ok := stream.Admit(nil, batch(5, text("x")), stream.DefaultLimits()); ok {
		t.Error("a batch was admitted to no head")
	}
}

// Section 4: a sliding window resets on each write; an absolute expiry does not.
func TestAdmitRenews(t *testing.T) {
	ttl := stream.Config{ContentType: "text/plain", TTL: time.Hour, HasTTL: true}
	for _, c := range []struct {
		why            string
		config         stream.Config
		deadline, want time.Time
	}{
		{"sliding", ttl, noon.Add(time.Minute), noon.Add(time.Hour + time.Minute)},
		{"in the same moment", ttl, noon.Add(time.Hour + time.Minute), noon.Add(time.Hour + time.Minute)},
		{"back by as much as clocks may differ", ttl, noon.Add(time.Hour + time.Minute + stream.Backstep), noon.Add(time.Hour + time.Minute)},
		{"absolute", stream.Config{ContentType: "text/plain", ExpiresAt: noon.Add(time.Minute)}, noon.Add(time.Minute), noon.Add(time.Minute)},
		{"none", stream.Config{ContentType: "text/plain"}, time.Time{}, time.Time{}},
	} {
		h := head(func(h *stream.Head) { h.Config, h.Deadline = c.config, c.deadline })
		if got := admit(t, h, batch(5, text("x")), stream.DefaultLimits()); !got.Deadline.Equal(c.want) {
			t.Errorf("%s: deadline %v, want %v", c.why, got.Deadline, c.want)
		}
	}
}

// A blind write cannot leave a deadline where it is, so it is not made if it would
// move it back by more than a Backstep. An end that does not move is left alone.
func TestAdmitNeverShortensALife(t *testing.T) {
	ttl := stream.Config{ContentType: "text/plain", TTL: time.Hour, HasTTL: true}
	ahead := func(d time.Duration) *stream.Head {
		return head(func(h *stream.Head) { h.Config, h.Deadline = ttl, noon.Add(ttl.Window()+d) })
	}
	for _, d := range []time.Duration{stream.Backstep + time.Millisecond, time.Second, time.Hour} {
		for _, a := range []*stream.Append{text("x"), text("", closing), text("x", by("p", 3, 9))} {
			if got, ok := stream.Admit(ahead(d), batch(5, text("x"), a), stream.DefaultLimits()); ok {
				t.Errorf("a deadline %v ahead was moved back to %v", d, got.Deadline)
			}
		}
	}
	h := head(func(h *stream.Head) { h.ExpiresAt, h.Deadline = noon.Add(time.Hour), noon.Add(time.Hour) })
	if got := admit(t, h, batch(5, text("x")), stream.DefaultLimits()); !got.Deadline.Equal(h.Deadline) {
		t.Errorf("an end that does not move is %v, was %v", got.Deadline, h.Deadline)
	}
}

// Whoever names no life is admitted to one that had begun by the time of the batch,
// and whoever names it to that life only, whatever the clock says.
func TestAdmitToALife(t *testing.T) {
	created := head().CreatedAt
	for _, c := range []struct {
		why  string
		life stream.Incarnation
		now  time.Time
		want bool
	}{
		{"none, in the first moment", stream.Incarnation{}, created, true},
		{"none, later", stream.Incarnation{}, created.Add(time.Millisecond), true},
		{"none, before it began", stream.Incarnation{}, created.Add(-time.Millisecond), false},
		{"none, long before it began", stream.Incarnation{}, created.Add(-24 * time.Hour), false},
		{"none, without a clock", stream.Incarnation{}, time.Time{}, false},
		{"this one", stream.Incarnation{1}, created, true},
		{"this one, by a slow clock", stream.Incarnation{1}, created.Add(-time.Hour), true},
		{"another one", stream.Incarnation{2}, created.Add(time.Hour), false},
		{"another one, before this one began", stream.Incarnation{2}, created.Add(-time.Hour), false},
	} {
		b := batch(5, text("x"))
		b.Incarnation, b.Now = c.life, c.now
		if _, ok := stream.Admit(head(func(h *stream.Head) { h.Forgotten = time.Time{} }), b, stream.DefaultLimits()); ok != c.want {
			t.Errorf("%s: admitted %v", c.why, ok)
		}
	}
}

// Records that are too large for the buffer are in items of their own, or are not
// admitted.
func TestAdmitOfUnstaged(t *testing.T) {
	l := stream.DefaultLimits()
	l.StageSize = 9
	if _, ok := stream.Admit(head(), batch(5, text("12345")), l); ok {
		t.Error("records of StageSize were put into the buffer")
	}
	if _, ok := stream.Admit(head(), batch(5, text("a"), text("12345")), l); ok {
		t.Error("records of StageSize were put into the buffer with others")
	}
	admit(t, head(), batch(5, text("1234"), text("1234")), l)
}

// Staged records are linked, in the life that they were put for only.
func TestAdmitStaged(t *testing.T) {
	l := stream.DefaultLimits()
	l.StageSize = 8
	b := batch(5, request("text/plain", []string{"0123", "4567"}))
	b.Incarnation = stream.Incarnation{1}
	b.Staged = []stream.Entry{
		{Count: 1, Size: 4, Staged: stream.StagedID{Commit: 8, Part: 0}},
		{Count: 1, Size: 4, Staged: stream.StagedID{Commit: 8, Part: 1}},
	}
	got := admit(t, head(), b, l)
	want := []*stream.Entry{
		{From: at(4, 50), To: at(4, 54), Count: 1, Size: 4, Staged: b.Staged[0].Staged},
		{Commit: 5, From: at(4, 54), To: at(4, 58), Count: 1, Size: 4, Staged: b.Staged[1].Staged},
	}
	if !reflect.DeepEqual(got.Buffer[1:], want) || got.BufferSize != 14 || got.SegmentCount != 7 || got.SegmentSize != 58 {
		t.Errorf("buffer %+v of %d bytes", got.Buffer, got.BufferSize)
	}
	if b.Staged[0].From != (stream.Offset{}) {
		t.Error("Admit changed the batch")
	}
	if _, ok := stream.Admit(head(func(h *stream.Head) { h.Incarnation = stream.Incarnation{2} }), b, l); ok {
		t.Error("records staged for one life were linked in another")
	}
}

func TestTrimmed(t *testing.T) {
	l := stream.DefaultLimits()
	first := head()
	h := admit(t, first, batch(1, text("ab")), l)
	h = admit(t, h, batch(2, text("cd")), l)
	seen := func(change func(h *stream.Head)) *stream.Head {
		other := h.Clone()
		change(other)
		return other
	}
	for _, c := range []struct {
		why  string
		seen *stream.Head
		to   stream.Offset
		left int // entries, or -1 if the trim must be refused
	}{
		{"everything", h, at(4, 54), 0},
		{"everything that was there", first, first.Tail, 2},
		{"the first two", h, at(4, 52), 1},
		{"no part of an entry", h, at(4, 53), 1},
		{"nothing before the first entry's end", h, at(4, 49), 3},
		{"another life", seen(func(h *stream.Head) { h.Incarnation = stream.Incarnation{2} }), at(4, 54), -1},
		{"a buffer that began earlier", seen(func(h *stream.Head) { h.Buffer[0] = &stream.Entry{From: at(4, 39), To: h.Buffer[0].To} }), at(4, 54), -1},
		{"a buffer that begins later", seen(func(h *stream.Head) { h.Buffer = h.Buffer[1:] }), at(4, 54), -1},
		{"an empty buffer that began earlier", seen(func(h *stream.Head) { h.Buffer, h.Tail = nil, at(4, 39) }), at(4, 54), -1},
		{"an empty buffer that began there", seen(func(h *stream.Head) { h.Buffer, h.Tail = nil, at(4, 40) }), at(4, 40), 3},
	} {
		before := dump(h)
		got, ok := stream.Trimmed(h, c.seen, c.to, stream.DefaultLimits())
		if dump(h) != before {
			t.Errorf("%s: Trimmed changed the head that it was given", c.why)
		}
		if ok != (c.left >= 0) {
			t.Errorf("%s: trimmed %v", c.why, ok)
		}
		if !ok {
			continue
		}
		if err := invariants(got, l); err != nil {
			t.Errorf("%s: %v", c.why, err)
		}
		if len(got.Buffer) != c.left || got.Version != h.Version+1 || got.Tail != h.Tail || got.Commits != h.Commits {
			t.Errorf("%s: %+v", c.why, got)
		}
	}
	if _, ok := stream.Trimmed(nil, h, tail, stream.DefaultLimits()); ok {
		t.Error("no head was trimmed")
	}
}

// anyAppend draws an append that is often acceptable to h.
func anyAppend(h *stream.Head) *rapid.Generator[*stream.Append] {
	return rapid.Custom(func(t *rapid.T) *stream.Append {
		a := &stream.Append{ContentType: h.ContentType}
		for range rapid.IntRange(0, 3).Draw(t, "records") {
			a.Records.Add([]byte(rapid.StringN(1, 6, -1).Draw(t, "record")))
		}
		a.Close = a.Records.Count == 0 || rapid.IntRange(0, 30).Draw(t, "close") == 0
		if rapid.IntRange(0, 30).Draw(t, "wrong type") == 0 {
			a.ContentType = "image/png"
		}
		if rapid.Bool().Draw(t, "with producer") {
			id := rapid.SampledFrom([]string{"p", "q", "r", "s"}).Draw(t, "producer")
			p, known := h.Producers[id]
			next := p.Producer
			if known {
				next.Seq += rapid.SampledFrom([]uint64{1, 1, 1, 2, 0}).Draw(t, "step")
			}
			if rapid.IntRange(0, 8).Draw(t, "epoch") == 0 {
				next = stream.Producer{Epoch: p.Epoch + 1}
			}
			a.Producer = &stream.ProducerTag{ID: id, Producer: next}
		}
		if rapid.IntRange(0, 5).Draw(t, "with seq") == 0 {
			a.Seq = fmt.Sprintf("%03d", rapid.IntRange(0, 999).Draw(t, "seq"))
		}
		return a
	})
}

// For any life of a head and any batch: a batch is admitted exactly if its
// appends would be one after the other, with the same effect, and what comes out
// keeps the invariants.
func TestAdmitProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := stream.DefaultLimits()
		l.SegmentCount = rapid.IntRange(1, 20).Draw(t, "SegmentCount")
		l.BufferSize = rapid.IntRange(20, 120).Draw(t, "BufferSize")
		l.BufferCount = rapid.IntRange(1, 6).Draw(t, "BufferCount")
		l.Producers = rapid.IntRange(1, 4).Draw(t, "Producers")
		l.Remember = rapid.IntRange(1, 4).Draw(t, "Remember")
		h := &stream.Head{
			Incarnation: stream.Incarnation{1}, Version: 1, Commits: 1, Recent: []stream.CommitMark{{ID: 1 << 40}},
			Config: stream.Config{ContentType: rapid.SampledFrom([]string{"text/plain", "application/json"}).Draw(t, "type")},
		}
		var all strings.Builder
		for id := range rapid.IntRange(1, 12).Draw(t, "steps") {
			if rapid.IntRange(0, 4).Draw(t, "trim") == 0 {
				to := h.Tail
				if n := len(h.Buffer); n > 0 {
					to = h.Buffer[rapid.IntRange(0, n-1).Draw(t, "entries")].To
				}
				next, ok := stream.Trimmed(h, h, to, l)
				if !ok {
					t.Fatal("a trim of the buffer was refused")
				}
				h = next
			}
			b := &stream.Batch{ID: stream.CommitID(id + 1), Now: noon}
			singly, fits := h, true
			for i := range rapid.IntRange(1, 4).Draw(t, "appends") {
				a := anyAppend(singly).Draw(t, "append")
				b.Appends = append(b.Appends, a)
				one, ok := stream.Admit(singly, &stream.Batch{ID: stream.CommitID(1000 + i), Appends: []*stream.Append{a}, Now: noon}, unsealed(l))
				if fits = fits && ok; fits {
					singly = one
				}
			}
			if h.SegmentCount >= l.SegmentCount && slices.ContainsFunc(b.Appends, func(a *stream.Append) bool { return a.Records.Count > 0 }) {
				fits = false
			}
			before := dump(h)
			next, ok := stream.Admit(h, b, l)
			if dump(h) != before {
				t.Fatal("Admit changed the head that it was given")
			}
			if ok && !fits {
				t.Fatal("a batch was admitted that its appends alone would not be")
			}
			if !ok {
				// Singly, the appends use an entry each; together they use one.
				if fits && len(h.Buffer)+len(b.Appends) <= l.BufferCount {
					t.Fatal("a batch was refused that its appends alone would not be")
				}
				continue
			}
			if err := invariants(next, l); err != nil {
				t.Fatal(err)
			}
			for _, a := range b.Appends {
				rs, _ := unframe(a.Records.Frames)
				all.WriteString(strings.Join(rs, ""))
			}
			if next.Tail != singly.Tail || next.Seq != singly.Seq || next.Closed != singly.Closed || next.ClosedBy != singly.ClosedBy ||
				next.SegmentCount != singly.SegmentCount || next.BufferSize != singly.BufferSize || !maps.EqualFunc(next.Producers, singly.Producers,
				func(p, q stream.HeldProducer) bool { return p.Producer == q.Producer }) {
				t.Fatalf("together %+v\nsingly %+v", next, singly)
			}
			if n := uint64(next.Remembered()); n < min(next.Commits, uint64(l.Remember)) || n > next.Commits {
				t.Fatalf("%d of %d commits are remembered, at least %d should be", n, next.Commits, l.Remember)
			}
			if next.Version != h.Version+1 || next.Commits != h.Commits+1 {
				t.Fatalf("version %d after %d, commits %d after %d", next.Version, h.Version, next.Commits, h.Commits)
			}
			h = next
		}
		var buffered strings.Builder
		for _, e := range h.Buffer {
			rs, _ := unframe(e.Frames)
			buffered.WriteString(strings.Join(rs, ""))
		}
		if !strings.HasSuffix(all.String(), buffered.String()) {
			t.Fatalf("the buffer holds %q at the end of %q", buffered.String(), all.String())
		}
	})
}

// unsealed are limits under which nothing but the segment's size and the number
// of entries differs.
func unsealed(l stream.Limits) stream.Limits {
	l.SegmentCount, l.BufferCount = 1<<30, 1<<30
	return l
}
