package segment_test

import (
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/segment"
)

// Whoever takes as many bytes as it asked for knows that there are more, and can cut where
// it likes. So one more is read, even where a block ends.
func TestBytesAreMoreThanTheLimit(t *testing.T) {
	o := write(t, segment.Bytes, frame(records(5*segment.BlockSize)...))
	x := o.index(t)
	for from := range uint64(3) {
		for _, by := range []int{-1, 0, 1} {
			limit := 2*segment.BlockSize - header - int(from) + by
			s, _ := x.Blocks(from, limit)
			blocks := 2
			if by >= 0 {
				blocks = 3
			}
			if s.Length != int64(blocks*segment.BlockSize) {
				t.Errorf("%d bytes from %d: the span has %d", limit, from, s.Length)
			}
		}
	}
}

// Where messages are blocks, no block is read in vain.
func TestMessagesThatAreBlocks(t *testing.T) {
	const one, three = segment.BlockSize - header, 3*segment.BlockSize - header
	x := write(t, segment.Messages, frame(records(one, one, one, three, one, one, one, one)...)).index(t)
	for _, c := range []struct {
		from   uint64
		limit  int
		blocks int64
	}{
		{0, 0, 1},
		{0, one - 1, 1},
		{0, 2*one - 1, 2},
		{1, 2*one - 1, 2},
		{2, 2*one - 1, 1}, // the one that follows does not fit
		{3, 0, 3},
		{3, three - 1, 3},
		{3, three + one - 1, 4},
		{6, 1 << 20, 2},
	} {
		if s, ok := x.Blocks(c.from, c.limit); !ok || s.Length != c.blocks*segment.BlockSize {
			t.Errorf("%d bytes from %d on: %d bytes, not %d blocks", c.limit, c.from, s.Length, c.blocks)
		}
	}
}
