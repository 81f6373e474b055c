package fsck

import (
	"context"
	"errors"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Report is what a sound stream consists of.
type Report struct {
	Head *stream.Head
	// Records and Bytes count all records from the start to the tail, without copies.
	Records, Bytes int64
	// Chunks counts the stream's chunks, those included that are to be removed.
	Chunks int
	// Segments counts the segments that are in objects, ObjectBytes their sizes.
	Segments    int
	ObjectBytes int64
}

// Sink takes the records of a stream.
type Sink struct {
	// Begin is called before the first record: once, and once more each time that the
	// stream is read again from its start because it changed. nil is nobody.
	Begin func()
	// Record is called with each record, in order. Those of byte streams may be cut. It
	// must not keep the slice. nil is nobody.
	Record func(record []byte)
}

// attempts is how often a stream is looked at because it changed.
const attempts = 5

// Stream checks the head and all data of a stream:
//
//   - that the head is consistent in itself;
//   - that the segments that it says are in objects have manifests which form a chain
//     from the start, and objects of the right size and CRC that decode;
//   - that every record behind them is in a chunk or in the buffer;
//   - that all copies of a record agree;
//   - that what a fork inherits is there, and that its source counts its forks;
//   - that counts and sizes are as manifests, chunks and head say.
//
// It fails with a [*DamageError] where they are not; with [stream.ErrNoHead] if there is
// no such stream; with [ErrBusy]; or, joined with what was found before, with the error
// of a store that could not be read, which says nothing about the stream. objects may be
// nil if nothing of the stream is in any.
//
// It may run while the stream is used. Cost: a query for each 64 manifests and for each
// 4 MB of chunks; for each object a request for each 4 MB and two more; a request for
// each staged item; for each chunk that repeats what is in an object a request of that
// object, and for what repeats other chunks another query of these.
func Stream(ctx context.Context, d stream.Driver, objects stream.Objects, name string) (*Report, error) {
	return Read(ctx, d, objects, name, Sink{})
}

// Read does what [Stream] does, and hands over all records. It reads each object twice.
func Read(ctx context.Context, d stream.Driver, objects stream.Objects, name string, to Sink) (*Report, error) {
	return newInspection(d, objects, name, to).run(ctx)
}

// inspection is the check of one stream.
type inspection struct {
	driver  stream.Driver
	objects stream.Objects
	name    string
	sink    Sink
	// object is called for each object that was checked.
	object func(size int64)

	// life is the one that is looked at, head its head.
	life stream.Life
	head *stream.Head
	// cold is how far the segments reach that are in objects, report counts them, and
	// segments is how many were looked at. They do not change any more, so that is done
	// once. hot is how far the records behind them reach.
	cold, hot chain
	report    Report
	segments  uint64
	// coldProblems are certain if the life goes on, problems only if the head did not
	// move.
	coldProblems, problems problems
	// batch holds the chunks that were read last.
	batch batch
	// reference is the segment that is in an object and was compared with last.
	reference reference
}

func newInspection(d stream.Driver, objects stream.Objects, name string, to Sink) *inspection {
	if to.Begin == nil {
		to.Begin = func() {}
	}
	return &inspection{driver: d, objects: objects, name: name, sink: to, object: func(int64) {}}
}

func (i *inspection) run(ctx context.Context) (*Report, error) {
	for range attempts {
		h, err := i.driver.Head(ctx, i.name, stream.Strong)
		if err != nil {
			return nil, err
		}
		i.begin(h)
		report, err := i.look(ctx)
		if errors.Is(err, stream.ErrDamaged) {
			i.problems.add("%w", err)
			err = nil
		}
		if err == nil && i.coldProblems.count+i.problems.count == 0 {
			return report, nil
		}
		after, headErr := i.driver.Head(ctx, i.name, stream.Strong)
		switch {
		case headErr != nil:
			return nil, headErr
		case after.Incarnation != h.Incarnation:
			continue
		case after.Version != h.Version:
			// That explains everything that moved with the head: data was not where it was
			// any more. Manifests and objects only go with their life.
			i.problems = problems{}
		}
		switch {
		case i.coldProblems.count+i.problems.count > 0:
			return nil, errors.Join(damage(i.life, h, &i.coldProblems, &i.problems), err)
		case err != nil:
			return nil, err
		}
	}
	return nil, ErrBusy
}

// begin prepares for a look at the stream under a head. What is known of objects of the
// same life stays, unless all records are to be handed over again.
func (i *inspection) begin(h *stream.Head) {
	life := h.Life(i.name)
	if i.life != life || i.sink.Record != nil {
		i.life, i.segments = life, 0
		i.cold, i.report, i.coldProblems = chain{unit: h.Unit()}, Report{}, problems{}
	}
	i.head, i.problems = h, problems{}
	i.batch, i.reference = batch{}, reference{}
}

// look reads everything once. An error is of a store that could not be read.
func (i *inspection) look(ctx context.Context) (*Report, error) {
	i.sink.Begin()
	checkHead(i.head, &i.problems)
	if err := i.checkForks(ctx); err != nil {
		return nil, err
	}
	if i.head.Origin != nil && i.segments == 0 {
		if err := i.lookInherited(ctx); err != nil {
			return nil, err
		}
	}
	if err := i.lookCold(ctx); err != nil {
		return nil, err
	}
	i.hot = i.cold
	r := i.report
	r.Head = i.head
	err := i.lookHot(ctx, &r)
	r.Records, r.Bytes = i.hot.records, i.hot.bytes
	return &r, err
}
