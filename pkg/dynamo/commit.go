package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Commit implements [stream.Heads]: one conditional UpdateItem, blind. Cost: as many
// WU as the head item has KB, refused or not.
//
// The condition is [stream.Admit], as far as it can be said without looking: each
// condition here answers one of its checks, and none is left out. A batch for which
// it cannot be said, which no single append is, is refused after reading the head.
func (s *Store) Commit(ctx context.Context, name string, b *stream.Batch, l stream.Limits) (*stream.Head, error) {
	e, ok := compile(b, l)
	if !ok {
		it, err := s.head(ctx, name, stream.Strong)
		if err != nil {
			return nil, err
		}
		h, err := decodeHead(it)
		if err != nil {
			return nil, rejected(err)
		}
		return nil, &stream.RefusedError{Head: h}
	}
	it, err := s.update(ctx, name, e)
	if err != nil {
		return nil, err
	}
	return decodeHead(it)
}

// maxBatchProducers keeps the expression within DynamoDB's limits of 4 KB and 300
// operators.
const maxBatchProducers = 20

// compile turns a batch into the condition under which Admit accepts it, and the
// update that makes of the head what Admit does. It reports false for a batch whose
// appends depend on each other in a way that Admit refuses or that no expression
// says.
func compile(b *stream.Batch, l stream.Limits) (*expression, bool) {
	s, ok := summarize(b, l)
	if !ok {
		return nil, false
	}
	e := &expression{}
	now := millis(b.Now)

	// The life that is meant, in a layout that is known, open, and neither deleted nor over.
	if b.Incarnation.IsZero() {
		e.where("t <= %s", now)
	} else {
		e.where("i = %s", blob(b.Incarnation[:]))
	}
	e.where("f = %s", number(headVersion))
	e.where("attribute_not_exists(k)")
	e.where("attribute_not_exists(dl)")
	e.where("(attribute_not_exists(e) OR e > %s)", now)
	e.where("(attribute_not_exists(w) OR d > %s AND a <= %s)", now, millis(b.Now.Add(stream.Backstep)))

	// Not applied already, as far as that is remembered, and not burned.
	id := identifier(b.ID)
	e.where("(attribute_not_exists(fl) OR fl < %s)", micros(b.Made()))
	e.where("NOT contains(b, %s)", id)
	e.where("NOT contains(r, %s)", id)
	e.where("NOT contains(u, %s)", id)

	if s.records > 0 {
		e.where("m = %s", text(s.media))
		e.where("attribute_not_exists(sl)")
		e.where("n < %s", number(l.SegmentCount))
		e.where("z < %s", number(l.SegmentSize))
		e.where("bs <= %s", number(int64(l.BufferSize-s.buffered)))
		e.where("size(b) < %s", number(2*l.BufferCount))
	}
	if len(b.Staged) > 0 {
		e.where("(attribute_not_exists(sa) OR sa < %s)", number(b.Staged[0].Staged.At))
	}
	if s.firstSeq != "" {
		e.where("(attribute_not_exists(q) OR q < %s)", text(s.firstSeq))
		e.set("q = %s", text(s.lastSeq))
	}
	s.compileProducers(e, b, l)

	if s.records > 0 {
		e.set("b = list_append(b, %s)", s.entries(b))
		e.set("bs = bs + %s", number(s.inline))
		e.set("n = n + %s", number(s.records))
		e.set("z = z + %s", number(s.size))
	}
	if s.closed {
		// Without records, nothing else remembers this commit.
		closing := b.ID
		if s.records > 0 {
			closing = 0
		}
		e.set("k = %s", encodeClosed(closing, s.closedBy))
		e.set(ended+" = %s", text(segmentEnded))
	} else {
		e.remove(ended)
	}
	one := number(1)
	e.set("c = c + %s", one)
	e.set("v = v + %s", one)
	e.set("d = if_not_exists(w, %s) + %s", number(0), now)
	e.set("a = %s", now)
	return e, true
}

// compileProducers adds what the batch asks of each producer. One that the head holds
// must stand right before the batch's first request of it; one that starts must be
// new, and there must be room for it.
func (s *summary) compileProducers(e *expression, b *stream.Batch, l stream.Limits) {
	used := uint64(b.Now.Unix())
	for _, p := range s.producers {
		ref := "p." + e.name(p.id)
		if p.first.Seq > 0 {
			before := p.first
			before.Seq--
			e.where("begins_with("+ref+", %s)", text(producerState(before)))
		} else {
			e.where("attribute_not_exists(" + ref + ")")
		}
		e.set(ref+" = %s", encodeProducer(stream.HeldProducer{Producer: p.last, Used: used}))
	}
	if s.starting > 0 {
		e.where("attribute_not_exists(s)")
		e.where("size(p) < %s", number(int64(l.Producers-s.starting+1)))
	}
}

// summary is what a batch does as a whole.
type summary struct {
	media string
	// records and size measure the records, inline their frames as they are stored
	// in the buffer, and buffered as Admit counts them.
	records, size, inline, buffered int
	firstSeq, lastSeq               string
	closed                          bool
	closedBy                        stream.ProducerTag
	producers                       []*run
	// starting counts the producers that start in this batch.
	starting int
}

// run is the requests of one producer in a batch: consecutive ones of one epoch.
type run struct {
	id          string
	first, last stream.Producer
}

func summarize(b *stream.Batch, l stream.Limits) (*summary, bool) {
	s := &summary{}
	for _, a := range b.Appends {
		if s.closed || !a.Close && a.Records.Count == 0 {
			return nil, false
		}
		if a.Records.Count > 0 {
			media := stream.MediaType(a.ContentType)
			if s.media != "" && s.media != media {
				return nil, false
			}
			s.media = media
		}
		if staged := len(a.Records.Frames) >= l.StageSize; staged != (len(b.Staged) > 0 && a.Records.Count > 0) {
			return nil, false
		}
		s.records += a.Records.Count
		s.size += a.Records.Size
		s.buffered += len(a.Records.Frames)
		if a.Seq != "" {
			if a.Seq <= s.lastSeq {
				return nil, false
			}
			if s.firstSeq == "" {
				s.firstSeq = a.Seq
			}
			s.lastSeq = a.Seq
		}
		if a.Producer != nil && !s.produce(a.Producer) {
			return nil, false
		}
		if a.Close {
			s.closed = true
			if a.Producer != nil {
				s.closedBy = *a.Producer
			}
		}
	}
	s.inline = s.buffered
	if len(b.Staged) > 0 {
		s.inline, s.buffered, s.records, s.size = 0, 0, 0, 0
		// A long record of a byte stream was cut into several.
		for _, e := range b.Staged {
			s.records += e.Count
			s.size += e.Size
		}
	}
	return s, len(b.Appends) > 0 && len(s.producers) <= maxBatchProducers
}

// produce adds a producer's request to its run.
func (s *summary) produce(tag *stream.ProducerTag) bool {
	for _, p := range s.producers {
		if p.id == tag.ID {
			next := p.last
			next.Seq++
			p.last = tag.Producer
			return tag.Producer == next
		}
	}
	s.producers = append(s.producers, &run{id: tag.ID, first: tag.Producer, last: tag.Producer})
	if tag.Seq == 0 {
		s.starting++
	}
	return true
}

// entries returns the elements that the batch adds to the buffer: one entry of all
// the records, or those that link staged items, the last of which has the id.
func (s *summary) entries(b *stream.Batch) types.AttributeValue {
	staged := b.Staged
	if len(staged) == 0 {
		all := make(stream.Frames, 0, s.inline)
		for _, a := range b.Appends {
			all = append(all, a.Records.Frames...)
		}
		staged = []stream.Entry{{Frames: all}}
	}
	elements := make([]types.AttributeValue, 0, 2*len(staged))
	for i, e := range staged {
		var id stream.CommitID
		if i == len(staged)-1 {
			id = b.ID
		}
		elements = append(elements, identifier(id), blob(appendData(nil, e, false)))
	}
	return list(elements...)
}
