package streamtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// allStreams lists names in steps of max.
func allStreams(t *testing.T, d stream.Driver, prefix, after string, max int) (all []string) {
	t.Helper()
	for {
		got, err := d.Streams(t.Context(), prefix, after, max)
		must(t, err)
		if len(got) > max {
			t.Fatalf("Streams returned %d names, at most %d were asked for", len(got), max)
		}
		for _, name := range got {
			if name <= after {
				t.Fatalf("Streams returned %q after %q", name, after)
			}
			after = name
		}
		all = append(all, got...)
		// Fewer than were asked for are the last.
		if len(got) < max {
			return all
		}
	}
}

func testStreams(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	if got, err := d.Streams(ctx, "", "", 10); err != nil || len(got) != 0 {
		t.Fatalf("streams of an empty store: %q, %v", got, err)
	}
	want := sorted(names)
	for i, name := range names {
		h := openHead()
		switch i % 3 {
		case 1:
			h = slidingHead(time.Second, sampleTime) // ended long ago
		case 2:
			h = fullHead()
		}
		mustCreate(t, d, name, h)
		if i%4 == 0 {
			// Another life of it.
			must(t, d.Create(ctx, name, openHead(), h))
		}
	}
	for _, name := range []string{"a/gone", "gone", "ü/gone", "a"} {
		h := openHead()
		if name != "a" {
			mustCreate(t, d, name, h)
		} else {
			stored, err := d.Head(ctx, name, stream.Strong)
			must(t, err)
			h = stored
			want = slices.DeleteFunc(want, func(n string) bool { return n == name })
		}
		must(t, d.Delete(ctx, name, h.Incarnation))
	}
	// Data without a head is no stream.
	fill(t, d, stream.Life{Name: "data only", Incarnation: newIncarnation()})

	eventually(t, func() error {
		if got := allStreams(t, d, "", "", 1000); !slices.Equal(got, want) {
			return fmt.Errorf("streams are %q, want %q", got, want)
		}
		return nil
	})
	between := func(prefix, after string) (some []string) {
		for _, name := range want {
			if strings.HasPrefix(name, prefix) && name > after {
				some = append(some, name)
			}
		}
		return some
	}
	for _, max := range []int{1, 2, 7, len(want), 1000} {
		for _, prefix := range []string{"", "a", "a/", "a/b", "a/b/c/", "ü", "ü/", "%", "𝄞/", "nothing", want[len(want)-1]} {
			if got := allStreams(t, d, prefix, "", max); !slices.Equal(got, between(prefix, "")) {
				t.Fatalf("streams that begin with %q, %d at a time: %q, want %q", prefix, max, got, between(prefix, ""))
			}
		}
	}
	for _, prefix := range []string{"", "a", "a/b"} {
		for _, after := range []string{"!", "a", "a/a", "a/b", "a/bb", "b", "\u007f", "z", "ü", "𝄞/zzz", want[len(want)-1]} {
			for _, max := range []int{3, 100} {
				if got := allStreams(t, d, prefix, after, max); !slices.Equal(got, between(prefix, after)) {
					t.Fatalf("streams that begin with %q, after %q: %q, want %q", prefix, after, got, between(prefix, after))
				}
			}
		}
	}
}

// allSegments lists segments in steps of max.
func allSegments(t *testing.T, d stream.Driver, prefix string, after stream.Life, n uint64, max int) (all []stream.StoredSegment) {
	t.Helper()
	for {
		got, err := d.Segments(t.Context(), prefix, after, n, max)
		must(t, err)
		if len(got) > max {
			t.Fatalf("Segments returned %d, at most %d were asked for", len(got), max)
		}
		for _, s := range got {
			if after.Name != "" && compareSegments(s, after, n) <= 0 {
				t.Fatalf("Segments returned segment %d of %v after %d of %v", s.Segment, s.Life, n, after)
			}
			after, n = s.Life, s.Segment
		}
		all = append(all, got...)
		if len(got) < max {
			return all
		}
	}
}

func testSegments(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	if got, err := d.Segments(ctx, "", stream.Life{}, 0, 10); err != nil || len(got) != 0 {
		t.Fatalf("segments of an empty store: %+v, %v", got, err)
	}
	first := newIncarnation()
	second := first
	first[0], second[0] = 0x7f, 0x80 // in the order of bytes
	var want []stream.StoredSegment
	put := func(life stream.Life, segments ...uint64) {
		for _, n := range segments {
			m := manifest(n)
			m.Object = stream.SegmentKey(life, n)
			must(t, d.PutManifest(ctx, life, m))
			want = append(want, stream.StoredSegment{Life: life, Manifest: m})
		}
	}
	for i, name := range sorted(names) {
		if i%3 == 0 {
			put(stream.Life{Name: name, Incarnation: first}, 0, 1, 2, 9, 10, 11, 100, 1<<40)
			// Each life has a head of its own, or had one, or never had.
			continue
		}
		put(stream.Life{Name: name, Incarnation: first}, 3)
		put(stream.Life{Name: name, Incarnation: second}, 0, 255, 256)
	}
	h := openHead()
	mustCreate(t, d, "without segments", h)
	other := stream.Life{Name: "only chunks", Incarnation: first}
	must(t, d.PutChunk(ctx, other, chunkAt(stream.Offset{Position: 9}, "some text")))

	eventually(t, func() error {
		if diff := diffSegments(allSegments(t, d, "", stream.Life{}, 0, 1000), want); diff != "" {
			return errors.New(diff)
		}
		return nil
	})
	between := func(prefix string, after stream.Life, n uint64) (some []stream.StoredSegment) {
		for _, s := range want {
			if strings.HasPrefix(s.Name, prefix) && (after.Name == "" || compareSegments(s, after, n) > 0) {
				some = append(some, s)
			}
		}
		return some
	}
	check := func(prefix string, after stream.Life, n uint64, max int) {
		t.Helper()
		if diff := diffSegments(allSegments(t, d, prefix, after, n, max), between(prefix, after, n)); diff != "" {
			t.Fatalf("segments that begin with %q, after %v %d, %d at a time: %s", prefix, after, n, max, diff)
		}
	}
	for _, max := range []int{1, 3, len(want), 1000} {
		for _, prefix := range []string{"", "a", "a/", "a/b", "ü", "𝄞/", "only", "nothing"} {
			check(prefix, stream.Life{}, 0, max)
		}
	}
	for _, prefix := range []string{"", "a/"} {
		for i := 0; i < len(want); i += 5 {
			check(prefix, want[i].Life, want[i].Segment, 7)
			check(prefix, want[i].Life, want[i].Segment+1, 100)
			check(prefix, want[i].Life, 1<<50, 100)
			check(prefix, stream.Life{Name: want[i].Name, Incarnation: newIncarnation()}, 1, 100)
			check(prefix, stream.Life{Name: want[i].Name + "!", Incarnation: second}, 0, 100)
		}
	}

	// What is discarded is gone, and nothing else.
	gone := want[len(want)/2].Life
	for done := false; !done; {
		var err error
		done, err = d.Discard(ctx, gone, 100)
		must(t, err)
	}
	want = slices.DeleteFunc(want, func(s stream.StoredSegment) bool { return s.Life == gone })
	eventually(t, func() error {
		if diff := diffSegments(allSegments(t, d, "", stream.Life{}, 0, 10), want); diff != "" {
			return errors.New(diff)
		}
		return nil
	})
}

// diffSegments tells how lists of segments differ; "" if they do not. A list need not
// have the tails.
func diffSegments(got, want []stream.StoredSegment) string {
	show := func(segments []stream.StoredSegment) string {
		var b strings.Builder
		for _, s := range segments {
			fmt.Fprintf(&b, "%q %.4s %d, ", s.Name, s.Incarnation, s.Segment)
		}
		return b.String()
	}
	if g, w := show(got), show(want); g != w {
		return fmt.Sprintf("segments are %s want %s", g, w)
	}
	for i := range want {
		g, w := got[i].Manifest, want[i].Manifest
		if len(g.Tail) == 0 {
			w.Tail = nil
		}
		if diff := diffManifests(g, w); diff != "" {
			return fmt.Sprintf("%v: %s", want[i].Life, diff)
		}
	}
	return ""
}

// compareSegments compares a segment with the segment n of a life.
func compareSegments(s stream.StoredSegment, life stream.Life, n uint64) int {
	switch {
	case s.Name != life.Name:
		return strings.Compare(s.Name, life.Name)
	case s.Incarnation != life.Incarnation:
		return strings.Compare(string(s.Incarnation[:]), string(life.Incarnation[:]))
	case s.Segment < n:
		return -1
	case s.Segment > n:
		return 1
	}
	return 0
}

// testCursors: what was stored last is there, under each key.
func testCursors(t *testing.T, d stream.Driver) {
	ctx := t.Context()
	want := make(map[string]string)
	check := func(key string) {
		t.Helper()
		got, err := d.Cursor(ctx, key)
		must(t, err)
		if got != want[key] {
			t.Fatalf("cursor %q is %q, want %q", key, got, want[key])
		}
	}
	check("sweep")
	for i, key := range names {
		want[key] = fmt.Sprintf("%d ü/\x00\"%s", i, strings.Repeat("x", i*50))
		must(t, d.SetCursor(ctx, key, want[key]))
	}
	for _, key := range append([]string{"sweep"}, names...) {
		check(key)
	}
	for _, value := range []string{"second", "", "third", strings.Repeat("long", 512)} {
		want[names[1]] = value
		must(t, d.SetCursor(ctx, names[1], value))
		check(names[1])
		check(names[0])
	}
	together(t, 8, func(i int) error { return d.SetCursor(ctx, "race", fmt.Sprint(i)) })
	if got, err := d.Cursor(ctx, "race"); err != nil || len(got) != 1 || got < "0" || got > "7" {
		t.Errorf("cursor after a race: %q, %v", got, err)
	}
}
