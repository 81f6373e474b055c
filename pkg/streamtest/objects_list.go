package streamtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// putObjects stores a small object under each key.
func putObjects(t *testing.T, o *patientObjects, keys ...string) {
	t.Helper()
	const atOnce = 16
	together(t, atOnce, func(i int) error {
		for ; i < len(keys); i += atOnce {
			if err := o.put(t.Context(), keys[i], []byte(keys[i])); err != nil {
				return err
			}
		}
		return nil
	})
}

// wantKeys checks all keys with a prefix.
func wantKeys(t *testing.T, o *patientObjects, prefix string, want ...string) {
	t.Helper()
	got, err := o.ListObjects(t.Context(), prefix, "", 10_000)
	must(t, err)
	if !slices.Equal(got, want) {
		t.Fatalf("objects %s*: got %d keys %v, want %d %v", prefix, len(got), got, len(want), want)
	}
}

func segmentKey(inc stream.Incarnation, n int) string { return fmt.Sprintf("%s/segment/%016d", inc, n) }

func testObjectList(t *testing.T, o *patientObjects) {
	keys := []string{"a/1", "a/10", "a/2", "a/2x/3", "ab/1", "b"}
	putObjects(t, o, keys...)
	for _, c := range []struct {
		prefix, after string
		max           int
		want          []string
	}{
		{"", "", 100, keys},
		{"", "", 2, keys[:2]},
		{"", "a/2", 2, keys[3:5]},
		{"a/", "", 100, keys[:4]},
		{"a/", "", 4, keys[:4]},
		{"a/", "", 1, keys[:1]},
		{"a/", "a/1", 1, keys[1:2]},
		{"a/", "a/1", 2, keys[1:3]},
		{"a/", "a/11", 100, keys[2:4]}, // after a key that is not there
		{"a/", "a/2x/3", 100, nil},
		{"a/", "b", 100, nil},
		{"a/", "A", 100, keys[:4]}, // after a key that comes before the prefix
		{"a/1", "", 100, keys[:2]},
		{"a/1", "a/1", 100, keys[1:2]},
		{"a", "", 100, keys[:5]},
		{"c", "", 100, nil},
	} {
		got, err := o.ListObjects(t.Context(), c.prefix, c.after, c.max)
		must(t, err)
		if !slices.Equal(got, c.want) {
			t.Errorf("%d keys %s* after %q: got %v, want %v", c.max, c.prefix, c.after, got, c.want)
		}
	}
}

func testManyObjects(t *testing.T, o *patientObjects) {
	// More than S3 lists or deletes in two requests, or in one.
	many := 2_105
	if o.slow {
		many = 1_105
	}
	inc, other := newIncarnation(), newIncarnation()
	keys := make([]string, many)
	for i := range keys {
		keys[i] = segmentKey(inc, i)
	}
	putObjects(t, o, segmentKey(other, 0))
	putObjects(t, o, keys...)
	prefix := inc.String() + "/"
	for _, max := range []int{many - 1, many, many + 1, 1000, 1001, 999} {
		got, err := o.ListObjects(t.Context(), prefix, "", max)
		must(t, err)
		if !slices.Equal(got, keys[:min(max, many)]) {
			t.Fatalf("at most %d keys: got %d", max, len(got))
		}
	}
	got, err := o.ListObjects(t.Context(), prefix, keys[99], 1001)
	must(t, err)
	if !slices.Equal(got, keys[100:1101]) {
		t.Fatalf("1001 keys after %s: got %d", keys[99], len(got))
	}
	// All but every hundredth, of which each is a neighbour of some that go.
	gone := slices.Clone(keys)
	var kept []string
	for i := 0; i < many; i += 100 {
		kept = append(kept, keys[i])
	}
	gone = slices.DeleteFunc(gone, func(key string) bool { return slices.Contains(kept, key) })
	rand.Shuffle(len(gone), func(i, j int) { gone[i], gone[j] = gone[j], gone[i] })
	// And others that were never there.
	for i := range 1_005 {
		gone = append(gone, segmentKey(inc, many+i))
	}
	must(t, o.RemoveObjects(t.Context(), gone))
	wantKeys(t, o, prefix, kept...)
	done, err := o.DiscardObjects(t.Context(), prefix, len(kept)-1)
	must(t, err)
	if done {
		t.Fatalf("%d of %d objects were to be discarded, and all are said to be gone", len(kept)-1, len(kept))
	}
	if done, err = o.DiscardObjects(t.Context(), prefix, len(kept)); err != nil || !done {
		t.Fatalf("discard the rest: %v %v", done, err)
	}
	wantKeys(t, o, prefix)
	wantObject(t, o, segmentKey(other, 0), []byte(segmentKey(other, 0)))
}

func testObjectRemove(t *testing.T, o *patientObjects) {
	must(t, o.RemoveObjects(t.Context(), nil))
	keys := []string{"a/1", "a/1x", "a/10", "a/2", "b/1", "b/2", "c.0", "c.1/1", "c.1/2", "d"}
	putObjects(t, o, keys...)
	left := keys
	for _, gone := range [][]string{
		{"a/1"},                          // others continue its key
		{"a/1"},                          // it is gone already
		{"a", "b/2x", "zz/1"},            // the beginning of keys, the continuation of one, none
		{"c.1/2", "a/2", "b/0", "c.1/1"}, // in no order, and one is not there
		{"b/2", "b/2"},
		{"d"},
		{},
	} {
		given := slices.Clone(gone)
		must(t, o.RemoveObjects(t.Context(), gone))
		if !slices.Equal(gone, given) {
			t.Errorf("the keys %v were changed to %v", given, gone)
		}
		left = slices.DeleteFunc(slices.Clone(left), func(key string) bool { return slices.Contains(gone, key) })
		wantKeys(t, o, "", sorted(left)...)
	}
	for _, key := range left {
		wantObject(t, o, key, []byte(key))
	}
	// A bad key is found before anything is removed.
	if err := o.RemoveObjects(t.Context(), []string{"a/10", "a b"}); !errors.Is(err, stream.ErrRejected) {
		t.Errorf("remove a bad key: %v, want ErrRejected", err)
	}
	wantKeys(t, o, "", sorted(left)...)
}

// testObjectRaceRemove lets several remove the same, each in another order.
func testObjectRaceRemove(t *testing.T, o *patientObjects) {
	inc := newIncarnation()
	var gone []string
	for i := range 40 {
		gone = append(gone, segmentKey(inc, i))
	}
	kept := segmentKey(inc, len(gone))
	putObjects(t, o, append([]string{kept}, gone...)...)
	together(t, 4, func(int) error {
		some := slices.Clone(gone)
		rand.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
		return o.RemoveObjects(t.Context(), some)
	})
	wantKeys(t, o, "", kept)
}

func testObjectDiscard(t *testing.T, o *patientObjects) {
	inc := newIncarnation()
	prefix := inc.String() + "/"
	if done, err := o.DiscardObjects(t.Context(), prefix, 10); err != nil || !done {
		t.Fatalf("discard nothing: %v %v", done, err)
	}
	const n, step = 23, 5
	for i := range n {
		putObjects(t, o, segmentKey(inc, i))
	}
	left := n
	for steps := 1; ; steps++ {
		done, err := o.DiscardObjects(t.Context(), prefix, step)
		must(t, err)
		keys, err := o.ListObjects(t.Context(), prefix, "", n)
		must(t, err)
		if done != (len(keys) == 0) {
			t.Fatalf("%d objects are left, and done is %v", len(keys), done)
		}
		if done {
			break
		}
		if len(keys) >= left {
			t.Fatalf("step %d discarded nothing: %d objects are left", steps, len(keys))
		}
		left = len(keys)
	}
	if _, err := o.Object(t.Context(), segmentKey(inc, 0), 0, -1); !errors.Is(err, stream.ErrNoItem) {
		t.Errorf("a discarded object: %v, want ErrNoItem", err)
	}
	if done, err := o.DiscardObjects(t.Context(), prefix, step); err != nil || !done {
		t.Errorf("discard it again: %v %v", done, err)
	}
}

func testObjectDiscardPrefix(t *testing.T, o *patientObjects) {
	gone := []string{"a1/segment/1", "a1/segment/2", "a1/staged/0-0"}
	kept := []string{"A1/segment/1", "a", "a10/segment/1", "a11", "b/a1/segment/1"}
	putObjects(t, o, append(slices.Clone(gone), kept...)...)
	if done, err := o.DiscardObjects(t.Context(), "a1/", 100); err != nil || !done {
		t.Fatalf("discard a1/: %v %v", done, err)
	}
	wantKeys(t, o, "", kept...)
	for _, key := range kept {
		wantObject(t, o, key, []byte(key))
	}
}

// testObjectRaceDiscard lets several discard the same, as two workers do that
// found the same work.
func testObjectRaceDiscard(t *testing.T, o *patientObjects) {
	inc, other := newIncarnation(), newIncarnation()
	for i := range 50 {
		putObjects(t, o, segmentKey(inc, i))
	}
	putObjects(t, o, segmentKey(other, 0))
	together(t, 4, func(int) error {
		for {
			if done, err := o.DiscardObjects(t.Context(), inc.String()+"/", 20); err != nil || done {
				return err
			}
		}
	})
	wantKeys(t, o, "", segmentKey(other, 0))
}

// testObjectsConcurrently has each of many lives put, read, listed and discarded
// on its own, all at once.
func testObjectsConcurrently(t *testing.T, o *patientObjects) {
	together(t, 8, func(w int) error {
		for round := range 3 {
			inc := newIncarnation()
			var keys []string
			for i := range 5 {
				key, body := segmentKey(inc, i), objectBody(uint16(w), 1000*(round+i))
				if err := o.put(t.Context(), key, body); err != nil {
					return err
				}
				got, err := o.Object(t.Context(), key, 0, -1)
				if err != nil || !slices.Equal(got, body) {
					return fmt.Errorf("object %s: %d bytes of %d, %w", key, len(got), len(body), err)
				}
				keys = append(keys, key)
				listed, err := o.ListObjects(t.Context(), inc.String(), "", 10)
				if err != nil || !slices.Equal(listed, keys) {
					return fmt.Errorf("objects of %s: %v, want %v: %w", inc, listed, keys, err)
				}
			}
			if done, err := o.DiscardObjects(t.Context(), inc.String()+"/", 100); err != nil || !done {
				return fmt.Errorf("discard %s: %v, %w", inc, done, err)
			}
		}
		return nil
	})
}
