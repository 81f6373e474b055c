package streamtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

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
	if h.Remembered() < l.Remember {
		t.Errorf("%d commits are remembered, want at least %d", h.Remembered(), l.Remember)
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
