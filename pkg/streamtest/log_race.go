package streamtest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// write appends a number of writes of one writer, one after the other.
func (r *rig) write(ctx context.Context, h *History, name, contentType, writer string, n int, producer bool) error {
	for i := range n {
		a := &stream.Append{ContentType: contentType}
		if producer {
			a.Producer = tag(writer, 0, uint64(i))
		}
		w := h.Begin(writer, i, 1+i%2, (i*7)%70)
		got, err := h.Append(ctx, r.Log, name, w, a)
		if err != nil {
			return fmt.Errorf("%s: %w", w.ID, err)
		}
		if got.FlushDue() {
			if err := r.Flush(ctx, name, got); err != nil {
				return fmt.Errorf("flush: %w", err)
			}
		}
	}
	return nil
}

func logGroupCommit(r *rig) {
	for _, contentType := range contentTypes {
		r.create(contentType, contentType)
		h := &History{}
		together(r.T, 12, func(i int) error {
			return r.write(r.Context(), h, contentType, contentType, fmt.Sprint("w", i), 15, false)
		})
		h.Check(r.T, r.Log, r.driver, r.objects, contentType)
	}
}

// logGroupCommitProducers has groups with producers and without, and with more
// producers than the head holds.
func logGroupCommitProducers(r *rig) {
	r.create("s", "text/plain")
	h := &History{}
	together(r.T, 8, func(i int) error {
		return r.write(r.Context(), h, "s", "text/plain", fmt.Sprint("w", i), 15, i%4 != 0)
	})
	h.Check(r.T, r.Log, r.driver, r.objects, "s")
}

// logCloseRace: whoever is told of a closed stream is told its final tail, and
// what was acknowledged precedes it.
func logCloseRace(r *rig) {
	for round := range 10 {
		name := fmt.Sprint("s", round)
		r.create(name, "text/plain")
		h := &History{}
		const writers = 6
		tails := make([]stream.Offset, writers)
		together(r.T, writers, func(i int) error {
			for n := 0; ; n++ {
				a := plain()
				a.Close = i == 0 && n == 4
				_, err := h.Append(r.Context(), r.Log, name, h.Begin(fmt.Sprint("w", i), n, 1, 10), a)
				var closed *stream.ClosedError
				if errors.As(err, &closed) {
					tails[i] = closed.Tail
					return nil
				}
				if err != nil {
					return err
				}
			}
		})
		_, last := r.text(name, stream.Start())
		for i, tail := range tails {
			if tail != last.Next {
				r.Errorf("writer %d was told that the stream was closed at %v, but it was at %v", i, tail, last.Next)
			}
		}
		h.Check(r.T, r.Log, r.driver, r.objects, name)
	}
}

// logFollowers: each follower gets everything exactly once, wherever it starts.
func logFollowers(r *rig) {
	ctx, cancel := patiently(r.Context())
	defer cancel()
	for _, contentType := range contentTypes {
		name := contentType
		r.create(name, contentType)
		h := &History{}
		must(r.T, r.write(ctx, h, name, contentType, "before", 6, false))
		before, p := r.text(name, stream.Start())
		const writers, followers = 3, 6
		got := make([]string, followers)
		var done atomic.Int64
		together(r.T, writers+followers, func(i int) error {
			var err error
			switch {
			case i < writers:
				err = r.write(ctx, h, name, contentType, fmt.Sprint("w", i), 15, i == 1)
				if done.Add(1) == writers && err == nil {
					_, err = r.Append(ctx, name, &stream.Append{Close: true})
				}
			case i%2 == 0:
				got[i-writers], err = follow(ctx, r.Log, name, stream.Start())
			default:
				got[i-writers], err = follow(ctx, r.Log, name, stream.At(p.Next))
				got[i-writers] = before + got[i-writers]
			}
			return err
		})
		want, _ := r.text(name, stream.Start())
		for i, text := range got {
			if text != want {
				r.Errorf("follower %d: %s", i, firstDifference(text, want))
			}
		}
		h.Check(r.T, r.Log, r.driver, r.objects, name)
	}
}

// logFollowerEnds: a follower that waits learns that the stream was deleted, also
// if it was created again at once, and that its context ended.
func logFollowerEnds(r *rig) {
	ctx, cancel := patiently(r.Context())
	defer cancel()
	many := r.another()
	for _, again := range []bool{false, true} {
		for r, other := range map[*rig]*rig{r: r, many: r.another()} {
			r.create("s", "text/plain")
			f, _, err := r.Follow(ctx, "s", stream.Start())
			must(r.T, err)
			ended := make(chan error)
			go func() {
				_, err := f.Next(ctx)
				ended <- err
			}()
			must(r.T, other.Delete(ctx, "s"))
			if again {
				other.create("s", "text/plain")
			}
			if err := <-ended; !errors.Is(err, stream.ErrNotFound) {
				r.Errorf("created again: %v: %v, want ErrNotFound", again, err)
			}
			f.Close()
			if again {
				must(r.T, r.Delete(ctx, "s"))
			}
		}
	}
	r.create("s", "text/plain")
	f, _, err := r.Follow(ctx, "s", stream.Now())
	must(r.T, err)
	defer f.Close()
	ending, end := context.WithCancel(ctx)
	end()
	if _, err := f.Next(ending); !errors.Is(err, context.Canceled) {
		r.Errorf("a follower whose context ended: %v", err)
	}
}

// logEarlyRequests: requests of a producer that overtake each other wait for their
// predecessors, across processes too.
func logEarlyRequests(r *rig) {
	r.limits.EarlyWait = 20 * time.Second
	logs := []*rig{r.another(), r.another()}
	r.create("s", "text/plain")
	h := &History{}
	const n = 12
	together(r.T, n, func(i int) error {
		w := h.Begin("p", i, 1, 5)
		got, err := h.Append(r.Context(), logs[i%2].Log, "s", w, produced("p", 0, uint64(n-1-i)))
		if err == nil && got.Producer.Seq != uint64(n-1-i) {
			err = fmt.Errorf("request %d: %+v", n-1-i, got)
		}
		return err
	})
	h.Check(r.T, r.Log, r.driver, r.objects, "s")
	// A gap that nobody fills is still a gap, and one too large is so at once.
	var gap *stream.GapError
	if _, err := r.Append(r.Context(), "s", produced("p", 0, 1000, "x")); !errors.As(err, &gap) {
		r.Errorf("a large gap: %v", err)
	}
}

// logTwoProcesses has writers and flushes in two logs over one driver, and
// followers that learn of the other log's appends by polling.
func logTwoProcesses(r *rig) { twoProcesses(r, false) }

func logTwoProcessesProducers(r *rig) { twoProcesses(r, true) }

func twoProcesses(r *rig, producers bool) {
	ctx, cancel := patiently(r.Context())
	defer cancel()
	logs := []*rig{r.another(), r.another()}
	each := 12
	if isSlow(r.driver) {
		each = 6
	}
	for _, contentType := range contentTypes {
		name := contentType
		r.create(name, contentType)
		h := &History{}
		const writers, followers = 6, 2
		got := make([]string, followers)
		var done atomic.Int64
		together(r.T, writers+followers, func(i int) error {
			log := logs[i%2]
			if i >= writers {
				var err error
				got[i-writers], err = follow(ctx, log.Log, name, stream.Start())
				return err
			}
			err := log.write(ctx, h, name, contentType, fmt.Sprint("w", i), each, producers)
			if done.Add(1) == writers && err == nil {
				_, err = log.Append(ctx, name, &stream.Append{Close: true})
			}
			return err
		})
		want, _ := r.text(name, stream.Start())
		for i, text := range got {
			if text != want {
				r.Errorf("follower %d: %s", i, firstDifference(text, want))
			}
		}
		for _, log := range logs {
			h.Check(r.T, log.Log, r.driver, r.objects, name)
		}
	}
}
