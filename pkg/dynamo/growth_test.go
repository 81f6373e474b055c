package dynamo_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/localstack/meter"
	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/segment"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// grown is a stream with so many segments of ten messages in objects, as compaction leaves
// them, and one message after them.
func (s *shop) grown(name string, segments uint64, objects stream.Objects) {
	s.Helper()
	const messages = 10
	h := aHead(1)
	h.Config = stream.Config{ContentType: "text/plain"}
	for n := range segments {
		var b bytes.Buffer
		w := segment.NewWriter(&b, segment.Bytes, n)
		for range messages {
			check(s.T, w.Write(stream.AppendFrame(nil, []byte("x"))))
		}
		summary, tail, err := w.Close()
		check(s.T, err)
		m := stream.Manifest{
			Segment: n, To: stream.Offset{Segment: n, Position: messages}, Count: messages,
			Object: fmt.Sprint(name, "/", n), Size: summary.Size, CRC: summary.CRC, Tail: tail,
		}
		if n > 0 {
			m.From = stream.Offset{Segment: n - 1, Position: messages}
		}
		check(s.T, s.driver.PutManifest(s.Context(), h.Life(name), m))
		check(s.T, objects.PutObject(s.Context(), m.Object, io.NewSectionReader(bytes.NewReader(b.Bytes()), 0, summary.Size)))
		h.Tail, h.SegmentCount, h.SegmentSize, h.Sealed = m.To, messages, messages, true
	}
	h.Version, h.Commits, h.Compacted = 1+messages*segments, messages*segments, segments
	check(s.T, s.driver.Create(s.Context(), name, h, nil))
	s.add(name, 1)
}

// What an operation costs, in requests and units, is the same with 36 segments and with 72:
// in both there are more than one query for manifests reads, wherever it begins. `make
// bench-scale` shows it with ten thousand.
func TestCostDoesNotGrow(t *testing.T) {
	s := newShop(t)
	s.limits.PageSize = 12 // a segment and a half
	objects := new(memory.Objects)
	sizes := []uint64{36, 72}
	for _, segments := range sizes {
		s.grown(fmt.Sprint(segments), segments, objects)
	}
	process := func() *stream.Log {
		log, err := stream.New(s.driver, stream.Options{Limits: s.limits, Objects: objects})
		check(t, err)
		return log
	}
	for _, op := range []struct {
		what string
		do   func(ctx context.Context, log *stream.Log, name string, segments uint64) error
	}{
		{"append", func(ctx context.Context, log *stream.Log, name string, _ uint64) error {
			_, err := log.Append(ctx, name, body(100))
			return err
		}},
		{"HEAD", func(ctx context.Context, log *stream.Log, name string, _ uint64) error {
			_, err := log.Head(ctx, name)
			return err
		}},
		{"read of the tail", func(ctx context.Context, log *stream.Log, name string, segments uint64) error {
			return expectPage(ctx, log, name, stream.Offset{Segment: segments, Position: 1}, 12)
		}},
		{"read from the start", func(ctx context.Context, log *stream.Log, name string, _ uint64) error {
			return expectPage(ctx, log, name, stream.Offset{}, 12)
		}},
		{"read from the middle", func(ctx context.Context, log *stream.Log, name string, segments uint64) error {
			return expectPage(ctx, log, name, stream.Offset{Segment: segments / 2, Position: 5}, 12)
		}},
		{"fork in the middle", func(ctx context.Context, log *stream.Log, name string, segments uint64) error {
			f := &stream.Fork{Source: name, HasAt: true, At: stream.Offset{Segment: segments / 2, Position: 5}}
			_, _, err := log.Create(ctx, name+"/fork", &stream.Create{Fork: f})
			return err
		}},
		{"list of segments", func(ctx context.Context, log *stream.Log, name string, _ uint64) error {
			_, _, err := log.Segments(ctx, name, stream.SegmentPlace{}, 3)
			return err
		}},
		{"deletion", func(ctx context.Context, log *stream.Log, name string, _ uint64) error {
			return log.Delete(ctx, name+"/fork")
		}},
	} {
		var costs []meter.Usage
		for _, segments := range sizes {
			s.meter.Take()
			if err := op.do(t.Context(), process(), fmt.Sprint(segments), segments); err != nil {
				t.Fatalf("%s, with %d segments: %v", op.what, segments, err)
			}
			costs = append(costs, s.meter.Take())
		}
		if costs[0] != costs[1] || costs[0].Requests() == 0 {
			t.Errorf("%s: %v with %d segments, and %v with %d", op.what, costs[0], sizes[0], costs[1], sizes[1])
		}
	}
}

// expectPage reads a page of so many bytes.
func expectPage(ctx context.Context, log *stream.Log, name string, from stream.Offset, size int) error {
	p, err := log.Read(ctx, name, stream.At(from))
	if err == nil && p.Size != size {
		err = fmt.Errorf("%d bytes were read, want %d", p.Size, size)
	}
	return err
}
