package fsck

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Options are how a store is checked.
type Options struct {
	// Names are the streams to check, all of which must be there; then no litter is looked
	// for. Empty means everything.
	Names []string
	// Now is the clock by which litter is old; nil means time.Now.
	Now func() time.Time
	// Progress is called again and again with what was found so far, which it must not
	// change or keep; nil is nobody.
	Progress func(*Summary)
	// Checked is called after each stream, with what [Stream] returned. nil is nobody.
	Checked func(name string, r *Report, err error)
}

// Summary is what a store consists of.
type Summary struct {
	// Streams counts those that were checked and are sound, Records, Bytes, Chunks,
	// Segments and ObjectBytes what they consist of (see [Report]).
	Streams                int
	Records, Bytes, Chunks int64
	Segments, ObjectBytes  int64
	// Items and Objects count the things that were looked at for litter.
	Items, Objects int
	// Owed counts lives that are over and whose data is about to be discarded, Retired
	// the items that are about to be removed.
	Owed, Retired int
	// Litter is what nobody needs, by what it is.
	Litter map[Litter]*Found
	// Damaged counts the streams that are damaged, and other damage that drivers report
	// ([stream.ErrDamaged]); Unchecked what could not be read or did not stand still.
	// Problems are the first of these.
	Damaged, Unchecked int
	Problems           []error
}

// Old is how much of the litter is older than a day.
func (s *Summary) Old() int {
	n := 0
	for _, f := range s.Litter {
		n += f.Old
	}
	return n
}

const (
	// namesPart is how many names are listed at a time.
	namesPart = 100
	// parallel is how many streams are checked at a time.
	parallel = 4
)

// Store checks all streams of a store ([Stream]), and looks for litter, or checks some. Damage and what
// could not be read are in the Summary; an error means that not everything was looked at,
// because ctx ended or a list could not be read. objects may be nil if the store has none.
//
// It may run while the store is used. Litter is then looked at twice, at the beginning
// and at the end of the search, and counts if it was there both times.
//
// Cost: that of each stream, four at a time; a scan of all items and a list of all
// objects; for each 1,000 items or objects a read of the head of each of their streams,
// and for each stream that has records which were staged more than an hour ago a query
// of its chunks.
func Store(ctx context.Context, d stream.Driver, objects stream.Objects, o Options) (*Summary, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Progress == nil {
		o.Progress = func(*Summary) {}
	}
	if o.Checked == nil {
		o.Checked = func(string, *Report, error) {}
	}
	s := &search{
		driver: d, objects: objects, Options: o,
		summary: &Summary{Litter: make(map[Litter]*Found)},
		seed:    maphash.MakeSeed(), checked: make(map[uint64]struct{}),
	}
	if len(o.Names) > 0 {
		s.check(ctx, o.Names)
		return s.summary, ctx.Err()
	}
	err := s.streams(ctx)
	if err == nil {
		err = s.litter(ctx)
	}
	return s.summary, err
}

// search is the check of one store.
type search struct {
	driver  stream.Driver
	objects stream.Objects
	Options

	// mu guards summary while streams are checked.
	mu      sync.Mutex
	summary *Summary
	// checked has the hashes of the names that were checked, or are about to be.
	seed    maphash.Seed
	checked map[uint64]struct{}
}

// trouble notes what is damaged or could not be read, unless the check is being stopped.
func (s *search) trouble(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	if errors.Is(err, stream.ErrDamaged) {
		s.summary.Damaged++
	} else {
		s.summary.Unchecked++
	}
	if len(s.summary.Problems) < maxProblems {
		s.summary.Problems = append(s.summary.Problems, err)
	}
}

// streams checks all streams that are listed.
func (s *search) streams(ctx context.Context) error {
	after := ""
	for {
		names, err := s.driver.Streams(ctx, "", after, namesPart)
		if err != nil {
			return fmt.Errorf("streams after %q: %w", after, err)
		}
		s.check(ctx, names)
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(names) < namesPart {
			return nil
		}
		after = names[len(names)-1]
	}
}

// check checks some streams, unless they were.
func (s *search) check(ctx context.Context, names []string) {
	next := make(chan string)
	var workers sync.WaitGroup
	for range min(parallel, len(names)) {
		workers.Go(func() {
			for name := range next {
				s.checkStream(ctx, name)
			}
		})
	}
	for _, name := range names {
		id := maphash.String(s.seed, name)
		if _, known := s.checked[id]; !known && ctx.Err() == nil {
			s.checked[id] = struct{}{}
			next <- name
		}
	}
	close(next)
	workers.Wait()
}

func (s *search) checkStream(ctx context.Context, name string) {
	i := newInspection(s.driver, s.objects, name, Sink{})
	i.object = func(size int64) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.summary.Segments++
		s.summary.ObjectBytes += size
		s.Progress(s.summary)
	}
	r, err := i.run(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	deleted := errors.Is(err, stream.ErrNoHead) && len(s.Names) == 0
	if deleted || ctx.Err() != nil {
		return // or the check is being stopped
	}
	s.Checked(name, r, err)
	var damaged *DamageError
	switch {
	case err == nil:
		s.summary.Streams++
		s.summary.Records += r.Records
		s.summary.Bytes += r.Bytes
		s.summary.Chunks += int64(r.Chunks)
	case errors.As(err, &damaged):
		s.trouble(ctx, err)
	default:
		s.trouble(ctx, fmt.Errorf("stream %q: %w", name, err))
	}
	s.Progress(s.summary)
}
