package streamtest

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// logLivesRace deletes and creates a stream again and again, from two processes,
// while others write and read it and its past is discarded. Nothing may fail in
// another way than by not being found, and no life may see records of another.
func logLivesRace(r *rig) {
	ctx := r.Context()
	logs := []*rig{r.another(), r.another()}
	stop := make(chan struct{})
	var once sync.Once
	stopped := func() bool {
		select {
		case <-stop:
			return true
		default:
			return false
		}
	}
	// A record names the life that its writer saw just before writing it. A blind
	// commit may land in a later life, but never in an earlier one.
	lives := make(map[stream.Incarnation]int)
	var mu sync.Mutex
	together(r.T, 6, func(i int) error {
		log := logs[i%2]
		if i == 0 {
			defer once.Do(func() { close(stop) })
			for life := range 30 {
				h, created, err := log.Create(ctx, "s", &stream.Create{Config: stream.Config{ContentType: "text/plain"}})
				if err != nil || !created {
					return fmt.Errorf("life %d: created %v, %w", life, created, err)
				}
				mu.Lock()
				lives[h.Incarnation] = life
				mu.Unlock()
				for n := range 4 {
					if _, err := log.Append(ctx, "s", plain(fmt.Sprintf("%d.creator.%d;", life, n))); err != nil {
						return err
					}
				}
				if err := log.Delete(ctx, "s"); err != nil {
					return err
				}
				if _, err := log.Collect(ctx, 10); err != nil {
					return err
				}
			}
			return nil
		}
		for n := 0; !stopped(); n++ {
			if err := r.meddle(log, i, n, &mu, lives); err != nil && !errors.Is(err, stream.ErrNotFound) {
				return fmt.Errorf("worker %d, step %d: %w", i, n, err)
			}
		}
		return nil
	})
	if _, err := inspect(ctx, r.driver, r.objects, "s"); !errors.Is(err, stream.ErrNoHead) {
		r.Errorf("after the last life: %v", err)
	}
}

// meddle writes, flushes or reads a stream that may end at any moment.
func (r *rig) meddle(log *rig, worker, n int, mu *sync.Mutex, lives map[stream.Incarnation]int) error {
	ctx := r.Context()
	life := func(h *stream.Head) (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		number, known := lives[h.Incarnation]
		return number, known
	}
	switch worker {
	case 1, 2:
		h, err := log.Log.Head(ctx, "s")
		if err != nil {
			return err
		}
		number, known := life(h)
		if !known {
			return nil
		}
		text := fmt.Sprintf("%d.%s;", number, strings.Repeat("x", n*13%100))
		_, err = log.Append(ctx, "s", plain(text))
		return err
	case 3:
		return log.Flush(ctx, "s", stream.Appended{})
	default:
		p, err := log.Read(ctx, "s", stream.Start())
		if err != nil {
			return err
		}
		number, known := life(p.Head)
		// A page may begin or end inside a record; its first one is whole.
		var written int
		if text := pageText(p); known && text != "" {
			if _, err := fmt.Sscanf(text, "%d.", &written); err != nil || written > number {
				return fmt.Errorf("life %d begins with %.40q: %w", number, text, err)
			}
		}
		return nil
	}
}
