package stream_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/segment"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// short are limits under which a segment has two records.
func short() stream.Limits {
	l := stream.DefaultLimits()
	l.SegmentCount = 2
	return l
}

// everything is how a sweep looks at all there is in one run.
func everything() stream.SweepOptions {
	return stream.SweepOptions{IdleAfter: 24 * time.Hour, Items: 1000, Objects: 1000, Lives: 100}
}

// openCold returns a log on a new store that has objects.
func openCold(t testing.TB, l stream.Limits, with ...func(*stream.Options)) (*stream.Log, *store) {
	t.Helper()
	s := newStore()
	return joinCold(t, s, l, with...), s
}

// joinCold returns one more log on a store and its objects, as another process has it.
func joinCold(t testing.TB, s *store, l stream.Limits, with ...func(*stream.Options)) *stream.Log {
	t.Helper()
	o := stream.Options{Limits: l, Objects: objects{s}}
	for _, w := range with {
		w(&o)
	}
	log, err := stream.New(s, o)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// putAll appends each record by itself.
func putAll(t testing.TB, l *stream.Log, all ...string) {
	t.Helper()
	for _, record := range all {
		put(t, l, text(record))
	}
}

// compact compacts the stream, and expects that n segments are.
func compact(t testing.TB, l *stream.Log, n int) stream.Compaction {
	t.Helper()
	done, err := l.Compact(t.Context(), name)
	if err != nil || done.Segments != n {
		t.Fatalf("Compact: %+v, %v, want %d segments", done, err, n)
	}
	return done
}

// manifests returns those of the stream that is stored.
func manifests(t testing.TB, s *store) []stream.Manifest {
	t.Helper()
	h, err := s.Store.Head(t.Context(), name, stream.Strong)
	if err != nil {
		t.Fatal(err)
	}
	all, err := s.Store.Manifests(t.Context(), h.Life(name), stream.Offset{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// keys returns the keys of all objects.
func keys(t testing.TB, s *store) []string {
	t.Helper()
	all, err := s.objects.ListObjects(t.Context(), "", "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// bodyOf returns an object.
func bodyOf(t testing.TB, s *store, key string) []byte {
	t.Helper()
	body, err := s.objects.Object(t.Context(), key, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// setBody puts another body in the place of an object; none for nil.
func setBody(t testing.TB, s *store, key string, body []byte) {
	t.Helper()
	if err := s.objects.RemoveObjects(t.Context(), []string{key}); err != nil {
		t.Fatal(err)
	}
	if body == nil {
		return
	}
	if err := s.objects.PutObject(t.Context(), key, io.NewSectionReader(bytes.NewReader(body), 0, int64(len(body)))); err != nil {
		t.Fatal(err)
	}
}

// object is the object of a segment with these records.
func object(t testing.TB, u stream.Unit, number uint64, all ...string) []byte {
	t.Helper()
	kind := segment.Bytes
	if u == stream.Messages {
		kind = segment.Messages
	}
	var b bytes.Buffer
	w := segment.NewWriter(&b, kind, number)
	if err := w.Write(records(all...).Frames); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// holds returns what is stored of a life: its chunks, staged items, manifests and
// objects, as "chunk 0_2", "staged 0", "manifest 0", "object staged" and "object segment".
func holds(t testing.TB, s *store, life stream.Life) (all []string) {
	t.Helper()
	found, _, err := s.Store.Inventory(t.Context(), "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range found {
		switch {
		case it.Life != life:
		case it.Kind == stream.KindChunk:
			all = append(all, fmt.Sprintf("chunk %d_%d", it.Chunk.To.Segment, it.Chunk.To.Position))
		case it.Kind == stream.KindStaged:
			all = append(all, fmt.Sprintf("staged %d", it.Staged.Part))
		case it.Kind == stream.KindManifest:
			all = append(all, fmt.Sprintf("manifest %d", it.Manifest.Segment))
		}
	}
	for _, key := range keys(t, s) {
		if o, ok := stream.ParseObjectKey(key); ok && o.Life == life {
			what := "segment"
			if o.Staged != (stream.StagedID{}) {
				what = "staged"
			}
			all = append(all, "object "+what)
		}
	}
	slices.Sort(all)
	return all
}

// holding is what holds returns, as one text.
func holding(t testing.TB, s *store, life stream.Life) string {
	t.Helper()
	return strings.Join(holds(t, s, life), ", ")
}
