package dynamo_test

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Random heads and random batches go through the condition expression on the store
// and through the pure rule. The expression must never accept what the rule refuses;
// what both accept must give the same head; and a single append that the rule accepts
// must be accepted, or it would not be one request.
func TestExpressionAcceptsWhatTheRuleAdmits(t *testing.T) {
	d := onDynoxide(t)
	n, accepted, refused := 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		name := fmt.Sprint("s", n)
		l := drawLimits(rt)
		h := drawHead(rt, l)
		if err := d.Create(t.Context(), name, h, nil); err != nil {
			rt.Fatal(err)
		}
		for range 8 {
			b := drawBatch(rt, h, l)
			spoil(rt, h, b)
			l := border(rt, l, h, b)
			want, admitted := stream.Admit(h, b, l)
			got, err := d.Commit(t.Context(), name, b, l)
			var no *stream.RefusedError
			switch {
			case err == nil && !admitted:
				rt.Fatalf("the expression accepts what the rule refuses\nhead %+v\nbatch %+v", h, b)
			case err == nil:
				accepted++
				if diff := differ(got, want); diff != "" {
					rt.Fatalf("the expression makes another head than the rule: %s", diff)
				}
				h = got
			case !errors.As(err, &no):
				rt.Fatal(err)
			case admitted && len(b.Appends) == 1:
				rt.Fatalf("the expression refuses a single append that the rule accepts\nhead %+v\nappend %+v", h, b.Appends[0])
			default:
				refused++
				if diff := differ(no.Head, h); diff != "" {
					rt.Fatalf("the refusal has another head than the stored one: %s", diff)
				}
			}
		}
	})
	t.Logf("%d accepted, %d refused", accepted, refused)
	if accepted == 0 || refused == 0 {
		t.Error("the draw does not reach both sides")
	}
}

// differ tells in which field two heads differ.
func differ(got, want *stream.Head) string {
	g, w := got.Clone(), want.Clone()
	g.Ended, w.Ended = got.Ended, want.Ended
	if len(g.Producers) == 0 && len(w.Producers) == 0 {
		g.Producers, w.Producers = nil, nil
	}
	for _, h := range []*stream.Head{g, w} {
		h.Recent = slices.Clip(append([]stream.CommitMark{}, h.Recent...))
		h.Burned = append([]stream.Burned{}, h.Burned...)
		h.Buffer = append([]*stream.Entry{}, h.Buffer...)
	}
	gv, wv := reflect.ValueOf(*g), reflect.ValueOf(*w)
	for i := range gv.NumField() {
		if a, b := gv.Field(i).Interface(), wv.Field(i).Interface(); !reflect.DeepEqual(a, b) {
			return fmt.Sprintf("%s is %+v, want %+v", gv.Type().Field(i).Name, a, b)
		}
	}
	return ""
}

var clock = time.UnixMilli(1_767_323_045_678).UTC()

// rarely is true one time in eight. Most requests are to be admitted but for one
// reason, or else each reason hides behind the others.
func rarely(t *rapid.T, label string) bool { return heads(t, 3, label) }

// heads tosses coins. A number from a range would be small too often.
func heads(t *rapid.T, coins int, label string) bool {
	return !slices.Contains(rapid.SliceOfN(rapid.Bool(), coins, coins).Draw(t, label), false)
}

// drawLimits makes some of the limits narrow.
func drawLimits(t *rapid.T) stream.Limits {
	l := stream.DefaultLimits()
	narrow := func(limit *int, label string, wide, from, to int) {
		*limit = wide
		if heads(t, 2, label+" is narrow") {
			*limit = rapid.IntRange(from, to).Draw(t, label)
		}
	}
	narrow(&l.SegmentCount, "SegmentCount", 1000, 1, 12)
	narrow(&l.SegmentSize, "SegmentSize", 10_000, 1, 120)
	narrow(&l.BufferSize, "BufferSize", 10_000, 40, 150)
	narrow(&l.StageSize, "StageSize", min(100, l.BufferSize), 12, 40)
	narrow(&l.BufferCount, "BufferCount", 1000, 1, 8)
	narrow(&l.Producers, "Producers", 16, 1, 4)
	narrow(&l.Remember, "Remember", 8, 1, 2)
	return l
}

// drawHead makes a head by what happens to heads: from a new one on, by batches that
// the rule admits, and by trims.
func drawHead(t *rapid.T, l stream.Limits) *stream.Head {
	h := &stream.Head{
		Version: 1, Commits: 1, CreatedAt: clock, Incarnation: stream.Incarnation{1},
		Config: stream.Config{ContentType: rapid.SampledFrom(mediaTypes).Draw(t, "type")},
		Recent: []stream.CommitMark{{ID: stream.NewCommitID(clock, 1)}},
	}
	switch rapid.IntRange(0, 3).Draw(t, "expiry") {
	case 1:
		h.UsedAt = clock
		h.HasTTL, h.TTL = true, time.Duration(rapid.SampledFrom([]int{3, 3, 3, 3, 2, 1, 0}).Draw(t, "TTL"))*time.Second
		h.Deadline = clock.Add(h.Window())
	case 2:
		h.ExpiresAt = clock.Add(time.Duration(rapid.SampledFrom([]int{1101, 1101, 1101, 1000, 301, 300, -1}).Draw(t, "expires")) * time.Millisecond)
		h.Deadline = h.ExpiresAt
	}
	for range rapid.IntRange(0, 6).Draw(t, "history") {
		if next, ok := stream.Admit(h, drawBatch(t, h, l), l); ok && (!next.Closed || rarely(t, "closed")) {
			h = next
		} else if next, ok := stream.Trimmed(h, h, h.Tail, l); ok && rapid.Bool().Draw(t, "trim") {
			h = next
		}
	}
	h = h.Clone()
	for _, id := range slices.Sorted(maps.Keys(h.Producers)) {
		p := h.Producers[id]
		// Numbers that begin with the digits of another one.
		if p.Seq = 10; rapid.Bool().Draw(t, "ten") {
			h.Producers[id] = p
		}
	}
	if rarely(t, "over") {
		h.Closed = true
	}
	h.Spilled = rarely(t, "spilled")
	h.Sealed = rarely(t, "sealed")
	h.Ended = rapid.Bool().Draw(t, "the last write ended a segment")
	h.Compacted = uint64(rapid.IntRange(0, 2).Draw(t, "compacted"))
	if heads(t, 2, "swept") {
		h.StagedAfter = stagedAt + int64(rapid.IntRange(-2, 1).Draw(t, "staged after"))
	}
	h.Forks = rapid.IntRange(0, 2).Draw(t, "forks")
	h.Deleted = rarely(t, "deleted")
	if rapid.Bool().Draw(t, "is a fork") {
		h.Origin = &stream.Origin{Source: stream.Life{Name: "source", Incarnation: stream.Incarnation{8}}, At: stream.Offset{Position: 300}, Sub: 300}
	}
	if rarely(t, "burn") {
		h.Burned = []stream.Burned{{ID: stream.CommitID(rapid.IntRange(1, 4).Draw(t, "burned")), At: clock}}
	}
	return h
}

var mediaTypes = []string{"application/json", "text/plain", `text/PLAIN; charset="x"`}

func drawBatch(t *rapid.T, h *stream.Head, l stream.Limits) *stream.Batch {
	b := &stream.Batch{Now: clock.Add(time.Duration(rapid.IntRange(300, 345).Draw(t, "now")) * time.Millisecond)}
	switch {
	case h.HasTTL && rarely(t, "at the end"):
		b.Now = h.Deadline.Add(time.Duration(rapid.IntRange(-1, 1).Draw(t, "now")) * time.Millisecond)
	case rarely(t, "another time"):
		b.Now = clock.Add(time.Duration(rapid.SampledFrom([]int{-60, -1, 0, 1, 50, 299, 300, 301, 350, 351, 400, 1000, 1050, 1100}).Draw(t, "now")) * time.Millisecond)
	}
	b.ID = stream.NewCommitID(b.Now, rapid.Uint64().Draw(t, "id"))
	if rapid.Bool().Draw(t, "knows the life") {
		b.Incarnation = h.Incarnation
	}
	at := h
	for i := range rapid.SampledFrom([]int{1, 1, 1, 2, 3}).Draw(t, "appends") {
		a := drawAppend(t, at)
		b.Appends = append(b.Appends, a)
		// The next one follows on it.
		if next, ok := stream.Admit(at, &stream.Batch{ID: stream.CommitID(1 + i), Appends: b.Appends[len(b.Appends)-1:], Now: b.Now}, l); ok {
			at = next
		}
	}
	if first := b.Appends[0]; len(b.Appends) == 1 && len(first.Records.Frames) >= l.StageSize && !rarely(t, "not staged") {
		b.Staged = drawStaged(t, first.Records)
	}
	return b
}

// spoil gives a batch, which may be fine otherwise, one of the reasons to be refused
// that are rare if every part of it is drawn alone: another life, or an id that the
// head knows, in the buffer, apart from it, or burned.
func spoil(t *rapid.T, h *stream.Head, b *stream.Batch) {
	var known []stream.CommitID
	for _, m := range h.Recent {
		known = append(known, m.ID)
	}
	for _, e := range h.Buffer {
		known = append(known, e.Commit)
	}
	for _, burned := range h.Burned {
		known = append(known, burned.ID)
	}
	switch {
	case !rarely(t, "spoiled"):
	case len(known) == 0 || rapid.Bool().Draw(t, "another life"):
		b.Incarnation = stream.Incarnation{9}
	default:
		b.ID = rapid.SampledFrom(known).Draw(t, "known id")
	}
}

// border moves one of the limits to where the batch just fits, or just does not.
func border(t *rapid.T, l stream.Limits, h *stream.Head, b *stream.Batch) stream.Limits {
	if !heads(t, 2, "border") {
		return l
	}
	frames, producers := h.BufferSize, len(h.Producers)
	for _, a := range b.Appends {
		if len(b.Staged) == 0 {
			frames += len(a.Records.Frames)
		}
		if a.Producer != nil && a.Producer.Seq == 0 {
			producers++
		}
	}
	to := rapid.SampledFrom([]int{-1, 0, 0, 1}).Draw(t, "beyond the border")
	switch rapid.SampledFrom([]string{"count", "size", "buffer", "entries", "producers"}).Draw(t, "limit") {
	case "count":
		l.SegmentCount = max(1, h.SegmentCount+to)
	case "size":
		l.SegmentSize = max(1, h.SegmentSize+to)
	case "buffer":
		l.BufferSize = max(l.StageSize, frames+to)
	case "entries":
		l.BufferCount = max(1, len(h.Buffer)+to)
	case "producers":
		l.Producers = max(1, producers+to)
	}
	return l
}

// stagedAt is about when records are staged.
const stagedAt = 1_767_323_045

// drawStaged links records in one part, or in several, which a byte stream's records
// may be cut into.
func drawStaged(t *rapid.T, r stream.Records) (parts []stream.Entry) {
	left, at := r.Size, stagedAt+int64(rapid.IntRange(-1, 1).Draw(t, "staged at"))
	for i := range rapid.IntRange(1, 3).Draw(t, "parts") {
		e := stream.Entry{Count: rapid.IntRange(1, 3).Draw(t, "cut"), Size: left / 2}
		e.Staged = stream.StagedID{Commit: 77, Part: i, At: at, Object: rapid.Bool().Draw(t, "object")}
		left -= e.Size
		parts = append(parts, e)
	}
	parts[len(parts)-1].Size += left
	return parts
}

func drawAppend(t *rapid.T, h *stream.Head) *stream.Append {
	a := &stream.Append{ContentType: h.ContentType, Close: rarely(t, "close")}
	if rarely(t, "other type") {
		a.ContentType = rapid.SampledFrom(mediaTypes).Draw(t, "content type")
	}
	records := rapid.IntRange(0, 2).Draw(t, "records")
	if !a.Close {
		records++ // there is no request that does nothing
	}
	for range records {
		a.Records.Add(slices.Repeat([]byte("x"), rapid.IntRange(1, 25).Draw(t, "bytes")))
	}
	if rapid.Bool().Draw(t, "produces") {
		id := rapid.SampledFrom([]string{"p", "q", "a.b#:ü", "size"}).Draw(t, "producer")
		next := h.Producers[id].Producer
		if _, held := h.Producers[id]; held {
			next.Seq++
		}
		if rarely(t, "out of turn") {
			next.Epoch += uint64(rapid.IntRange(0, 1).Draw(t, "epoch"))
			next.Seq = uint64(max(0, int(next.Seq)+rapid.SampledFrom([]int{-9, -2, -1, 0, 1}).Draw(t, "seq")))
		}
		a.Producer = &stream.ProducerTag{ID: id, Producer: next}
	}
	if heads(t, 2, "has Stream-Seq") {
		a.Seq = h.Seq + rapid.SampledFrom([]string{"1", "2", "ü"}).Draw(t, "Stream-Seq")
		if rarely(t, "Stream-Seq goes back") {
			a.Seq = rapid.SampledFrom([]string{"1", "10", "2", "ü", "z"}).Draw(t, "Stream-Seq")
		}
	}
	return a
}
