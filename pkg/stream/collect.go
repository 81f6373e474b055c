package stream

import "context"

// Collected reports a run of [Log.Collect].
type Collected struct {
	// Settled counts the lives whose data is gone, Failed those that could not be
	// finished in this run.
	Settled, Failed int
}

// Collect discards the data of at most max ended lives. It can be repeated, run twice
// at once and be stopped at any point: what was not settled is found again.
func (l *Log) Collect(ctx context.Context, max int) (Collected, error) {
	var done Collected
	ended, err := l.driver.Owed(ctx, max)
	for _, life := range ended {
		if err := l.discard(ctx, life); err != nil {
			done.Failed++
			continue
		}
		if err := l.driver.Settle(ctx, life); err != nil {
			done.Failed++
			continue
		}
		done.Settled++
	}
	if err != nil {
		return done, unavailable(err)
	}
	return done, nil
}

// discard removes all data of a life that is over: items and objects, in any order. If it
// was a fork it is released first: only its data tells of what.
func (l *Log) discard(ctx context.Context, life Life) error {
	const step = 100
	lineage, err := l.driver.Lineage(ctx, life)
	if err != nil {
		return unavailable(err)
	}
	if lineage != nil {
		if err := l.release(ctx, life, lineage.Source); err != nil {
			return err
		}
	}
	err = l.untilDone(ctx, func() (bool, error) { return l.driver.Discard(ctx, life, step) })
	if err != nil || l.objects == nil {
		return err
	}
	return l.untilDone(ctx, func() (bool, error) { return l.objects.DiscardObjects(ctx, ObjectPrefix(life), step) })
}

func (l *Log) untilDone(ctx context.Context, step func() (done bool, err error)) error {
	for {
		var done bool
		err := l.retry(ctx, func() (err error) { done, err = step(); return err })
		if err != nil || done {
			return err
		}
	}
}
