package stream_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/commoncurriculum/durable-streams-aws/pkg/segment"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// How keys look. They are stored: they must not change.
func TestObjectKeys(t *testing.T) {
	life := stream.Life{Name: "a/stream", Incarnation: stream.Incarnation{0x0a, 15: 0xff}}
	const prefix = "stream/YS9zdHJlYW0/0a0000000000000000000000000000ff/"
	if got := stream.ObjectPrefix(life); got != prefix {
		t.Errorf("prefix %q", got)
	}
	if got, want := stream.SegmentKey(life, 12), fmt.Sprintf("%ssegment-0000000000000012.%d", prefix, segment.Version); got != want {
		t.Errorf("segment %q, want %q", got, want)
	}
	id := stream.StagedID{Commit: 0xabc, Part: 3, At: 1_780_000_000, Object: true}
	if got, want := stream.StagedKey(life, id), prefix+"staged-01780000000-0000000000000abc-0003"; got != want {
		t.Errorf("staged %q, want %q", got, want)
	}
	long := stream.Life{Name: strings.Repeat("x", 200)}
	if got, want := stream.ObjectPrefix(long), "stream/"+strings.Repeat("eHh4", 60)+"=/"+strings.Repeat("eHh4", 6)+"eHg/"+strings.Repeat("0", 32)+"/"; got != want {
		t.Errorf("prefix %q, want %q", got, want)
	}
}

// The keys of a life sort by what they are of.
func TestObjectKeysSort(t *testing.T) {
	life := stream.Life{Name: "s", Incarnation: stream.Incarnation{1}}
	last := ""
	for _, n := range []uint64{0, 1, 9, 10, 99, 100, maxPart} {
		if key := stream.SegmentKey(life, n); key <= last {
			t.Errorf("segment %d has the key %q, after %q", n, key, last)
		} else {
			last = key
		}
	}
	for _, at := range []int64{0, 9, 10, 1_780_000_000, 99_999_999_999} {
		for _, part := range []int{0, 1, 9, 10, 9999} {
			key := stream.StagedKey(life, stream.StagedID{Commit: 1, At: at, Part: part})
			if key <= last {
				t.Errorf("part %d of %d has the key %q, after %q", part, at, key, last)
			}
			last = key
		}
	}
}

// anyLife draws names of any bytes and of lengths around those where keys are cut.
func anyLife() *rapid.Generator[stream.Life] {
	return rapid.Custom(func(t *rapid.T) stream.Life {
		var life stream.Life
		n := rapid.OneOf(rapid.IntRange(1, 20), rapid.IntRange(175, 185), rapid.IntRange(355, 365), rapid.IntRange(690, stream.MaxName)).Draw(t, "length")
		life.Name = string(rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "name"))
		copy(life.Incarnation[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "incarnation"))
		return life
	})
}

func anyStagedID() *rapid.Generator[stream.StagedID] {
	return rapid.Custom(func(t *rapid.T) stream.StagedID {
		return stream.StagedID{
			Commit: stream.StagedCommit(rapid.Uint64Min(1).Draw(t, "commit")),
			Part:   rapid.IntRange(0, 9999).Draw(t, "part"),
			At:     rapid.Int64Range(0, 99_999_999_999).Draw(t, "at"),
			Object: true,
		}
	})
}

// Every key can be used in every store, and says again what it is of.
func TestObjectKeysProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		life := anyLife().Draw(t, "life")
		n := rapid.Uint64().Draw(t, "segment")
		id := anyStagedID().Draw(t, "staged")
		for key, want := range map[string]stream.ObjectName{
			stream.SegmentKey(life, n): {Life: life, Segment: n},
			stream.StagedKey(life, id): {Life: life, Staged: id},
		} {
			if err := stream.CheckObjectKey(key); err != nil {
				t.Fatal(err)
			}
			if got, ok := stream.ParseObjectKey(key); !ok || got != want {
				t.Fatalf("%q says %+v, %v, want %+v", key, got, ok, want)
			}
			if !strings.HasPrefix(key, stream.ObjectPrefix(life)) {
				t.Fatalf("%q does not begin with the prefix of its life", key)
			}
		}
	})
}

// The keys of no life begin with the prefix of another one, which is what a life is
// discarded by: nor those of names that are made for it.
func TestObjectPrefixesAreApart(t *testing.T) {
	names := []string{
		"a", "ab", "abc", "abcd", "a/b", "a/", "/a", "a=", "stream", "stream/", "segment-", "staged-",
		strings.Repeat("x", 179), strings.Repeat("x", 180), strings.Repeat("x", 181), strings.Repeat("x", 183),
		strings.Repeat("x", 360), strings.Repeat("x", 361), strings.Repeat("x", stream.MaxName),
	}
	inc := stream.Incarnation{0xab}
	for _, name := range names {
		// As a key shows them, and as it shows the life within the name.
		names = append(names, stream.ObjectPrefix(stream.Life{Name: name}), name+"/"+inc.String(), name+"/"+inc.String()+"/segment-0")
	}
	// 180 bytes are as much as one part of a key holds.
	for _, n := range []int{179, 180, 181} {
		names = append(names, strings.Repeat("x", n)+inc.String(), strings.Repeat("x", n)+string(inc[:]))
	}
	check := func(a, b stream.Life, key string) {
		t.Helper()
		if a != b && strings.HasPrefix(key, stream.ObjectPrefix(a)) {
			t.Errorf("the key %q of %q begins with the prefix of %q", key, b.Name, a.Name)
		}
	}
	for _, one := range names {
		for _, other := range names {
			if len(one) > stream.MaxName || len(other) > stream.MaxName {
				continue
			}
			for _, incs := range [][2]stream.Incarnation{{inc, inc}, {inc, {}}, {{}, inc}} {
				a, b := stream.Life{Name: one, Incarnation: incs[0]}, stream.Life{Name: other, Incarnation: incs[1]}
				check(a, b, stream.SegmentKey(b, 1))
				check(a, b, stream.StagedKey(b, stream.StagedID{Commit: 1}))
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyLife().Draw(t, "a"), anyLife().Draw(t, "b")
		if rapid.Bool().Draw(t, "continued") {
			b.Name = (a.Name + b.Name)[:min(len(a.Name)+len(b.Name), stream.MaxName)]
		}
		if rapid.Bool().Draw(t, "of one incarnation") {
			b.Incarnation = a.Incarnation
		}
		if a != b && strings.HasPrefix(stream.SegmentKey(b, 0), stream.ObjectPrefix(a)) {
			t.Fatalf("the keys of %+v begin with the prefix of %+v", b, a)
		}
	})
}

// Keys of no object of this server, and how they come close.
func TestForeignObjectKeys(t *testing.T) {
	life := stream.Life{Name: "a/stream", Incarnation: stream.Incarnation{1}}
	prefix := stream.ObjectPrefix(life)
	of := func(what string) string { return prefix + what }
	for _, key := range []string{
		"", "stream", "stream/", "/", "x", "README.txt", prefix, strings.TrimSuffix(prefix, "/"),
		"streams/" + strings.TrimPrefix(stream.SegmentKey(life, 0), "stream/"),
		strings.TrimPrefix(stream.SegmentKey(life, 0), "stream/"),
		stream.SegmentKey(life, 0) + "/x", stream.SegmentKey(life, 0) + "x", "x" + stream.SegmentKey(life, 0),
		of("segment-"), of("segment-0.1"), of("segment-0000000000000000"), of("segment-0000000000000000."),
		of("segment-0000000000000000.x"), of("segment-000000000000000x.1"), of("segment-0000000000000000.01"),
		of("segment-0000000000000000.+1"), of("segment-+000000000000000.1"), of("segment-00000000000000000.1"),
		of("segment-99999999999999999999.1"), of("segment-0000000000000000.1.1"), of("Segment-0000000000000000.1"),
		of("other-0000000000000000.1"), of("0000000000000000.1"),
		of("staged-"), of("staged-01780000000"), of("staged-01780000000-0000000000000abc"),
		of("staged-01780000000-0000000000000abc-0003-0"), of("staged-01780000000-0000000000000ABC-0003"),
		of("staged-1780000000-0000000000000abc-0003"), of("staged-01780000000-abc-0003"),
		of("staged-01780000000-0000000000000abc-3"), of("staged-01780000000-0000000000000abc-x"),
		of("staged-x-0000000000000abc-0003"), of("staged-01780000000-x-0003"), of("01780000000-0000000000000abc-0003"),
		strings.ToUpper(stream.SegmentKey(life, 0)),
		"stream/YS9zdHJlYW0=/" + life.Incarnation.String() + "/segment-0000000000000000.1", // padded
		"stream/YS9zdHJlYW1/" + life.Incarnation.String() + "/segment-0000000000000000.1",  // bits that are not zero
		"stream/YS9=/zdHJlYW0/" + life.Incarnation.String() + "/segment-0000000000000000.1",
		"stream/YS9/zdHJlYW0/" + life.Incarnation.String() + "/segment-0000000000000000.1",
		"stream/YS9zd+JlYW0/" + life.Incarnation.String() + "/segment-0000000000000000.1",
		"stream/YS9zdHJlYW0/" + strings.ToUpper(stream.Incarnation{0xab}.String()) + "/segment-0000000000000000.1",
		"stream/YS9zdHJlYW0/01/segment-0000000000000000.1",
		"stream/YS9zdHJlYW0/" + strings.Repeat("x", 32) + "/segment-0000000000000000.1",
		"stream/YS9zdHJlYW0/segment-0000000000000000.1",
	} {
		if got, ok := stream.ParseObjectKey(key); ok {
			t.Errorf("%q was taken for %+v", key, got)
		}
	}
	// Another version's segment is one all the same: who discards it need not read it.
	other := fmt.Sprintf("%ssegment-0000000000000007.%d", prefix, segment.Version+41)
	if got, ok := stream.ParseObjectKey(other); !ok || got != (stream.ObjectName{Life: life, Segment: 7}) {
		t.Errorf("another version: %+v, %v", got, ok)
	}
	if got, ok := stream.ParseObjectKey(stream.SegmentKey(life, math.MaxUint64)); !ok || got.Segment != math.MaxUint64 {
		t.Errorf("the last segment: %+v, %v", got, ok)
	}
}

// A key that is understood is one that would be made.
func FuzzParseObjectKey(f *testing.F) {
	life := stream.Life{Name: "a/stream", Incarnation: stream.Incarnation{1}}
	f.Add(stream.SegmentKey(life, 0))
	f.Add(stream.StagedKey(life, stream.StagedID{Commit: 7, Part: 1, At: 1_780_000_000}))
	f.Add(stream.SegmentKey(stream.Life{Name: strings.Repeat("x", stream.MaxName)}, maxPart))
	f.Add("stream/=/" + life.Incarnation.String() + "/segment-0000000000000000.-1")
	f.Fuzz(func(t *testing.T, key string) {
		o, ok := stream.ParseObjectKey(key)
		if !ok {
			return
		}
		if o.Staged != (stream.StagedID{}) {
			if made := stream.StagedKey(o.Life, o.Staged); made != key || !o.Staged.Object {
				t.Errorf("%q is %+v, whose key is %q", key, o, made)
			}
			return
		}
		made := stream.SegmentKey(o.Life, o.Segment)
		if made = made[:strings.LastIndexByte(made, '.')+1]; !strings.HasPrefix(key, made) {
			t.Errorf("%q is %+v, whose key begins with %q", key, o, made)
		}
	})
}
