package segment_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/segment"
)

// large are segments of 64 MiB.
var large = map[string]struct {
	kind segment.Kind
	size func(*rand.Rand) int
}{
	"messages of about 1 KiB": {segment.Messages, func(r *rand.Rand) int { return 900 + r.IntN(250) }},
	"bytes of 1 MiB":          {segment.Bytes, func(*rand.Rand) int { return 1 << 20 }},
}

// Who reads 64 KiB fetches at most a quarter more.
func TestAmplification(t *testing.T) {
	const read = 64 << 10
	for name, c := range large {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			// The object in front of its tail.
			data := append(make([]byte, 0, 66<<20), front...)
			w := segment.NewWriter(io.Discard, c.kind, number)
			for record := make([]byte, 1<<20); len(data) < 64<<20; {
				begin, n := len(data), c.size(random)
				data = binary.BigEndian.AppendUint32(data, uint32(n))
				data = append(data, record[:n]...)
				if err := w.Write(data[begin:]); err != nil {
					t.Fatal(err)
				}
			}
			summary, tail, err := w.Close()
			if err != nil {
				t.Fatal(err)
			}
			x, err := segment.ParseTail(tail, int64(len(data)+len(tail)))
			if err != nil {
				t.Fatal(err)
			}
			end := summary.End
			// The last ones have less than that before the end.
			end -= end / 100
			var fetched, got int64
			worst := 0.0
			for range 500 {
				from := random.Uint64N(end)
				s, ok := x.Blocks(from, read)
				if !ok {
					t.Fatal(from)
				}
				first, part, err := x.Decode(s, at(data, s))
				if err != nil || first != from {
					t.Fatal(err)
				}
				all, err := unframe(part)
				if err != nil {
					t.Fatal(err)
				}
				n := int64(len(part) - header*len(all))
				if n < read {
					t.Fatalf("only %d bytes from %d on", n, from)
				}
				fetched, got = fetched+s.Length, got+n
				worst = max(worst, float64(s.Length)/float64(n))
			}
			t.Logf("%d bytes a block in the index; fetched for each byte that was wanted: %.3f, at most %.3f",
				(len(tail)-segment.FooterSize)/summary.Blocks, float64(fetched)/float64(got), worst)
			if worst > 1.25 {
				t.Errorf("%.3f bytes are fetched for one", worst)
			}
		})
	}
}

// The index is a four-hundredth of the records.
func TestIndexSize(t *testing.T) {
	for name, c := range map[string]struct {
		kind   segment.Kind
		frames []byte
		pieces int
	}{
		"4 MiB of messages of 1 KiB":  {segment.Messages, frame(records(repeat(1024, 1024)...)...), 4},
		"64 MiB of messages of 1 KiB": {segment.Messages, frame(records(repeat(1024, 1024)...)...), 64},
		"64 MiB of bytes in 1 MiB":    {segment.Bytes, frame(records(1 << 20)...), 64},
	} {
		w := segment.NewWriter(io.Discard, c.kind, 0)
		for range c.pieces {
			if err := w.Write(c.frames); err != nil {
				t.Fatal(err)
			}
		}
		s, tail, err := w.Close()
		if err != nil {
			t.Fatal(err)
		}
		index := len(tail) - segment.FooterSize
		t.Logf("%s: an index of %d bytes for %d blocks, %.2f each", name, index, s.Blocks, float64(index)/float64(s.Blocks))
		if int64(index) > s.Size/400 {
			t.Errorf("%s: an index of %d bytes", name, index)
		}
	}
}

// endless is an object of which as much is there as is asked for.
type endless struct{ began bool }

func (e *endless) Read(b []byte) (int, error) {
	if !e.began {
		e.began = true
		return copy(b, front), nil
	}
	clear(b) // empty records
	return len(b), nil
}

// allocated returns how many bytes of memory do asks for.
func allocated(do func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// Neither writing nor verifying takes memory for the records, only for the index, which
// grows by copying.
func TestMemory(t *testing.T) {
	frames := frame(records(repeat(1024, 1020)...)...)
	w := segment.NewWriter(io.Discard, segment.Messages, 0)
	used := allocated(func() {
		for range 256 {
			if err := w.Write(frames); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := w.Close(); err != nil {
			t.Fatal(err)
		}
	})
	if used > 4<<20 {
		t.Errorf("writing 256 MiB took %d bytes of memory", used)
	}
	o := write(t, segment.Bytes, bytes.Repeat(frames, 16))
	used = allocated(func() {
		if err := verify(o.bytes); err != nil {
			t.Fatal(err)
		}
	})
	if used > int64(len(o.bytes)/50)+64<<10 {
		t.Errorf("verifying 16 MiB took %d bytes of memory", used)
	}
	// A size that is a lie costs nothing.
	for _, size := range []int64{1 << 40, 1<<63 - 1} {
		used = allocated(func() {
			if _, err := segment.Verify(bytes.NewReader(o.bytes[:1<<20]), size); !errors.Is(err, segment.ErrCorrupt) {
				t.Error(err)
			}
		})
		if used > 256<<10 {
			t.Errorf("1 MiB that is said to be %d bytes took %d bytes of memory", size, used)
		}
	}
	if _, err := segment.Verify(&endless{}, 1<<20); !errors.Is(err, segment.ErrCorrupt) {
		t.Error(err)
	}
}

func TestWriterRefuses(t *testing.T) {
	closed := func(w *segment.Writer) error {
		s, tail, err := w.Close()
		if tail != nil || s != (segment.Summary{}) {
			t.Error("there is a result:", s)
		}
		return err
	}
	var out bytes.Buffer
	if err := closed(segment.NewWriter(&out, segment.Messages, 0)); err == nil {
		t.Error("an empty segment is closed")
	}
	empty := segment.NewWriter(&out, segment.Bytes, 0)
	if err := empty.Write(nil); err != nil || closed(empty) == nil || out.Len() > 0 {
		t.Error("an empty segment is written:", err)
	}
	whole := frame([]byte("one"), []byte("two"))
	for n := 1; n < len(whole); n++ {
		w := segment.NewWriter(io.Discard, segment.Bytes, 0)
		err := w.Write(whole[:n])
		if (err == nil) != (n == len(whole)/2) {
			t.Errorf("%d bytes of frames: %v", n, err)
		}
		if err != nil && (w.Write(whole[n:]) != err || closed(w) != err) {
			t.Errorf("%d bytes of frames: it went on", n)
		}
	}
	if err := segment.NewWriter(io.Discard, 0, 0).Write(whole); err == nil {
		t.Error("there is a kind 0")
	}
	twice := segment.NewWriter(io.Discard, segment.Bytes, 0)
	if err := twice.Write(whole); err != nil {
		t.Fatal(err)
	}
	if _, _, err := twice.Close(); err != nil {
		t.Fatal(err)
	}
	if closed(twice) == nil || twice.Write(whole) == nil {
		t.Error("it is closed and goes on")
	}
}

// failing is a store that takes so many bytes.
type failing struct {
	left int
	err  error
}

func (f *failing) Write(b []byte) (int, error) {
	if f.left < len(b) {
		return 0, f.err
	}
	f.left -= len(b)
	return len(b), nil
}

func TestWriterReportsItsStore(t *testing.T) {
	frames := frame(records(5000)...)
	full := errors.New("disk full")
	size := int(write(t, segment.Bytes, frames).summary.Size)
	for _, room := range []int{0, 7, 8, 5000, 5012, size - 1, size} {
		w := segment.NewWriter(&failing{room, full}, segment.Bytes, number)
		errWrite := w.Write(frames)
		_, _, errClose := w.Close()
		if written := room >= len(front)+len(frames); (errWrite == nil) != written || !written && errWrite != full {
			t.Errorf("room for %d: Write: %v", room, errWrite)
		}
		if (errClose == nil) != (room == size) || errClose != nil && errClose != full {
			t.Errorf("room for %d: Close: %v", room, errClose)
		}
	}
}
