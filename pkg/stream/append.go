package stream

import (
	"context"
	"errors"
	"time"
)

// Appended is the outcome of an append.
type Appended struct {
	// Tail is the offset after the append's records; for a duplicate, the
	// stream's tail.
	Tail Offset
	// Closed says that the stream is closed now.
	Closed bool
	// Duplicate says that the append was applied by an earlier request.
	Duplicate bool
	// Producer is the producer's state; zero without one.
	Producer Producer
	// flush is the head whose buffer is to be flushed; nil if that is not due.
	flush *Head
}

// FlushDue asks the caller to call [Log.Flush] once it has answered.
func (a Appended) FlushDue() bool { return a.flush != nil }

// Append appends records to a stream, closes it, or both (PROTOCOL.md sections
// 5.2, 5.2.1 and 5.3). When it returns without error the records are durable.
//
// It fails with [ErrNotFound], [ErrGone], [*ClosedError], [*ContentTypeError],
// [*FencedError], [*GapError], [ErrEpochStart], [ErrManyProducers], [*SeqError] or [ErrReadOnly], all
// without effect; with [ErrUnavailable], without effect; or with
// [ErrUnsettled], when the append may have been applied. An append once begun
// runs to its end even if ctx is cancelled, though not beyond its deadline, or the
// latest one of those that share its commit.
//
// Cost: one conditional write for all appends that arrive together. Its life:
// it enters the stream's lane; the lane's leader commits a group of appends as
// one batch (commit.go); a request that came before its predecessor waits here.
func (l *Log) Append(ctx context.Context, name string, a *Append) (Appended, error) {
	if l.registry.Is(name) {
		return Appended{}, ErrReadOnly
	}
	r, err := l.submit(ctx, name, a)
	if gap, early := l.early(err); early {
		return l.awaitTurn(ctx, name, a, gap)
	}
	return r, err
}

// submit runs an append through its lane.
func (l *Log) submit(ctx context.Context, name string, a *Append) (Appended, error) {
	t := &ticket{append: a, usage: UsageOf(ctx), wake: make(chan struct{}, 1)}
	t.deadline, _ = ctx.Deadline()
	if !l.lanes.enter(name, t) {
		if !l.awaitLane(name, t) {
			return Appended{}, unavailable(ErrNotApplied)
		}
		if t.settled {
			return t.result, t.err
		}
	}
	l.lead(ctx, name, t)
	return t.result, t.err
}

// awaitLane waits until a ticket is settled, or must lead. It returns false if neither
// happened in time; then the ticket is in the lane no more.
func (l *Log) awaitLane(name string, t *ticket) bool {
	var late <-chan time.Time
	if !t.deadline.IsZero() {
		timer := time.NewTimer(time.Until(t.deadline) - answerTime)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-t.wake:
		return true
	case <-late:
		if l.lanes.quit(name, t) {
			return false
		}
		<-t.wake // it is in a group already
		return true
	}
}

// lead commits a group, and then hands the lane over and wakes the group. It does
// so even if the commit panics: the others in the lane must not wait forever.
func (l *Log) lead(ctx context.Context, name string, t *ticket) {
	group, ln := l.lanes.gather(name, t, l.limits)
	defer func() {
		l.lanes.leave(name)
		for _, t := range group {
			if !t.settled {
				t.settle(Appended{}, ErrUnsettled)
			}
			if t != group[0] {
				t.wake <- struct{}{}
			}
		}
	}()
	// The group has as long as the most patient of it.
	left := l.timeLeft(t.deadline)
	for _, t := range group[1:] {
		left = max(left, l.timeLeft(t.deadline))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), left)
	defer cancel()
	l.commit(ctx, name, group, ln)
}

// answerTime is what a write leaves of the caller's time, so that the caller can
// still say what became of it.
const answerTime = 500 * time.Millisecond

// writing is the context of a write for a caller with ctx: it outlives the caller's
// leaving, but not its deadline, at which the process may be killed.
func (l *Log) writing(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, _ := ctx.Deadline()
	return context.WithTimeout(context.WithoutCancel(ctx), l.timeLeft(deadline))
}

// timeLeft is how long a write may take for a caller with a deadline; zero is none.
func (l *Log) timeLeft(deadline time.Time) time.Duration {
	if deadline.IsZero() {
		return l.limits.WriteTimeout
	}
	return min(l.limits.WriteTimeout, time.Until(deadline)-answerTime)
}

// earlyWindow is how far ahead of its turn a producer's request may be to be
// worth waiting for: as many as clients keep in flight.
const earlyWindow = 64

// early reports whether an append failed because it overtook its predecessors.
func (l *Log) early(err error) (*GapError, bool) {
	if err == nil || l.limits.EarlyWait == 0 {
		return nil, false
	}
	var gap *GapError
	if !errors.As(err, &gap) {
		return nil, false
	}
	return gap, gap.Received-gap.Expected <= earlyWindow
}

// awaitTurn waits for the predecessors of an early append, for a short while, and
// then appends it: a client that pipelines requests over several connections, or
// that reaches several processes, cannot keep them in order.
func (l *Log) awaitTurn(ctx context.Context, name string, a *Append, gap *GapError) (Appended, error) {
	// For the waiting alone: the append itself may take as long as any other.
	wait, cancel := context.WithTimeout(ctx, l.limits.EarlyWait)
	defer cancel()
	w := l.hub.join(name)
	defer l.hub.leave(w)
	defer w.charge(UsageOf(ctx))()
	// What happened before we joined is not announced to us.
	h, err := l.driver.Head(wait, name, Strong)
	for err == nil {
		v := Judge(h, a, l.now(), l.limits)
		// The head does not tell of a spilled producer. Only trying does, and that is
		// not to be done at every change of a busy stream.
		if v.Slow&SlowSpilled != 0 && l.pause(wait, 1) != nil {
			break
		}
		if _, early := l.early(v.Err); !early {
			r, err := l.submit(ctx, name, a)
			later, early := l.early(err)
			if !early {
				return r, err
			}
			gap = later
		}
		var news *view
		if news, err = w.next(wait, h); err == nil {
			h = news.head
		}
	}
	return Appended{}, gap
}
