package stream

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// litterAfter is how long what was staged is kept although nothing links it: far
	// longer than any append takes from staging to its commit.
	litterAfter = time.Hour
	// unbornAfter is how long what was staged for a life that has not begun is kept. No
	// head can tell its creator that it is gone, so this is longer than anybody sleeps.
	unbornAfter = 7 * 24 * time.Hour
	// expiredFor is how long a stream must have been over before its head is removed,
	// so that no process with another clock still serves it.
	expiredFor = time.Minute
	// maxProblems bounds how many errors one run tells.
	maxProblems = 10
)

// SweepOptions bound one run of [Log.Sweep].
type SweepOptions struct {
	// IdleAfter is how long a stream is not used before its last segment is sealed.
	IdleAfter time.Duration
	// Items and Objects are about how many of each are looked at, and Lives how many
	// ended lives are discarded.
	Items, Objects, Lives int
}

// Swept reports a run of [Log.Sweep].
type Swept struct {
	// Collected is what deletions had left to be discarded.
	Collected
	// Items and Objects count what was looked at; ItemsEnd and ObjectsEnd say that the
	// run came to the end of them, so that the next one begins anew.
	Items, Objects       int
	ItemsEnd, ObjectsEnd bool
	// Expired counts the streams that were over and whose heads were removed, Sealed the
	// idle ones whose last segment was ended.
	Expired, Sealed int
	// Compaction is what was owed, or due to streams that were sealed.
	Compaction
	// Registered counts the records that registries lacked.
	Registered int
	// Released counts the forks that were over and still noted of their source, Recounted
	// the streams whose forks were not counted right.
	Released, Recounted int
	// Retired counts the chunks and staged items of living streams that were litter,
	// Removed the staged objects, Orphans the lives whose data was found although
	// nothing owed it.
	Retired, Removed, Orphans int
	// Foreign counts objects under the server's prefix that are none of its own. They
	// are left alone.
	Foreign int
	// Problems counts what could not be done.
	Problems int
}

// Sweep finishes what was left undone, wherever: it discards what deletions owe, removes
// streams that expired, ends the segments of idle streams, compacts segments whose event
// was lost, writes what registries lack, and clears away what crashes and late writes left behind. It looks at so
// much of the store as its options say, and goes on there in the next run.
//
// It may be repeated, run twice at once, and stop at any point. Something that fails is
// passed over; the error tells the first few of those. When ctx ends, it stops with what
// it has done.
//
// Cost: of each 1 MB of items a scan, eventually consistent; of each 1,000 objects a
// list; for each stream whose data is looked at a strong read of its head, and a few more
// if that may be litter; for each life whose data is found although it is over a read of
// what is owed. Memory: about a hundred bytes for each stream and each life, and
// what those link whose staged items are old; never their heads, nor their records.
func (l *Log) Sweep(ctx context.Context, o SweepOptions) (Swept, error) {
	s := &sweep{
		Log: l, options: o,
		litterBefore: l.now().Add(-litterAfter).Unix(), unbornBefore: l.now().Add(-unbornAfter).Unix(),
		living: make(map[string]living), over: make(map[Incarnation]bool),
		linked: make(map[Incarnation]links), fenced: make(map[Incarnation]links),
	}
	s.sweepWorks(ctx)
	s.sweepItems(ctx)
	s.sweepObjects(ctx)
	return s.report, errors.Join(s.problems...)
}

// sweep is one run.
type sweep struct {
	*Log
	options  SweepOptions
	report   Swept
	problems []error
	// litterBefore is the time ([StagedID.At]) of what is old enough to be litter, and
	// unbornBefore if its life has not begun.
	litterBefore, unbornBefore int64
	// living holds what heads said that were read in this run, over the lives that were
	// found to be over in it: a life never comes back.
	living map[string]living
	over   map[Incarnation]bool
	// linked is what lives were seen to link, fenced what they link for good: nothing
	// that was staged before litterBefore joins it.
	linked, fenced map[Incarnation]links
}

// living is what a run keeps of a head. All of it would be too much: streams are many, and
// buffers large.
type living struct {
	incarnation Incarnation
	compacted   uint64
}

// failed notes a problem, unless the run is being stopped.
func (s *sweep) failed(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil {
		return
	}
	s.report.Problems++
	if len(s.problems) < maxProblems {
		s.problems = append(s.problems, err)
	}
}

func (s *sweep) sweepWorks(ctx context.Context) {
	var err error
	s.report.Collected, err = s.Collect(ctx, s.options.Lives)
	s.failed(ctx, err)
}

// walk looks at parts of a long list from where the last run stopped, until it has looked
// at max things or come to the end.
func (s *sweep) walk(ctx context.Context, key string, max int, looked *int, part func(cursor string) (next string, n int, err error)) (end bool) {
	cursor, err := s.driver.Cursor(ctx, key)
	if err != nil {
		s.failed(ctx, fmt.Errorf("sweep %s: %w", key, err))
		return false
	}
	for *looked < max && ctx.Err() == nil {
		next, n, err := part(cursor)
		*looked += n
		if err != nil {
			s.failed(ctx, fmt.Errorf("sweep %s: %w", key, err))
		}
		if ctx.Err() != nil || err != nil && next == cursor && n == 0 {
			return false
		}
		if err := s.driver.SetCursor(ctx, key, next); err != nil {
			s.failed(ctx, fmt.Errorf("sweep %s: %w", key, err))
			return false
		}
		if cursor = next; cursor == "" {
			return true
		}
	}
	return false
}

// life returns what is known of a life, or nil if it is over or has not begun. What is
// seen of a life before this is called was there while it lived, or is litter.
func (s *sweep) life(ctx context.Context, life Life) (*living, error) {
	if known, found := s.living[life.Name]; found && known.incarnation == life.Incarnation {
		return &known, nil
	}
	if s.over[life.Incarnation] {
		return nil, nil
	}
	h, err := s.driver.Head(ctx, life.Name, Strong)
	if err != nil {
		return nil, unlessGone(err)
	}
	known := living{h.Incarnation, h.Compacted}
	s.living[life.Name] = known
	if h.Incarnation != life.Incarnation {
		return nil, nil
	}
	return &known, nil
}

// orphan discards the data of a life that is over although nothing owes it: a late write
// left it, or a create that was never finished. What is owed is left to [Log.Collect], which
// gets it from the driver when it is due: until then a write of that life may be under way.
func (s *sweep) orphan(ctx context.Context, life Life) error {
	if s.over[life.Incarnation] {
		return nil
	}
	owed, err := s.driver.Unsettled(ctx, life)
	if err != nil {
		return err
	}
	if !owed {
		if err := s.discard(ctx, life); err != nil {
			return err
		}
		s.report.Orphans++
	}
	s.over[life.Incarnation] = true
	return nil
}
