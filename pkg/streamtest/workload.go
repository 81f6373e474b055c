package streamtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/registry"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Store is a driver and its objects, as one process sees them.
type Store struct {
	Driver  stream.Driver
	Objects stream.Objects
}

// Workload is what many clients of several processes do at once, on a store whose requests
// fail in ways that are not this package's business: all that is done to streams, and what
// runs in the background. It notes what clients are told, and compares that with what is
// stored in the end.
type Workload struct {
	world   *registryWorld
	healthy Store
	logs    []*stream.Log
	random  *rand.Rand
	streams []*working
	alarms  atomic.Int64
}

// Alarms returns how often background work reported damage that was none: that the fault
// was on the way shows only by looking again.
func (w *Workload) Alarms() int { return int(w.alarms.Load()) }

// working is a stream of a workload.
type working struct {
	*client
	fork *client
	// seen is what a reader got who read on whatever happened.
	seen string
	// deleted and forkDeleted say that they were.
	deleted, forkDeleted bool
}

const (
	// workStreams, workWriters and workEach are how many streams there are, how many
	// clients write to each at once, and how often each of them does.
	workStreams, workWriters, workEach = 6, 4, 8
)

// NewWorkload returns a workload on a store that nobody else uses. healthy is the store
// without faults, processes are the same one as each process sees it. clock is the one of
// all of them.
func NewWorkload(ctx context.Context, seed uint64, clock *Clock, healthy Store, processes []Store) (*Workload, error) {
	w := &Workload{
		world: &registryWorld{
			Context: ctx, driver: healthy.Driver, objects: healthy.Objects, clock: clock, prefix: "work",
			created: make(map[string]bool), types: make(map[string]string),
		},
		healthy: healthy,
		random:  rand.New(rand.NewPCG(seed, 0)),
	}
	limits := Tiny()
	limits.Remember = []int{1, 2, 8}[seed%3]
	open := func(s Store) (*stream.Log, error) {
		return stream.New(s.Driver, stream.Options{
			Objects: s.Objects, Limits: limits, Now: clock.Tick, Poll: fastPoll,
			Registry: stream.Registry{On: true, Tenants: true}, Record: registry.Record,
		})
	}
	var err error
	if w.world.spare, err = open(healthy); err != nil {
		return nil, err
	}
	for _, p := range processes {
		log, err := open(p)
		if err != nil {
			return nil, err
		}
		w.logs = append(w.logs, log)
	}
	for i := range workStreams {
		name, contentType := fmt.Sprint("work/", i), contentTypes[i%len(contentTypes)]
		w.streams = append(w.streams, &working{client: w.client(i, name, contentType)})
		for _, name := range []string{name, name + "/fork", name + "/brief", name + "/brief/fork"} {
			w.world.names = append(w.world.names, name)
			w.world.types[name] = contentType
		}
	}
	return w, nil
}

// client is a client of one of the processes.
func (w *Workload) client(process int, name, contentType string) *client {
	return &client{
		log: w.logs[process%len(w.logs)], spare: w.world.spare, faults: NewFaults(nil),
		name: name, contentType: contentType, history: &History{},
	}
}

// Run does all of it, and returns when all clients have what they wanted. It fails if one is
// told something that it must not be told, whatever fails below.
func (w *Workload) Run(ctx context.Context) error {
	working, stop := context.WithCancel(ctx)
	var background sync.WaitGroup
	damage := make([]error, len(w.logs))
	for i, log := range w.logs {
		random := rand.New(rand.NewPCG(w.random.Uint64(), 0))
		background.Go(func() { damage[i] = w.maintain(working, log, random) })
	}
	errs := make([]error, len(w.streams))
	var clients sync.WaitGroup
	for i, s := range w.streams {
		clients.Go(func() {
			if err := w.use(ctx, s, i); err != nil {
				errs[i] = fmt.Errorf("stream %q: %w", s.name, err)
			}
		})
	}
	clients.Wait()
	stop()
	background.Wait()
	return errors.Join(errors.Join(errs...), errors.Join(damage...))
}

// maintain does what runs in the background until ctx ends. What fails is tried again by
// later runs; but nothing is damaged, as a process without faults can tell.
func (w *Workload) maintain(ctx context.Context, log *stream.Log, random *rand.Rand) error {
	for ctx.Err() == nil {
		var err error
		switch random.IntN(8) {
		case 0:
			// What is over is old enough to be discarded then.
			w.world.clock.Advance(6 * time.Minute)
		case 1, 2:
			_, err = log.Sweep(ctx, stream.SweepOptions{IdleAfter: time.Hour, Items: 50, Objects: 50, Lives: 5})
		case 3:
			_, err = log.Register(ctx, w.world.names)
		default:
			_, err = log.Compact(ctx, w.world.names[random.IntN(len(w.world.names))])
		}
		if errors.Is(err, stream.ErrDamaged) {
			w.alarms.Add(1)
			for _, name := range w.world.names {
				if _, real := w.world.spare.Compact(ctx, name); errors.Is(real, stream.ErrDamaged) {
					return real
				}
			}
		}
	}
	return nil
}

// use is the life of one stream: it is created, written by several clients while others
// read and fork it, and then perhaps closed or deleted.
func (w *Workload) use(ctx context.Context, s *working, i int) error {
	if err := s.create(ctx, s.history.Begin("creator", 0, 1, 4)); err != nil {
		return err
	}
	reading, stop := context.WithCancel(ctx)
	defer stop()
	errs := make([]error, workWriters+3)
	var writers, reader sync.WaitGroup
	reader.Go(func() { s.seen, errs[workWriters] = s.readOn(reading) })
	for n := range workWriters {
		writers.Go(func() {
			c := *s.client
			c.log = w.logs[(i+n)%len(w.logs)]
			c.hasty = n == 0
			errs[n] = c.writeOn(ctx, fmt.Sprint("w", n), workEach, n%2 > 0)
		})
	}
	writers.Go(func() {
		c := *s.client
		c.log = w.logs[(i+1)%len(w.logs)]
		var err error
		if s.fork, err = c.fork(ctx, s.name+"/fork", false); err == nil {
			err = s.fork.writeOn(ctx, "f", workEach, true)
		}
		errs[workWriters+1] = err
	})
	writers.Go(func() { errs[workWriters+2] = w.brief(ctx, s, i) })
	writers.Wait()
	stop()
	reader.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return s.end(ctx, i)
}

// brief lets a stream and its fork begin and end some times under the same names.
func (w *Workload) brief(ctx context.Context, s *working, i int) error {
	const lives = 4
	for life := range lives {
		c := w.client(i+life, s.name+"/brief", s.contentType)
		if err := w.createAgain(ctx, c, c.history.Begin(fmt.Sprint("brief", life), 0, 2, 110)); err != nil {
			return err
		}
		if err := c.writeOn(ctx, fmt.Sprint("b", life), 3, true); err != nil {
			return err
		}
		fork, err := c.fork(ctx, c.name+"/fork", false)
		if err != nil {
			return err
		}
		if err := errors.Join(fork.delete(ctx), c.delete(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// createAgain creates a stream whose name is free once the fork of the life before is
// released: where that failed with the fork's deletion, the collection does it.
func (w *Workload) createAgain(ctx context.Context, c *client, first *Write) error {
	err := c.create(ctx, first)
	for n := 0; n < tries && errors.Is(err, stream.ErrGone); n++ {
		w.world.clock.Advance(6 * time.Minute)
		if _, err := w.world.spare.Collect(ctx, 100); err != nil {
			return err
		}
		err = c.create(ctx, first)
	}
	return err
}

// end closes or deletes a stream, its fork, both or none.
func (s *working) end(ctx context.Context, i int) (err error) {
	switch i % 4 {
	case 0:
		return s.close(ctx, tag("closer", 0, 0))
	case 1:
		s.deleted = true
		return s.delete(ctx)
	case 2:
		s.deleted, s.forkDeleted = true, true
		if err := s.delete(ctx); err != nil {
			return err
		}
		return s.fork.delete(ctx)
	}
	return nil
}

// readOn follows the stream until ctx ends, goes on where it was whatever happens, and
// returns what it got.
func (c *client) readOn(ctx context.Context) (string, error) {
	var text strings.Builder
	at := stream.Offset{}
	for ctx.Err() == nil {
		err := c.followFrom(ctx, &at, &text)
		if retry, _ := again(err); !retry && ctx.Err() == nil {
			return "", fmt.Errorf("a reader after %d bytes: %w", text.Len(), err)
		}
	}
	return text.String(), nil
}

// followFrom follows the stream from an offset on until that fails.
func (c *client) followFrom(ctx context.Context, at *stream.Offset, text *strings.Builder) error {
	f, p, err := c.log.Follow(ctx, c.name, stream.At(*at))
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		if p.From != *at {
			return fmt.Errorf("the page that continues %v begins at %v", *at, p.From)
		}
		if err := checkPage(p); err != nil {
			return err
		}
		text.WriteString(pageText(p))
		*at = p.Next
		if p, err = f.Next(ctx); err != nil {
			return err
		}
	}
}
