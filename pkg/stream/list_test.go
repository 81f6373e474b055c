package stream_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// named creates streams, each with two segments that are in objects if cold is set.
func named(t *testing.T, l *stream.Log, cold bool, c stream.Config, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, _, err := l.Create(t.Context(), name, &stream.Create{Config: c}); err != nil {
			t.Fatal(err)
		}
		if !cold {
			continue
		}
		for _, record := range []string{"a", "b", "c", "d", "e"} {
			if _, err := l.Append(t.Context(), name, text(record)); err != nil {
				t.Fatal(err)
			}
		}
		if done, err := l.Compact(t.Context(), name); err != nil || done.Segments != 2 {
			t.Fatal(done, err)
		}
	}
}

// listed lists streams in pages of max, and returns their names.
func listed(t *testing.T, l *stream.Log, prefix, after string, max int) (names []string) {
	t.Helper()
	for {
		page, next, err := l.Streams(t.Context(), prefix, after, max)
		if err != nil || len(page) > max {
			t.Fatalf("%d streams, %v", len(page), err)
		}
		for _, s := range page {
			if s.Head == nil {
				t.Errorf("%q has no head", s.Name)
			}
			names = append(names, s.Name)
		}
		if next == "" {
			return names
		}
		after = next
	}
}

func TestStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, short())
		plain := stream.Config{ContentType: "text/plain"}
		named(t, l, false, plain, "b", "a/2", "a/1", "a", "c", "a/3")
		named(t, l, false, stream.Config{ContentType: "text/plain", TTL: time.Second, HasTTL: true}, "a/0", "a/2x")
		time.Sleep(time.Minute)
		if err := l.Delete(t.Context(), "c"); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			prefix, after string
			want          []string
		}{
			{"", "", []string{"a", "a/1", "a/2", "a/3", "b"}},
			{"a/", "", []string{"a/1", "a/2", "a/3"}},
			{"a", "a/1", []string{"a/2", "a/3"}},
			{"", "a/3", []string{"b"}},
			{"c", "", nil},
			{"", "z", nil},
		} {
			for _, max := range []int{1, 2, 5, 100} {
				if got := listed(t, l, c.prefix, c.after, max); !slices.Equal(got, c.want) {
					t.Errorf("%q after %q, %d at a time: %q, want %q", c.prefix, c.after, max, got, c.want)
				}
			}
		}
		s.took()
		listed(t, l, "a/", "", 100)
		if ops := s.sorted(); !slices.Equal(ops, []string{"peek", "peek", "peek", "peek", "peek", "streams"}) {
			t.Errorf("took %q", ops)
		}
		for _, op := range []string{"streams", "peek"} {
			s.faults(op, lost)
			if all, next, err := l.Streams(t.Context(), "", "", 9); !errors.Is(err, stream.ErrUnavailable) || all != nil || next != "" {
				t.Errorf("%s fails: %v, %q, %v", op, all, next, err)
			}
		}
		// One that goes while it is listed is left out. (It is listed alone, since the
		// heads of several are read at once, in any order.)
		s.hook(func(op string) fault {
			if op == "peek" {
				s.hook(nil)
				if err := l.Delete(t.Context(), "b"); err != nil {
					t.Error(err)
				}
			}
			return fine
		})
		if got := listed(t, l, "b", "", 9); got != nil {
			t.Errorf("%q", got)
		}
	})
}

// allSegments lists segments in pages of max, as "name segment".
func allSegments(t *testing.T, l *stream.Log, prefix string, max int) (found []string) {
	t.Helper()
	var after stream.SegmentPlace
	for {
		page, next, err := l.Segments(t.Context(), prefix, after, max)
		if err != nil || len(page) > max {
			t.Fatalf("%d segments, %v", len(page), err)
		}
		for _, s := range page {
			if s.Object != stream.SegmentKey(s.Life, s.Segment) {
				t.Errorf("%+v", s)
			}
			found = append(found, fmt.Sprint(s.Name, " ", s.Segment))
		}
		if next == nil {
			return found
		}
		after = *next
	}
}

func TestSegments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := openCold(t, short())
		plain := stream.Config{ContentType: "text/plain"}
		named(t, l, true, plain, "b", "a/1", "a", "c")
		named(t, l, true, stream.Config{ContentType: "text/plain", TTL: time.Second, HasTTL: true}, "a/0")
		named(t, l, false, plain, "empty")
		time.Sleep(time.Minute)
		// Of a life that is over, and of one that comes after it, which has less.
		if err := l.Delete(t.Context(), "c"); err != nil {
			t.Fatal(err)
		}
		named(t, l, true, plain, "d")
		if err := l.Delete(t.Context(), "d"); err != nil {
			t.Fatal(err)
		}
		named(t, l, false, plain, "d")
		for _, record := range []string{"a", "b", "c"} {
			if _, err := l.Append(t.Context(), "d", text(record)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := l.Compact(t.Context(), "d"); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			prefix string
			want   []string
		}{
			{"", []string{"a 0", "a 1", "a/1 0", "a/1 1", "b 0", "b 1", "d 0"}},
			{"a/", []string{"a/1 0", "a/1 1"}},
			{"d", []string{"d 0"}},
			{"c", nil},
			{"empty", nil},
		} {
			for _, max := range []int{1, 2, 3, 7, 100} {
				if got := allSegments(t, l, c.prefix, max); !slices.Equal(got, c.want) {
					t.Errorf("%q, %d at a time: %q, want %q", c.prefix, max, got, c.want)
				}
			}
		}
		s.took()
		allSegments(t, l, "a", 100)
		if ops := s.sorted(); !slices.Equal(ops, []string{"peek", "peek", "peek", "segments"}) {
			t.Errorf("took %q", ops)
		}
		for _, op := range []string{"segments", "peek"} {
			s.faults(op, lost)
			if all, next, err := l.Segments(t.Context(), "", stream.SegmentPlace{}, 9); !errors.Is(err, stream.ErrUnavailable) || all != nil || next != nil {
				t.Errorf("%s fails: %v, %v, %v", op, all, next, err)
			}
		}
	})
}

// A manifest that the head does not tell of yet is of a segment that is not in the list.
func TestSegmentsOfAHalfDoneCompaction(t *testing.T) {
	l, s := openCold(t, short())
	create(t, l)
	putAll(t, l, "a", "b", "c")
	s.faults("compact", rejected)
	if _, err := l.Compact(t.Context(), name); err == nil {
		t.Fatal("no error")
	}
	if got := allSegments(t, l, "", 9); got != nil {
		t.Errorf("%q", got)
	}
	s.hook(nil)
	compact(t, l, 1)
	if got := strings.Join(allSegments(t, l, "", 9), ","); got != name+" 0" {
		t.Errorf("%q", got)
	}
}
