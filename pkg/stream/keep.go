package stream

import (
	"context"
	"errors"
	"time"
)

// keeper renews a sliding TTL for all who follow a life of a stream in this process
// (PROTOCOL.md section 5.1: a stream with active live readers does not expire).
type keeper struct {
	refs int // guarded by watcher.mu
	stop context.CancelFunc
}

// keep has the deadline of a head's life renewed in time, until the result is called by
// everybody who asked for it.
func (l *Log) keep(w *watcher, h *Head) (end func()) {
	if !h.HasTTL {
		return func() {}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	k := w.keepers[h.Incarnation]
	if k == nil {
		ctx, stop := context.WithCancel(context.Background())
		k = &keeper{stop: stop}
		if w.keepers == nil {
			w.keepers = make(map[Incarnation]*keeper)
		}
		w.keepers[h.Incarnation] = k
		go l.renewInTime(ctx, w, h, earliness(h.TTL, l.randomUint64()))
	}
	k.refs++
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if k.refs--; k.refs == 0 {
			k.stop()
			delete(w.keepers, h.Incarnation)
		}
	}
}

// maxEarly bounds how long before the deadline of a short TTL it is renewed: a store may
// fail to answer twice in that time.
const maxEarly = 5 * time.Second

// earliness is how long before the deadline a process renews it for those who follow the
// stream. The later, the fewer writes; but there must be time to try again, and clocks may
// differ by a [Backstep]. So it is between a half and all of the slack or, if that is
// longer, of a third of the TTL, up to maxEarly. Where in that span is up to chance: of many
// processes one is the first, and the others see what it wrote before it is their turn.
func earliness(ttl time.Duration, random uint64) time.Duration {
	most := max(slack(ttl), min(ttl/3, maxEarly))
	return most/2 + time.Duration(random%uint64(most/2+1))
}

// renewInTime renews the deadline of h's life whenever less than early is left, until ctx
// ends or the life is over. While nobody else renews it, it costs one read and one write of the
// head each time; and nothing where the watcher learns in time that somebody did. What
// fails is tried again after a pause: as long as nobody knows that the stream is over, it
// may be saved.
func (l *Log) renewInTime(ctx context.Context, w *watcher, h *Head, early time.Duration) {
	for failures := 0; ; {
		if v := w.view.Load(); v.covers(h) {
			h = v.head
		}
		if now := l.now(); !h.renewalDue(now, early) {
			// Clocks are read in milliseconds.
			if sleep(ctx, h.Deadline.Sub(now)-early+time.Millisecond) != nil {
				return
			}
			continue
		}
		renewed, err := l.renewLife(w.onBehalf(ctx), w.name, h.Incarnation, early)
		switch {
		case err == nil:
			w.update(renewed)
			h, failures = renewed, 0
		case errors.Is(err, ErrNotFound), errors.Is(err, ErrGone):
			// Those who wait find that out by themselves.
			return
		case l.pause(ctx, failures) != nil:
			return
		default:
			failures++
		}
	}
}

// renewLife looks at what is stored, as others may have renewed it, and renews it if it is
// of the life and leaves less than some time.
func (l *Log) renewLife(ctx context.Context, name string, inc Incarnation, least time.Duration) (*Head, error) {
	h, err := l.Head(ctx, name)
	if err != nil {
		return nil, err
	}
	if h.Incarnation != inc {
		return nil, ErrNotFound
	}
	return l.renew(ctx, name, h, least)
}
