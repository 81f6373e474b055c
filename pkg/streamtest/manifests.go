package streamtest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// manifest describes a segment of which every field has a value of its own.
func manifest(segment uint64) stream.Manifest {
	return stream.Manifest{
		Segment: segment,
		From:    stream.Offset{Segment: max(segment, 1) - 1, Position: 1000 * min(segment, 1)},
		To:      stream.Offset{Segment: segment, Position: 1000},
		Count:   12 + int(segment%100),
		Object:  fmt.Sprintf("segments/ü/%d", segment),
		Size:    1<<40 + int64(segment%100),
		CRC:     1<<31 + uint32(segment%100),
		Tail:    fmt.Appendf(nil, "tail\x00\xff of %d", segment),
	}
}

// diffManifests tells how two manifests differ; "" if they do not. No tail is as good as
// an empty one.
func diffManifests(got, want stream.Manifest) string {
	if !bytes.Equal(got.Tail, want.Tail) {
		return fmt.Sprintf("the manifest of segment %d has the tail %.80q, want %.80q", got.Segment, got.Tail, want.Tail)
	}
	got.Tail, want.Tail = nil, nil
	if !reflect.DeepEqual(got, want) {
		return fmt.Sprintf("got %+v, want %+v", got, want)
	}
	return ""
}

// diffAllManifests tells in what the first manifests differ that do; "" if none do.
func diffAllManifests(got, want []stream.Manifest) string {
	for i := range min(len(got), len(want)) {
		if diff := diffManifests(got[i], want[i]); diff != "" {
			return diff
		}
	}
	if len(got) != len(want) {
		return fmt.Sprintf("%d manifests, want %d", len(got), len(want))
	}
	return ""
}

// allManifests reads manifests in steps of max.
func allManifests(t *testing.T, d stream.Driver, life stream.Life, after stream.Offset, max int) (all []stream.Manifest) {
	t.Helper()
	for {
		got, err := d.Manifests(t.Context(), life, after, max)
		must(t, err)
		if len(got) > max {
			t.Fatalf("Manifests returned %d, at most %d were asked for", len(got), max)
		}
		if len(got) == 0 {
			return all
		}
		all = append(all, got...)
		after = got[len(got)-1].To
	}
}

func testManifests(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	life, other := newLife(), newLife()
	segments := []uint64{10, 0, 9, 1, 100, 2, 99, 256, 255, 1 << 40}
	order := []int{1, 3, 5, 2, 0, 6, 4, 8, 7, 9}
	for _, segment := range segments {
		must(t, d.PutManifest(ctx, life, manifest(segment)))
	}
	changed := manifest(9)
	changed.Object = "another one"
	err := d.PutManifest(ctx, life, changed)
	if refused, err := refusal(err); err != nil || refused == nil || refused.Head != nil {
		t.Fatalf("a second manifest for a segment: %v, want a refusal without a head", err)
	}
	must(t, d.PutManifest(ctx, other, changed))

	var want []stream.Manifest
	for _, i := range order {
		want = append(want, manifest(segments[i]))
	}
	for _, max := range []int{1, 3, 100} {
		if got := allManifests(t, d, life, stream.Offset{}, max); diffAllManifests(got, want) != "" {
			t.Fatalf("manifests by %d: %s", max, diffAllManifests(got, want))
		}
	}
	for _, c := range []struct {
		after stream.Offset
		first int
	}{{stream.Offset{Position: 999}, 0}, {stream.Offset{Position: 1000}, 1}, {stream.Offset{Segment: 10}, 4}, {stream.Offset{Segment: 1 << 40, Position: 1000}, 10}} {
		if got := allManifests(t, d, life, c.after, 4); len(got) != len(want)-c.first {
			t.Errorf("%d manifests after %v, want %d", len(got), c.after, len(want)-c.first)
		}
	}
	got, err := d.Manifests(ctx, other, stream.Offset{}, 10)
	must(t, err)
	if diff := diffAllManifests(got, []stream.Manifest{changed}); diff != "" {
		t.Errorf("manifests of the other life: %s", diff)
	}
}

// testManifestTails stores tails of all sizes, and so many large ones that a store does
// not return them all at once.
func testManifestTails(t *testing.T, d stream.Driver) {
	const many = 90
	ctx, life := t.Context(), newLife()
	var want []stream.Manifest
	put := func(size int) {
		m := manifest(uint64(len(want)))
		m.Tail = make([]byte, size)
		for i := range m.Tail {
			m.Tail[i] = byte(rand.Uint32())
		}
		must(t, d.PutManifest(ctx, life, m))
		want = append(want, m)
	}
	for _, size := range []int{0, 1, 80, 1000, 8 << 10} {
		put(size)
	}
	for len(want) < many {
		put(16 << 10)
	}
	for _, max := range []int{1, 1000} {
		if diff := diffAllManifests(allManifests(t, d, life, stream.Offset{}, max), want); diff != "" {
			t.Errorf("%d at a time: %s", max, diff)
		}
	}
	eventually(t, func() error {
		var segments []stream.StoredSegment
		for _, m := range want {
			segments = append(segments, stream.StoredSegment{Life: life, Manifest: m})
		}
		if diff := diffSegments(allSegments(t, d, life.Name, stream.Life{}, 0, 1000), segments); diff != "" {
			return errors.New(diff)
		}
		return nil
	})
}
