package streamtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// The methods of [stream.Objects]. They are scripted like those of a driver.
const (
	PutObject      Method = "PutObject"
	RemoveObjects  Method = "RemoveObjects"
	DiscardObjects Method = "DiscardObjects"

	Object      Method = "Object"
	ListObjects Method = "ListObjects"
)

// ObjectWrites are the methods that change something.
var ObjectWrites = []Method{PutObject, RemoveObjects, DiscardObjects}

// ObjectReads are the methods that do not.
var ObjectReads = []Method{Object, ListObjects}

// Damage is what is wrong with a body that a store returns as if it were sound.
type Damage int

const (
	// Sound: nothing is.
	Sound Damage = iota
	// Torn: its second half is missing.
	Torn
	// Zeroed: its second half is zeros.
	Zeroed
	// Flipped: a bit in its middle is another one.
	Flipped
)

// Damages are all ways in which a body is damaged.
var Damages = []Damage{Torn, Zeroed, Flipped}

func (d Damage) String() string { return [...]string{"Sound", "Torn", "Zeroed", "Flipped"}[d] }

// of returns a damaged copy of a body. An empty one has nothing that could be.
func (d Damage) of(body []byte) []byte {
	middle := len(body) / 2
	if d == Torn {
		return body[:middle:middle]
	}
	if body = slices.Clone(body); len(body) == 0 {
		return body
	}
	switch d {
	case Zeroed:
		clear(body[middle:])
	case Flipped:
		body[middle] ^= 4
	}
	return body
}

// errDown is the error of all calls of a store that is down.
var errDown = fmt.Errorf("%w: the store of objects is down", errInjected)

// ObjectFaults is a store of objects that fails on demand, and passes everything else
// on to another one. The demand is that of a driver's [Faults]: calls of both are
// counted and scripted as one sequence, and late effects of both are released together.
// It is safe for concurrent use.
type ObjectFaults struct {
	objects stream.Objects
	faults  *Faults

	mu     sync.Mutex
	down   bool
	bodies int
	script map[int]Damage
}

var _ stream.Objects = (*ObjectFaults)(nil)

// NewObjectFaults returns a store that fails when f says so.
func NewObjectFaults(o stream.Objects, f *Faults) *ObjectFaults {
	return &ObjectFaults{objects: o, faults: f, script: make(map[int]Damage)}
}

// Down makes all calls fail from now on, without effect and without the caller knowing,
// or ends that. What is late stays so.
func (o *ObjectFaults) Down(down bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.down = down
}

// ScriptBody damages the nth body that Object returns, counted from 1 from now on, and
// those after it, one in each further way. [Faults.Stop] does not end it.
func (o *ObjectFaults) ScriptBody(n int, damages ...Damage) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, d := range damages {
		o.script[o.bodies+n+i] = d
	}
}

// Bodies returns how many bodies there were.
func (o *ObjectFaults) Bodies() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bodies
}

// damage says what is wrong with the next body.
func (o *ObjectFaults) damage() Damage {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bodies++
	return o.script[o.bodies]
}

// unlessDown returns what a call does now.
func (o *ObjectFaults) unlessDown(do func() error) func() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.down {
		return func() error { return errDown }
	}
	return do
}

func (o *ObjectFaults) write(m Method, do func() error) error {
	return o.faults.write(m, o.unlessDown(do))
}

func (o *ObjectFaults) read(m Method, do func() error) error {
	return o.faults.read(m, o.unlessDown(do))
}

// PutObject implements [stream.Objects], as the following methods do. It copies the
// body, which a late put may not read any more.
func (o *ObjectFaults) PutObject(ctx context.Context, key string, body *io.SectionReader) error {
	data := make([]byte, body.Size())
	if n, err := body.ReadAt(data, 0); n < len(data) {
		return fmt.Errorf("object %s: %w", key, err)
	}
	return o.write(PutObject, func() error {
		return o.objects.PutObject(outlive(ctx), key, io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data))))
	})
}

func (o *ObjectFaults) Object(ctx context.Context, key string, offset, n int64) (body []byte, err error) {
	err = o.read(Object, func() (err error) { body, err = o.objects.Object(ctx, key, offset, n); return err })
	if err != nil {
		return nil, err
	}
	if d := o.damage(); d != Sound {
		body = d.of(body)
	}
	return body, nil
}

func (o *ObjectFaults) ListObjects(ctx context.Context, prefix, after string, max int) (keys []string, err error) {
	err = o.read(ListObjects, func() (err error) { keys, err = o.objects.ListObjects(ctx, prefix, after, max); return err })
	return keys, err
}

func (o *ObjectFaults) RemoveObjects(ctx context.Context, keys []string) error {
	keys = slices.Clone(keys)
	return o.write(RemoveObjects, func() error { return o.objects.RemoveObjects(outlive(ctx), keys) })
}

func (o *ObjectFaults) DiscardObjects(ctx context.Context, prefix string, max int) (bool, error) {
	done := new(bool)
	err := o.write(DiscardObjects, func() (err error) { *done, err = o.objects.DiscardObjects(outlive(ctx), prefix, max); return err })
	if err != nil {
		return false, err
	}
	return *done, nil
}
