package streamtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
		together(t, 6, func(i int) error {
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
				_, err = d.Trim(ctx, name, h.Incarnation, h.Tail, h.Tail)
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

// acked is a batch that a driver said it applied.
type acked struct {
	texts []string
	tail  stream.Offset
}

// commitUntil commits a batch until it is applied, or the rule refuses it on the
// head that refused it; that head is returned then.
func commitUntil(ctx context.Context, d stream.Driver, name string, b *stream.Batch, l stream.Limits) (applied, refused *stream.Head, err error) {
	for range patience {
		h, err := d.Commit(ctx, name, b, l)
		if err == nil {
			return h, nil, nil
		}
		r, err := refusal(err)
		if err != nil {
			return nil, nil, err
		}
		if _, admitted := stream.Admit(r.Head, b, l); !admitted {
			return nil, r.Head, nil
		}
	}
	return nil, nil, errors.New("commit never applied")
}

func testRaceCommit(t *testing.T, d stream.Driver) {
	const writers, each = 8, 20
	ctx, l := t.Context(), roomy()
	mustCreate(t, d, "s", openHead())
	acks := make([][]acked, writers)
	together(t, writers, func(w int) error {
		for n := range each {
			b := batch()
			var texts []string
			for part := range 1 + (w+n)%3 {
				text := fmt.Sprintf("%d.%d.%d;", w, n, part)
				texts = append(texts, text, text+"again;")
				b.Appends = append(b.Appends, plain(texts[2*part:]...))
			}
			h, refused, err := commitUntil(ctx, d, "s", b, l)
			if err != nil || refused != nil {
				return fmt.Errorf("writer %d, batch %d: refused by %+v: %w", w, n, refused, err)
			}
			acks[w] = append(acks[w], acked{texts, h.Tail})
		}
		return nil
	})
	checkRace(t, d, "s", slices.Concat(acks...), l)
}

// testRaceProducers has two goroutines for each producer that send the same
// requests: each request must be applied by exactly one of them.
func testRaceProducers(t *testing.T, d stream.Driver) {
	const producers, twins, each = 4, 2, 20
	ctx, l := t.Context(), roomy()
	mustCreate(t, d, "s", openHead())
	var mu sync.Mutex
	var acks []acked
	together(t, producers*twins, func(i int) error {
		p := fmt.Sprint("producer ", i%producers)
		for n := uint64(0); n < 2*each; n += 2 {
			texts := []string{fmt.Sprintf("%s.%d;", p, n), fmt.Sprintf("%s.%d;", p, n+1)}
			b := batch(produced(p, 0, n, texts[0]), produced(p, 0, n+1, texts[1]))
			h, refused, err := commitUntil(ctx, d, "s", b, l)
			if err != nil {
				return err
			}
			if refused != nil {
				// The twin was faster, and with both requests at once.
				if v := stream.Judge(refused, b.Appends[1], b.Now, l); !v.Duplicate {
					return fmt.Errorf("%s, request %d: refused by a head that says %+v", p, n, v)
				}
				continue
			}
			mu.Lock()
			acks = append(acks, acked{texts, h.Tail})
			mu.Unlock()
		}
		return nil
	})
	if len(acks) != producers*each {
		t.Errorf("%d batches were acknowledged, want %d", len(acks), producers*each)
	}
	checkRace(t, d, "s", acks, l)
}

// checkRace checks that a head consists of exactly the acknowledged batches.
func checkRace(t *testing.T, d stream.Driver, name string, acks []acked, l stream.Limits) {
	t.Helper()
	h, err := d.Head(t.Context(), name, stream.Strong)
	must(t, err)
	if h.Version != uint64(1+len(acks)) || h.Commits != uint64(1+len(acks)) {
		t.Errorf("version %d and %d commits after %d acknowledged batches", h.Version, h.Commits, len(acks))
	}
	if len(h.Recent) != l.Remember {
		t.Errorf("%d commits are remembered, want %d", len(h.Recent), l.Remember)
	}
	// The tails say in which order the batches were applied.
	slices.SortFunc(acks, func(a, b acked) int { return a.tail.Compare(b.tail) })
	var want, got []string
	var tails []stream.Offset
	for _, a := range acks {
		want = append(want, a.texts...)
		tails = append(tails, a.tail)
	}
	for _, e := range h.Buffer {
		for record, err := range e.Frames.Records() {
			must(t, err)
			got = append(got, string(record))
		}
		if !slices.Contains(tails, e.To) {
			t.Errorf("an entry ends at %v, where no acknowledged batch ended", e.To)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the head has the records\n%q, acknowledged were\n%q", got, want)
	}
}

// testRaceTrim flushes while others commit: a record is in a chunk or in the head.
func testRaceTrim(t *testing.T, d stream.Driver) {
	const writers, each = 4, 25
	ctx, l := t.Context(), roomy()
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
			after, err := d.Trim(ctx, "s", h.Incarnation, h.BufferFrom(), h.Tail)
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
