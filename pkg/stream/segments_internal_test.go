package stream

import (
	"bytes"
	"io"
	"runtime"
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

// The memory of indexes is bounded; an index that is put twice counts once.
func TestSegmentsAreBounded(t *testing.T) {
	index := indexOf(t, 200)
	each := weight(index)
	fit := maxWeight / each
	var s segments
	for n := range uint64(3 * fit) {
		for range 2 {
			s.put(Incarnation{1}, n, index)
		}
		if s.get(Incarnation{1}, n) != index {
			t.Fatalf("segment %d is forgotten at once", n)
		}
		if want := min(int(n)+1, fit); len(s.known) != want || s.weight != want*each {
			t.Fatalf("after %d: %d indexes of weight %d, want %d", n+1, len(s.known), s.weight, want)
		}
	}
	if s.get(Incarnation{2}, 3*uint64(fit)-1) != nil {
		t.Error("the segment of another life was found")
	}
}

// One that is larger than all the room is kept alone.
func TestSegmentsKeepALargeOne(t *testing.T) {
	small, large := indexOf(t, 1), indexOf(t, 1025)
	if weight(large) <= maxWeight {
		t.Fatal("it is not large")
	}
	var s segments
	s.put(Incarnation{1}, 0, small)
	s.put(Incarnation{1}, 1, large)
	if s.get(Incarnation{1}, 1) != large || s.get(Incarnation{1}, 0) != nil || len(s.known) != 1 {
		t.Errorf("%d are known", len(s.known))
	}
	s.put(Incarnation{1}, 2, small)
	if s.get(Incarnation{1}, 2) != small || s.weight != weight(small) {
		t.Errorf("weight %d", s.weight)
	}
}

// Many small indexes take no more memory than a few large ones.
func TestSmallSegmentsAreBounded(t *testing.T) {
	const most = 10 << 20
	var object bytes.Buffer
	w := segment.NewWriter(&object, segment.Messages, 0)
	if err := w.Write(AppendFrame(nil, []byte("{}"))); err != nil {
		t.Fatal(err)
	}
	summary, tail, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	var s segments
	for n := range uint64(1 << 16) {
		index, err := segment.ParseTail(tail, summary.Size)
		if err != nil {
			t.Fatal(err)
		}
		s.put(Incarnation{1}, n, index)
	}
	if took := int64(heap() - before); took > most {
		t.Errorf("%d indexes take %d bytes", len(s.known), took)
	}
	runtime.KeepAlive(&s)
}
