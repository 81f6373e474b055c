package stream

import (
	"io"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/segment"
)

// indexOf returns the index of a segment of about so many MiB.
func indexOf(t *testing.T, size int) *segment.Index {
	t.Helper()
	w := segment.NewWriter(io.Discard, segment.Bytes, 0)
	frames := AppendFrame(nil, make([]byte, 1<<20))
	for range size {
		if err := w.Write(frames); err != nil {
			t.Fatal(err)
		}
	}
	summary, tail, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	index, err := segment.ParseTail(tail, summary.Size)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

// The memory of indexes is bounded by their blocks; an index that is put twice counts
// once.
func TestSegmentsAreBounded(t *testing.T) {
	index := indexOf(t, 200)
	blocks := index.Summary().Blocks
	fit := maxBlocks / blocks
	var s segments
	for n := range uint64(3 * fit) {
		for range 2 {
			s.put(Incarnation{1}, n, index)
		}
		if s.get(Incarnation{1}, n) != index {
			t.Fatalf("segment %d is forgotten at once", n)
		}
		if want := min(int(n)+1, fit); len(s.known) != want || s.blocks != want*blocks {
			t.Fatalf("after %d: %d indexes of %d blocks, want %d", n+1, len(s.known), s.blocks, want)
		}
	}
	if s.get(Incarnation{2}, 3*uint64(fit)-1) != nil {
		t.Error("the segment of another life was found")
	}
}

// One that is larger than all the room is kept alone.
func TestSegmentsKeepALargeOne(t *testing.T) {
	small, large := indexOf(t, 1), indexOf(t, 1025)
	if large.Summary().Blocks <= maxBlocks {
		t.Fatal("it is not large")
	}
	var s segments
	s.put(Incarnation{1}, 0, small)
	s.put(Incarnation{1}, 1, large)
	if s.get(Incarnation{1}, 1) != large || s.get(Incarnation{1}, 0) != nil || len(s.known) != 1 {
		t.Errorf("%d are known", len(s.known))
	}
	s.put(Incarnation{1}, 2, small)
	if s.get(Incarnation{1}, 2) != small || s.blocks != small.Summary().Blocks {
		t.Errorf("%d blocks", s.blocks)
	}
}
