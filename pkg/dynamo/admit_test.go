package dynamo_test

import (
	"errors"
	"fmt"
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
		b := drawBatch(rt, h, l)
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
	})
	t.Logf("%d accepted, %d refused", accepted, refused)
	if accepted == 0 || refused == 0 {
		t.Error("the draw does not reach both sides")
	}
}

// differ tells in which field two heads differ. The store may remember more commits.
func differ(got, want *stream.Head) string {
	g, w := got.Clone(), want.Clone()
	if len(g.Recent) >= len(w.Recent) {
		g.Recent = g.Recent[len(g.Recent)-len(w.Recent):]
	}
	if len(g.Producers) == 0 && len(w.Producers) == 0 {
		g.Producers, w.Producers = nil, nil
	}
	for _, h := range []*stream.Head{g, w} {
		h.Recent = slices.Clip(append([]stream.CommitMark{}, h.Recent...))
		h.Burned = append([]stream.Burned{}, h.Burned...)
		h.Buffer = append([]stream.Entry{}, h.Buffer...)
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

func drawLimits(t *rapid.T) stream.Limits {
	l := stream.DefaultLimits()
	l.SegmentCount = rapid.IntRange(1, 12).Draw(t, "SegmentCount")
	l.SegmentSize = rapid.IntRange(1, 120).Draw(t, "SegmentSize")
	l.StageSize = rapid.IntRange(12, 40).Draw(t, "StageSize")
	l.BufferSize = rapid.IntRange(40, 150).Draw(t, "BufferSize")
	l.BufferCount = rapid.IntRange(1, 8).Draw(t, "BufferCount")
	l.Producers = rapid.IntRange(1, 4).Draw(t, "Producers")
	return l
}

// drawHead makes a head by what happens to heads: from a new one on, by batches that
// the rule admits, and by trims.
func drawHead(t *rapid.T, l stream.Limits) *stream.Head {
	h := &stream.Head{
		Version: 1, Commits: 1, CreatedAt: clock, Incarnation: stream.Incarnation{1},
		Config: stream.Config{ContentType: rapid.SampledFrom(mediaTypes).Draw(t, "type")},
		Recent: []stream.CommitMark{{ID: 1 << 60}},
	}
	switch rapid.IntRange(0, 3).Draw(t, "expiry") {
	case 1:
		h.HasTTL, h.TTL = true, time.Duration(rapid.IntRange(0, 3).Draw(t, "TTL"))*time.Second
		h.Deadline = clock.Add(h.Window())
	case 2:
		h.ExpiresAt = clock.Add(time.Duration(rapid.IntRange(-1, 1000).Draw(t, "expires")) * time.Millisecond)
		h.Deadline = h.ExpiresAt
	}
	for range rapid.IntRange(0, 6).Draw(t, "history") {
		if next, ok := stream.Admit(h, drawBatch(t, h, l), l); ok {
			h = next
		} else if next, ok := stream.Trimmed(h, h, h.Tail); ok && rapid.Bool().Draw(t, "trim") {
			h = next
		}
	}
	h = h.Clone()
	h.Spilled = rapid.IntRange(0, 5).Draw(t, "spilled") == 0
	if rapid.IntRange(0, 3).Draw(t, "burn") == 0 {
		h.Burned = []stream.Burned{{ID: stream.CommitID(rapid.IntRange(1, 4).Draw(t, "burned")), At: clock}}
	}
	return h
}

var mediaTypes = []string{"application/json", "text/plain", `text/PLAIN; charset="x"`}

func drawBatch(t *rapid.T, h *stream.Head, l stream.Limits) *stream.Batch {
	b := &stream.Batch{
		ID:  stream.CommitID(rapid.IntRange(1, 30).Draw(t, "id")),
		Now: clock.Add(time.Duration(rapid.IntRange(-60, 1100).Draw(t, "now")) * time.Millisecond),
	}
	if rapid.Bool().Draw(t, "knows the life") {
		b.Incarnation = stream.Incarnation{byte(rapid.IntRange(1, 8).Draw(t, "life")/8 + 1)}
	}
	for range rapid.SampledFrom([]int{1, 1, 1, 2, 3}).Draw(t, "appends") {
		b.Appends = append(b.Appends, drawAppend(t, h))
	}
	if first := b.Appends[0]; len(b.Appends) == 1 && len(first.Records.Frames) >= l.StageSize && rapid.IntRange(0, 4).Draw(t, "staged") > 0 {
		b.Staged = drawStaged(t, first.Records)
	}
	return b
}

// drawStaged links records in one part, or in several, which a byte stream's records
// may be cut into.
func drawStaged(t *rapid.T, r stream.Records) (parts []stream.Entry) {
	left := r.Size
	for i := range rapid.IntRange(1, 3).Draw(t, "parts") {
		e := stream.Entry{Count: rapid.IntRange(1, 3).Draw(t, "cut"), Size: left / 2}
		e.Staged = stream.StagedID{Commit: 77, Part: i, Object: rapid.Bool().Draw(t, "object")}
		left -= e.Size
		parts = append(parts, e)
	}
	parts[len(parts)-1].Size += left
	return parts
}

func drawAppend(t *rapid.T, h *stream.Head) *stream.Append {
	a := &stream.Append{ContentType: h.ContentType, Close: rapid.IntRange(0, 9).Draw(t, "close") == 0}
	if rapid.IntRange(0, 7).Draw(t, "other type") == 0 {
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
		state := h.Producers[id].Producer
		a.Producer = &stream.ProducerTag{ID: id, Producer: stream.Producer{
			Epoch: state.Epoch + uint64(rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(t, "epoch")),
			Seq:   uint64(max(0, int(state.Seq)+rapid.IntRange(-1, 2).Draw(t, "seq"))),
		}}
	}
	if rapid.IntRange(0, 3).Draw(t, "has Stream-Seq") == 0 {
		a.Seq = rapid.SampledFrom([]string{"1", "2", "10", "ü", "z"}).Draw(t, "Stream-Seq")
	}
	return a
}
