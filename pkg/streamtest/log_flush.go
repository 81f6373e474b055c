package streamtest

import (
	"fmt"
	"sync/atomic"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// logFlushOnce: where many processes append, exactly one of them is asked to flush
// for each limit's worth of entries, whether or not the ones before it did.
func logFlushOnce(r *rig) {
	const writers, each, limit = 5, 24, 6
	// Only the count of entries decides.
	r.limits.FlushCount, r.limits.BufferCount = limit, 2*writers*each
	r.limits.FlushSize, r.limits.BufferSize = 1<<30, 1<<30
	for _, flushes := range []bool{false, true} {
		name := fmt.Sprint("flushes: ", flushes)
		r.create(name, "text/plain")
		h := &History{}
		var due atomic.Int64
		together(r.T, writers, func(i int) error {
			process := r.another()
			for n := range each {
				got, err := h.Append(r.Context(), process.Log, name, h.Begin(fmt.Sprint("w", i), n, 1, n%7), &stream.Append{ContentType: "text/plain"})
				if err == nil && got.FlushDue() {
					due.Add(1)
					if flushes {
						err = process.Flush(r.Context(), name, got)
					}
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if want := int64(writers * each / limit); due.Load() != want {
			r.Errorf("%s: %d of %d appends were asked to flush, want %d", name, due.Load(), writers*each, want)
		}
		stored, err := r.driver.Head(r.Context(), name, stream.Strong)
		must(r.T, err)
		if !flushes && len(stored.Buffer) != writers*each {
			r.Errorf("%s: %d entries in the buffer", name, len(stored.Buffer))
		}
		if flushes && len(stored.Buffer) >= writers*each {
			r.Errorf("%s: nothing was flushed", name)
		}
		h.Check(r.T, r.Log, r.driver, r.objects, name)
		must(r.T, r.Flush(r.Context(), name, stream.Appended{}))
		h.Check(r.T, r.Log, r.driver, r.objects, name)
	}
}

// logFlushCost: a flush after an append that asked for it reads nothing: it puts
// chunks and trims the head.
func logFlushCost(r *rig) {
	f := NewFaults(r.driver)
	log, err := stream.New(f, stream.Options{Objects: r.objects, Limits: r.limits, Now: r.clock.Now})
	must(r.T, err)
	r.create("s", "text/plain")
	h := &History{}
	flushed := 0
	for n := range 200 {
		got, err := h.Append(r.Context(), log, "s", h.Begin("w", n, 1, 4), &stream.Append{ContentType: "text/plain"})
		must(r.T, err)
		if !got.FlushDue() {
			continue
		}
		before := f.Calls()
		must(r.T, log.Flush(r.Context(), "s", got))
		after := f.Calls()
		for m, n := range after {
			if m == PutChunk && n-before[m] >= 1 || m == Trim && n-before[m] == 1 {
				continue
			}
			if n != before[m] {
				r.Errorf("a flush called %s %d times", m, n-before[m])
			}
		}
		if after[Trim] == before[Trim] || after[PutChunk] == before[PutChunk] {
			r.Error("a flush that was due did nothing")
		}
		stored, err := r.driver.Head(r.Context(), "s", stream.Strong)
		must(r.T, err)
		if len(stored.Buffer) != 0 {
			r.Errorf("a flush left %d entries", len(stored.Buffer))
		}
		flushed++
	}
	if flushed == 0 {
		r.Error("no flush was due")
	}
	h.Check(r.T, log, r.driver, r.objects, "s")
}
