package segment_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/segment"
)

func BenchmarkWriter(b *testing.B) {
	for name, sizes := range map[string][]int{"16B": repeat(1<<16, 16), "1KiB": repeat(1024, 1024), "1MiB": {1 << 20}} {
		b.Run(name, func(b *testing.B) {
			frames := frame(records(sizes...)...)
			w := segment.NewWriter(io.Discard, segment.Messages, 0)
			b.SetBytes(int64(len(frames)))
			b.ReportAllocs()
			for b.Loop() {
				if err := w.Write(frames); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	o := write(b, segment.Messages, frame(records(repeat(4096, 1024)...)...))
	b.SetBytes(o.summary.Size)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := segment.Verify(bytes.NewReader(o.bytes), o.summary.Size); err != nil {
			b.Fatal(err)
		}
	}
}

// The tail of a segment of 4 MiB.
func BenchmarkParseTail(b *testing.B) {
	o := write(b, segment.Messages, frame(records(repeat(4096, 1024)...)...))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := segment.ParseTail(o.tail, o.summary.Size); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBlocks(b *testing.B) {
	o := write(b, segment.Messages, frame(records(repeat(4096, 1024)...)...))
	x := o.index(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := x.Blocks(2001, 64<<10); !ok {
			b.Fatal("there is nothing")
		}
	}
}

// Reading 1 MiB.
func BenchmarkDecode(b *testing.B) {
	for name, kind := range kinds {
		b.Run(name, func(b *testing.B) {
			o := write(b, kind, frame(records(repeat(4096, 1024)...)...))
			x := o.index(b)
			s, _ := x.Blocks(1001, 1<<20)
			body := at(o.bytes, s)
			b.SetBytes(s.Length)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := x.Decode(s, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
