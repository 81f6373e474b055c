package streamtest

import (
	"context"
	"math/rand/v2"
	"sync"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Lazy is a driver that only remembers what it is told to let go ([stream.Chunks.Retire]),
// until [Lazy.Expire] lets it go: as a store does in which items are deleted some time
// after they expired, one by one and in any order. Everything else is passed on to
// another driver. It is safe for concurrent use.
type Lazy struct {
	stream.Driver

	mu      sync.Mutex
	retired []retired
	known   map[retired]bool
}

// retired is a chunk, named by its end, or a staged item.
type retired struct {
	life   stream.Life
	chunk  stream.Offset
	staged stream.StagedID
}

var _ stream.Driver = (*Lazy)(nil)

// NewLazy returns a driver that has nothing to let go yet.
func NewLazy(d stream.Driver) *Lazy { return &Lazy{Driver: d, known: make(map[retired]bool)} }

// Retire implements [stream.Chunks]. It makes no request.
func (d *Lazy) Retire(_ context.Context, life stream.Life, chunks []stream.Offset, staged []stream.StagedID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, to := range chunks {
		d.remember(retired{life: life, chunk: to})
	}
	for _, id := range staged {
		d.remember(retired{life: life, staged: id})
	}
	return nil
}

// remember adds a thing that was retired. d.mu is held.
func (d *Lazy) remember(r retired) {
	if !d.known[r] {
		d.known[r] = true
		d.retired = append(d.retired, r)
	}
}

// Expire really lets go of at most n of the things that were retired, in an order that
// random decides, each with a call of its own. What the other driver fails to let go is
// remembered still, and Expire stops there.
func (d *Lazy) Expire(ctx context.Context, random *rand.Rand, n int) error {
	for range n {
		r, ok := d.take(random)
		if !ok {
			return nil
		}
		var err error
		if r.staged == (stream.StagedID{}) {
			err = d.Driver.Retire(ctx, r.life, []stream.Offset{r.chunk}, nil)
		} else {
			err = d.Driver.Retire(ctx, r.life, nil, []stream.StagedID{r.staged})
		}
		if err != nil {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.remember(r)
			return err
		}
	}
	return nil
}

// take removes one of the things that were retired.
func (d *Lazy) take(random *rand.Rand) (r retired, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	last := len(d.retired) - 1
	if last < 0 {
		return r, false
	}
	i := random.IntN(last + 1)
	r = d.retired[i]
	d.retired[i] = d.retired[last]
	d.retired = d.retired[:last]
	delete(d.known, r)
	return r, true
}

// RetiredLeft returns how many things were retired and are there still.
func (d *Lazy) RetiredLeft() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.retired)
}

// Inventory implements [stream.Catalog]. It tells what was retired.
func (d *Lazy) Inventory(ctx context.Context, cursor string, max int) ([]stream.Stored, string, error) {
	found, next, err := d.Driver.Inventory(ctx, cursor, max)
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, s := range found {
		r := retired{life: s.Life, staged: s.Staged}
		if s.Chunk != nil {
			r.chunk = s.Chunk.To
		}
		found[i].Retired = s.Retired || d.known[r]
	}
	return found, next, err
}
