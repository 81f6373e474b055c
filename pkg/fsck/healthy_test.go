package fsck_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/fsck"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// TestHealthy: a store with everything that can be in one is sound, and has no litter.
func TestHealthy(t *testing.T) {
	s := newStore(t)
	s.cold("cold/plain", plain)
	s.cold("cold/json", jsons)
	s.create("empty", stream.Config{ContentType: plain, HasTTL: true, TTL: time.Hour})
	s.create("expired", stream.Config{ContentType: plain, ExpiresAt: s.now.Add(time.Minute)})
	s.put("expired", texts(7, 20)...)

	// Records in all places: items and objects that buffer and chunks link.
	s.create("linked", stream.Config{ContentType: plain})
	s.put("linked", slices.Concat(texts(2, 150), texts(2, 300), texts(1, 20))...)
	s.flush("linked")
	s.put("linked", texts(1, 160)[0], texts(1, 310)[0])

	// The last segment is in an object too.
	s.cold("closed", jsons)
	s.close("closed")
	s.compact("closed")
	if h := s.head("closed"); h.Compacted != 4 {
		t.Fatalf("%d segments are in objects", h.Compacted)
	}
	s.cold("sealed", plain)
	s.flush("sealed")
	s.setHead("sealed", func(h *stream.Head) { h.Sealed, h.Ended = true, true })
	s.compact("sealed")

	// Two flushes cut differently, and neither has trimmed the buffer yet.
	s.create("flushed", stream.Config{ContentType: jsons})
	s.put("flushed", texts(3, 10)...)
	for _, n := range []int{1, 3, 2} {
		b := s.head("flushed").Buffer
		c := stream.Chunk(*b[0])
		c.To, c.Count, c.Size, c.Frames = b[n-1].To, n, 10*n, frames(texts(n, 10)...)
		s.must(s.PutChunk(t.Context(), s.life("flushed"), c))
	}

	// A compaction stopped before it told the head, another one before it let go of chunks.
	s.cold("stopped", plain)
	s.setHead("stopped", func(h *stream.Head) { h.Compacted = 2 })
	s.leaveOf("stopped", 2, texts(14, 10)[8:12]...)

	// And one before it put the manifest.
	s.cold("object", plain)
	s.leaveOf("object", 2, texts(14, 10)[8:12]...)
	s.setHead("object", func(h *stream.Head) { h.Compacted = 2 })
	s.setData("object", func(d *data) { d.manifests = d.manifests[:2] })

	// Producers that were spilled, and a life that is over and owed.
	s.create("producers", stream.Config{ContentType: plain})
	for _, id := range []string{"a", "b", "c", "d"} {
		var r stream.Records
		r.Add([]byte(id))
		_, err := s.log.Append(t.Context(), "producers", &stream.Append{ContentType: plain, Records: r, Producer: &stream.ProducerTag{ID: id}})
		s.must(err)
	}
	s.cold("deleted", plain)
	s.must(s.Store.Delete(t.Context(), "deleted", s.head("deleted").Incarnation))
	s.now = s.now.Add(48 * time.Hour)

	sum := s.clean()
	if sum.Streams != 11 || sum.Segments != 3*2+4+4+3+2 || sum.Owed != 1 || sum.Objects < 20 || sum.Items < 20 {
		t.Errorf("%+v", sum)
	}
	if got := s.records("closed"); !slices.Equal(got, texts(14, 10)) {
		t.Errorf("the records of a JSON stream are %q", got)
	}
	if got := strings.Join(s.records("stopped"), ""); got != strings.Join(texts(14, 10), "") {
		t.Errorf("the records of a byte stream are %q", got)
	}
	if got := s.records("flushed"); !slices.Equal(got, texts(3, 10)) {
		t.Errorf("the records that were flushed are %q", got)
	}
	r, err := s.check("cold/plain")
	s.must(err)
	if r.Records != 14 || r.Bytes != 140 || r.Chunks != 1 || r.Segments != 3 || r.ObjectBytes < 120 || r.Head.Tail.Segment != 3 {
		t.Errorf("%+v", r)
	}
}

// sizes notes how much is asked for at a time.
type sizes struct {
	stream.Objects
	largest int64
	whole   int
}

func (o *sizes) Object(ctx context.Context, key string, offset, n int64) ([]byte, error) {
	if n < 0 {
		o.whole++
	}
	o.largest = max(o.largest, n)
	return o.Objects.Object(ctx, key, offset, n)
}

// TestLargeSegments: they are read in parts.
func TestLargeSegments(t *testing.T) {
	for _, contentType := range []string{plain, jsons} {
		l := stream.DefaultLimits()
		l.SegmentSize, l.StageSize, l.BufferSize = 20<<20, 2<<20, 2<<20
		s := newStoreWith(t, l)
		s.create("s", stream.Config{ContentType: contentType})
		want := texts(22, 1<<20)
		for _, record := range want {
			s.put("s", record)
			s.flush("s")
		}
		s.compact("s")
		s.leave(0, want[:3]...)
		objects := &sizes{Objects: s.objects}
		var text strings.Builder
		r, err := fsck.Read(t.Context(), s.Store, objects, "s", fsck.Sink{Record: func(b []byte) { text.Write(b) }})
		s.must(err)
		if text.String() != strings.Join(want, "") || r.Records < 22 || r.Bytes != 22<<20 || r.Segments != 1 {
			t.Errorf("%s: %d bytes, %+v", contentType, text.Len(), r)
		}
		if objects.largest > 5<<20 || objects.whole > 0 {
			t.Errorf("%d bytes are read at a time, and %d objects at once", objects.largest, objects.whole)
		}
	}
}
