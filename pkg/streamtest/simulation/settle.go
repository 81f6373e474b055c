package simulation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/fsck"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// veryLong is long enough for everything: what was staged for creates that were never
// finished is litter.
const veryLong = 10 * 24 * time.Hour

// settle lets everything happen that is due, in a process of which nothing fails, and
// checks what there is then.
func (w *world) settle() {
	healthy := w.start(true)
	ctx := acting(w.ctx, actor(13), 0)
	w.mu.Lock()
	for _, p := range w.inOrder {
		if err := p.check(); err != nil {
			w.violation("%v", err)
		}
	}
	w.mu.Unlock()
	w.contents(ctx, healthy.log)
	const rounds = 4
	for range rounds {
		w.mu.Lock()
		if err := w.repair(ctx); err != nil {
			w.violation("repair: %v", err)
		}
		w.mu.Unlock()
		w.sweep(ctx, healthy.log)
		w.expire(w.store.RetiredLeft())
		time.Sleep(veryLong)
	}
	w.contents(ctx, healthy.log)
	sum, err := fsck.Store(ctx, w.store, w.objects, fsck.Options{Now: time.Now})
	if err != nil || sum.Damaged+sum.Unchecked+sum.Owed+sum.Retired+len(sum.Litter) > 0 {
		w.violation("fsck: %v, %+v, %w", err, sum, errors.Join(sum.Problems...))
		for kind, found := range sum.Litter {
			w.violation("litter: %d %s: %v", found.Count, kind, found.Names)
		}
	}
	w.checkRegistry(ctx, healthy.log)
}

// sweep does what runs in the background until it is done.
func (w *world) sweep(ctx context.Context, l *stream.Log) {
	for _, name := range w.truth.names {
		if _, err := l.Compact(ctx, name); err != nil {
			w.violation("compact %q when nothing fails: %v", name, err)
		}
	}
	swept, err := l.Sweep(ctx, stream.SweepOptions{IdleAfter: time.Hour, Items: 1 << 20, Objects: 1 << 20, Lives: 1 << 20})
	if err != nil {
		w.violation("a sweep when nothing fails: %+v, %v", swept, err)
	}
}

// contents reads all streams and compares them with the truth.
func (w *world) contents(ctx context.Context, l *stream.Log) {
	for _, name := range w.truth.names {
		at := stream.Start()
		var got strings.Builder
		for {
			from := time.Now()
			p, err := l.Read(ctx, name, at)
			w.checkRead(name, p, err, from)
			if errors.Is(err, stream.ErrNotFound) || errors.Is(err, stream.ErrGone) {
				break
			}
			if err != nil {
				w.violation("read %q when nothing fails: %v", name, err)
				break
			}
			for r := range p.Records() {
				got.Write(r)
			}
			if at = stream.At(p.Next); !p.UpToDate() {
				continue
			}
			w.mu.Lock()
			if want := text(w.truth.lives[p.Head.Life(name)].records); got.String() != want {
				w.violation("%q has %d bytes, and was told %d", name, got.Len(), len(want))
			}
			w.mu.Unlock()
			break
		}
	}
}

// checkRegistry checks that the registry told of each life's beginning and end, once and
// in order.
func (w *world) checkRegistry(ctx context.Context, l *stream.Log) {
	told := make(map[string][]string)
	for at := stream.Start(); w.plan.registry; {
		p, err := l.Read(ctx, registryName, at)
		if errors.Is(err, stream.ErrNotFound) {
			break
		}
		if err != nil {
			w.violation("read the registry: %v", err)
			return
		}
		for r := range p.Records() {
			var e struct {
				Key     string
				Value   struct{ CreatedAt int64 }
				Headers struct{ Operation string }
			}
			if err := json.Unmarshal(r, &e); err != nil {
				w.violation("record of the registry %s: %v", r, err)
			}
			told[e.Key] = append(told[e.Key], fmt.Sprint(e.Headers.Operation, " ", e.Value.CreatedAt))
		}
		if at = stream.At(p.Next); p.UpToDate() {
			break
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range w.names {
		var want []string
		for _, l := range w.truth.order[name] {
			if l.told {
				want = append(want, fmt.Sprint("insert ", l.created.UnixMilli()))
			}
			if l.told && l.over {
				want = append(want, "delete 0")
			}
		}
		if got := told[name]; fmt.Sprint(got) != fmt.Sprint(want) {
			w.violation("the registry says of %q %v, and it was %v", name, got, want)
		}
	}
}
