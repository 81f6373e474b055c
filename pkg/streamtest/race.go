package streamtest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// together runs n functions at once and fails if one of them does.
func together(t *testing.T, n int, run func(i int) error) {
	t.Helper()
	start := make(chan struct{})
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = run(i)
		})
	}
	close(start)
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// refusal separates refusals from other errors.
func refusal(err error) (*stream.RefusedError, error) {
	var refused *stream.RefusedError
	if errors.As(err, &refused) {
		return refused, nil
	}
	return nil, err
}

// onlyOne runs a write that exactly one of many may win, and returns the winner.
func onlyOne(t *testing.T, write func(i int) error) int {
	t.Helper()
	const n = 8
	var won, winner atomic.Int64
	together(t, n, func(i int) error {
		refused, err := refusal(write(i))
		if err == nil && refused == nil {
			won.Add(1)
			winner.Store(int64(i))
		}
		return err
	})
	if won.Load() != 1 {
		t.Fatalf("%d of %d writers were told that they won", won.Load(), n)
	}
	return int(winner.Load())
}

func testRaceCreate(t *testing.T, d stream.Driver) {
	for round := range 10 {
		name := fmt.Sprint("s", round)
		heads := make([]*stream.Head, 8)
		for i := range heads {
			heads[i] = openHead()
		}
		won := onlyOne(t, func(i int) error { return d.Create(t.Context(), name, heads[i], nil) })
		wantStored(t, d, name, heads[won])
		// Again, as a replacement.
		old := heads[won]
		for i := range heads {
			heads[i] = openHead()
		}
		won = onlyOne(t, func(i int) error { return d.Create(t.Context(), name, heads[i], old) })
		wantStored(t, d, name, heads[won])
	}
	eventually(t, func() error {
		if n := len(owed(t, d)); n != 10 {
			return fmt.Errorf("%d works owed for 10 replaced lives", n)
		}
		return nil
	})
}

func testRaceUpdate(t *testing.T, d stream.Driver) {
	h := openHead()
	mustCreate(t, d, "s", h)
	for range 10 {
		nexts := make([]*stream.Head, 8)
		for i := range nexts {
			nexts[i] = h.Clone()
			nexts[i].Version++
			nexts[i].Seq = fmt.Sprint(i)
		}
		h = nexts[onlyOne(t, func(i int) error { return d.Update(t.Context(), "s", nexts[i]) })]
		wantStored(t, d, "s", h)
	}
}

// testRaceDelete lets a delete and writers of all kinds meet: once the delete was
// acknowledged nothing brings the life back.
func testRaceDelete(t *testing.T, d stream.Driver) {
	ctx, l := t.Context(), roomy()
	for round := range 10 {
		name := fmt.Sprint("s", round)
		h := openHead()
		mustCreate(t, d, name, h)
		together(t, 7, func(i int) error {
			var err error
			switch i {
			case 0, 1:
				err = d.Delete(ctx, name, h.Incarnation)
			case 2, 3:
				for n := 0; n < 5 && err == nil; n++ {
					_, err = d.Commit(ctx, name, batch(plain("x")), l)
				}
			case 4:
				next := h.Clone()
				next.Version++
				err = d.Update(ctx, name, next)
			case 5:
				_, err = d.Trim(ctx, name, h, h.Tail, l)
			case 6:
				_, err = d.Compact(ctx, h.Life(name), 1)
			}
			_, err = refusal(err)
			return err
		})
		wantStored(t, d, name, nil)
	}
	if n := len(owed(t, d)); n > 10 {
		t.Errorf("%d works owed for 10 lives", n)
	}
}

// testRaceTrim flushes while others commit: a record is in a chunk or in the head.
func testRaceTrim(t *testing.T, d stream.Driver) {
	const writers, each = 4, 25
	ctx, l := t.Context(), roomy()
	// All are made in one moment: where one of them is forgotten, the others are refused.
	l.Remember = 1 + writers*each
	mustCreate(t, d, "s", openHead())
	var flushed []string
	var done atomic.Int64
	together(t, writers+1, func(i int) error {
		if i < writers {
			defer done.Add(1)
			for n := range each {
				if _, refused, err := commitUntil(ctx, d, "s", batch(plain(fmt.Sprintf("%d.%02d", i, n))), l); err != nil || refused != nil {
					return fmt.Errorf("commit: refused by %+v: %w", refused, err)
				}
			}
			return nil
		}
		for done.Load() < writers {
			h, err := d.Head(ctx, "s", stream.Strong)
			if err != nil {
				return err
			}
			after, err := d.Trim(ctx, "s", h, h.Tail, l)
			if err != nil {
				return fmt.Errorf("nobody else trims, yet: %w", err)
			}
			if after.BufferFrom() != h.Tail {
				return fmt.Errorf("trimmed to %v, yet the buffer begins at %v", h.Tail, after.BufferFrom())
			}
			flushed = append(flushed, texts(h)...)
		}
		return nil
	})
	h, err := d.Head(ctx, "s", stream.Strong)
	must(t, err)
	all := append(flushed, texts(h)...)
	last := make(map[byte]string)
	for _, text := range all {
		if text <= last[text[0]] {
			t.Errorf("%s comes after %s", text, last[text[0]])
		}
		last[text[0]] = text
	}
	if len(all) != writers*each {
		t.Errorf("%d records, want %d", len(all), writers*each)
	}
}

// texts returns the records in a head's buffer.
func texts(h *stream.Head) (all []string) {
	for _, e := range h.Buffer {
		for record := range e.Frames.Records() {
			all = append(all, string(record))
		}
	}
	return all
}
