package stream

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// Options are what a [Log] is given from outside.
type Options struct {
	Limits Limits
	// Now is the clock of expiry; nil means time.Now.
	Now func() time.Time
	// Random is the source of incarnations, commit ids and jitter; nil means
	// crypto/rand. It must be safe for concurrent use.
	Random io.Reader
	// Objects stores what is too large for the driver, and sealed segments. Without it
	// nothing is compacted, and an append that needs it is refused.
	Objects Objects
	// Owner names the store that the objects belong to, so that the sweep of one store does
	// not take the objects of another for litter; empty if they cannot be another's.
	Owner string
	// Spool returns a temporary place for a segment on its way into an object; nil means
	// memory.
	Spool func() (Spool, error)
	// Ended is called after this log stored a head that ends a segment, so that it can
	// be compacted soon; nil where the store's change feed tells. It must not block.
	Ended func(name string)
	// Registry says whether streams are told of in a registry.
	Registry Registry
	// Record returns the record that tells of a stream, under the name that it has in its
	// registry: a JSON text. It is needed if the registry is on.
	Record func(key string, n Notice) ([]byte, error)
	// Owing is called after this log stored something that is to be told, so that
	// [Log.Register] can be called soon; nil where the store's change feed tells. It must
	// not block.
	Owing func(name string)
	// Poll says how live readers learn of appends by other processes. The zero
	// value says that there are no other processes.
	Poll Poll
}

// Log is the streams of one store. It is safe for concurrent use.
//
// Appends of one process to one stream share commits; apart from that a Log
// keeps no state that an answer depends on, so any number of processes may serve
// one store.
type Log struct {
	driver   Driver
	objects  Objects
	owner    string
	spool    func() (Spool, error)
	ended    func(name string)
	owing    func(name string)
	registry Registry
	record   func(key string, n Notice) ([]byte, error)
	limits   Limits
	clock    func() time.Time
	random   io.Reader
	lanes    lanes
	hub      hub
	flights  flights
	lives    lives
	// compactions keeps one compaction of a stream running at a time.
	compactions flights
	segments    segments
	lineages    lineages
}

// New returns a log on a driver, or an error that names the limit that is wrong.
func New(d Driver, o Options) (*Log, error) {
	if err := o.Limits.Validate(); err != nil {
		return nil, fmt.Errorf("stream: %w", err)
	}
	if o.Registry.On && o.Record == nil {
		return nil, errors.New("stream: the registry is on, and there is no Record")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Spool == nil {
		o.Spool = func() (Spool, error) { return new(memorySpool), nil }
	}
	if o.Ended == nil {
		o.Ended = func(string) {}
	}
	if o.Owing == nil {
		o.Owing = func(string) {}
	}
	l := &Log{
		driver: d, objects: o.Objects, owner: o.Owner, spool: o.Spool, ended: o.Ended, owing: o.Owing,
		registry: o.Registry, record: o.Record, limits: o.Limits, clock: o.Now, random: o.Random,
	}
	l.hub.poll = o.Poll
	l.hub.head = func(ctx context.Context, name string) (*Head, error) {
		return d.Head(ctx, name, Eventual)
	}
	return l, nil
}

// now is the clock's time in the milliseconds that stores keep.
func (l *Log) now() time.Time { return truncate(l.clock()) }

// Head returns the state of a stream, strongly consistent, without renewing its
// TTL (PROTOCOL.md section 5.5). It fails with [ErrNotFound], [ErrGone] or
// [ErrUnavailable]. Cost: one request.
func (l *Log) Head(ctx context.Context, name string) (*Head, error) {
	h, err := l.driver.Head(ctx, name, Strong)
	if err != nil && !errors.Is(err, ErrNoHead) {
		return nil, unavailable(err)
	}
	if err := h.gone(l.now()); err != nil {
		return nil, err
	}
	return h, nil
}

// retry repeats a write while it is certainly not applied, with growing pauses,
// a few times.
func (l *Log) retry(ctx context.Context, write func() error) error {
	for attempt := 0; ; attempt++ {
		err := write()
		if !errors.Is(err, ErrNotApplied) || attempt == 4 || l.pause(ctx, attempt) != nil {
			return err
		}
	}
}

// pause waits before a repetition: between half and all of 10 ms, doubled with
// every attempt up to 320 ms. It fails if ctx ends first.
func (l *Log) pause(ctx context.Context, attempt int) error {
	full := 10 * time.Millisecond << min(attempt, 5)
	jitter := time.Duration(l.randomUint64() % uint64(full/2))
	return sleep(ctx, full/2+jitter)
}

// sleep waits for d. It fails if ctx ends first.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// newBatch returns a batch of appends with a commit id of its own, which says that it was
// made at some time.
func (l *Log) newBatch(made time.Time, appends ...*Append) *Batch {
	return &Batch{ID: NewCommitID(made, l.randomUint64()), Appends: appends, Now: l.now()}
}

func (l *Log) newIncarnation() Incarnation {
	var i Incarnation
	l.fill(i[:])
	return i
}

func (l *Log) randomUint64() uint64 {
	var b [8]byte
	l.fill(b[:])
	return binary.BigEndian.Uint64(b[:])
}

// fill panics when there is no randomness: without it ids could repeat, and no
// write would be safe.
func (l *Log) fill(b []byte) {
	if _, err := io.ReadFull(l.random, b); err != nil {
		panic(fmt.Sprintf("stream: no randomness: %v", err))
	}
}

// unavailable hides a driver's error behind ErrUnavailable, keeping it for logs.
func unavailable(err error) error { return fmt.Errorf("%w: %w", ErrUnavailable, err) }
