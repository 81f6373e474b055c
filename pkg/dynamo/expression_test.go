package dynamo_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// The largest expressions are within DynamoDB's limits, which the official stand-in
// has, and what would be larger is refused.
func TestLargestExpressions(t *testing.T) {
	d := onOfficial(t)
	h := aHead(1)
	var r stream.Records
	r.Add([]byte("x"))
	for range 250 {
		e := &stream.Entry{From: h.Tail, To: h.Tail, Count: r.Count, Size: r.Size, Frames: r.Frames}
		e.To.Position++
		h.Buffer, h.Tail = append(h.Buffer, e), e.To
	}
	h.SegmentCount, h.SegmentSize, h.BufferSize = 250, 250, 250*len(r.Frames)
	check(t, d.Create(t.Context(), "s", h, nil))
	h, err := d.Trim(t.Context(), "s", h, h.Buffer[stream.MaxTrim-1].To, limits)
	check(t, err)
	if left := 250 - stream.MaxTrim; len(h.Buffer) != left || h.BufferSize != left*len(r.Frames) {
		t.Errorf("%d entries of %d bytes are left", len(h.Buffer), h.BufferSize)
	}
	batch := func(id stream.CommitID, producers int, seq uint64) *stream.Batch {
		b := aBatch(id)
		for i := range producers {
			a := produced(fmt.Sprintf("a rather long name of producer %d", i), 1<<60, seq, 10)
			b.Appends = append(b.Appends, a)
		}
		b.Appends[producers-1].Seq = "1"
		b.Appends[producers-1].Seq += fmt.Sprint(seq)
		return b
	}
	l := dynamo.Limits(stream.DefaultLimits())
	for seq := range uint64(2) {
		b := batch(stream.CommitID(seq+1), dynamo.MaxBatchProducers, seq)
		want, ok := stream.Admit(h, b, l)
		if !ok {
			t.Fatal("the rule refuses the batch")
		}
		h, err = d.Commit(t.Context(), "s", b, l)
		check(t, err)
		if diff := differ(h, want); diff != "" {
			t.Error(diff)
		}
	}
	// As many new ones and one more: the rule has room for them.
	more := batch(3, dynamo.MaxBatchProducers+1, 0)
	for _, a := range more.Appends {
		a.Producer.ID += " of others"
	}
	more.Appends[dynamo.MaxBatchProducers].Seq = "2"
	l.Producers = 256
	if _, ok := stream.Admit(h, more, l); !ok {
		t.Fatal("the rule refuses the batch")
	}
	var no *stream.RefusedError
	if _, err := d.Commit(t.Context(), "s", more, l); !errors.As(err, &no) || no.Head == nil {
		t.Errorf("more producers than an expression takes: %v", err)
	} else if diff := differ(no.Head, h); diff != "" {
		t.Errorf("refused with another head: %s", diff)
	}
	// A batch that no expression says is refused as it is without a head, too.
	if _, err := d.Commit(t.Context(), "nothing", batch(4, dynamo.MaxBatchProducers+1, 0), l); !errors.As(err, &no) || no.Head != nil {
		t.Errorf("on nothing: %v", err)
	}
}

// A number is not taken for another one that begins with its digits.
func TestProducerNumbersAreWhole(t *testing.T) {
	d := onDynoxide(t)
	h := aHead(1)
	h.Producers = map[string]stream.HeldProducer{"p": {Producer: stream.Producer{Epoch: 10, Seq: 10}}}
	check(t, d.Create(t.Context(), "s", h, nil))
	for _, c := range []stream.Producer{{Epoch: 10, Seq: 2}, {Epoch: 1, Seq: 11}, {Epoch: 0, Seq: 11}} {
		var no *stream.RefusedError
		if _, err := d.Commit(t.Context(), "s", aBatch(1, produced("p", c.Epoch, c.Seq, 1)), limits); !errors.As(err, &no) {
			t.Errorf("%+v after {10 10}: %v", c, err)
		}
	}
	_, err := d.Commit(t.Context(), "s", aBatch(1, produced("p", 10, 11, 1)), limits)
	check(t, err)
}
