package dynamo_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// listed are names of all shards, among them those that an encoding could mix up.
func listed() []string {
	names := []string{
		"a", "a/", "a/b", "a\x00", "a\x00b", "a\x00f0", "a\x01", "a\x01\x01", "ab", "A", "a#", "a|b", "ü", "ü/✓", "\U0010ffff", "\U0010ffffa", "~",
		"long/" + strings.Repeat("name", 170),
	}
	for i := range 40 {
		names = append(names, fmt.Sprint("s/", i))
	}
	slices.Sort(names)
	return names
}

// lists awaits that a list is as wanted: the index is written a moment later.
func lists[T any](t *testing.T, what string, want []T, list func() ([]T, error)) {
	t.Helper()
	ctx := within(t)
	for {
		got, err := list()
		check(t, err)
		if fmt.Sprintf("%+v", got) == fmt.Sprintf("%+v", want) {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("%s: %+v\nwant %+v", what, got, want)
		}
	}
}

func TestStreamsOverPages(t *testing.T) {
	for _, process := range []string{"dynoxide", "official"} {
		t.Run(process, func(t *testing.T) {
			g := newGraveyard(t, process)
			names := listed()
			for i, name := range names {
				check(t, g.Create(t.Context(), name, aHead(byte(i)), nil))
			}
			// One that was deleted is not listed, and one that was created again is.
			check(t, g.Create(t.Context(), "s/x", aHead(100), nil))
			check(t, g.Delete(t.Context(), "s/x", aLife(100).Incarnation))
			check(t, g.Delete(t.Context(), "a", aLife(byte(slices.Index(names, "a"))).Incarnation))
			check(t, g.Create(t.Context(), "a", aHead(101), nil))
			// Manifests are no streams.
			check(t, g.PutManifest(t.Context(), aLife(1), stream.Manifest{Object: "o"}))
			for _, size := range []int32{3, 100} {
				d := newStore(t, pages{g.client, size}, g.table)
				for _, c := range []struct{ prefix, after string }{
					{"", ""}, {"", "s/15"}, {"", "\U0010ffff"}, {"", "\U0010ffffz"},
					{"a", ""}, {"a", "a"}, {"a", "a\x00"}, {"a", "A"}, {"a", "b"}, {"a\x00", ""}, {"s/1", "s/15"},
					{"ü", ""}, {"\U0010ffff", ""}, {"long", ""}, {"nothing", ""},
				} {
					want := make([]string, 0)
					for _, name := range names {
						if strings.HasPrefix(name, c.prefix) && name > c.after {
							want = append(want, name)
						}
					}
					for _, n := range []int{1, 7, 100} {
						lists(t, fmt.Sprintf("pages of %d: %d with %q after %q", size, n, c.prefix, c.after), want[:min(n, len(want))], func() ([]string, error) {
							return d.Streams(t.Context(), c.prefix, c.after, n)
						})
					}
				}
			}
		})
	}
}

func TestSegmentsOverPages(t *testing.T) {
	for _, process := range []string{"dynoxide", "official"} {
		t.Run(process, func(t *testing.T) {
			g := newGraveyard(t, process)
			var all []stream.StoredSegment
			for i, name := range listed() {
				// Two lives of some names; the later one is sorted first.
				for _, inc := range []stream.Incarnation{{0xf0}, {byte(i)}}[:1+i%2] {
					for n := range uint64(1 + i%3) {
						m := stream.Manifest{
							Segment: 9 * n, From: stream.Offset{Segment: n}, To: stream.Offset{Segment: n + 1, Position: 9},
							Count: 3, Object: fmt.Sprint("o", i), Size: 20, CRC: 1<<32 - 1,
						}
						life := stream.Life{Name: name, Incarnation: inc}
						all = append(all, stream.StoredSegment{Life: life, Manifest: m})
						// What the index does not know.
						m.Tail = []byte("tail")
						check(t, g.PutManifest(t.Context(), life, m))
					}
				}
			}
			slices.SortStableFunc(all, func(a, b stream.StoredSegment) int {
				return cmp.Or(cmp.Compare(a.Name, b.Name), slices.Compare(a.Incarnation[:], b.Incarnation[:]), cmp.Compare(a.Segment, b.Segment))
			})
			check(t, g.Create(t.Context(), "a", aHead(1), nil))
			d := newStore(t, pages{g.client, 3}, g.table)
			for _, prefix := range []string{"", "a", "a\x00", "s/1", "\U0010ffff", "nothing"} {
				var found []stream.StoredSegment
				for _, s := range all {
					if strings.HasPrefix(s.Name, prefix) {
						found = append(found, s)
					}
				}
				list := func(after stream.StoredSegment, n int) func() ([]stream.StoredSegment, error) {
					return func() ([]stream.StoredSegment, error) {
						return d.Segments(t.Context(), prefix, after.Life, after.Segment, n)
					}
				}
				lists(t, fmt.Sprintf("with %q", prefix), append([]stream.StoredSegment{}, found...), list(stream.StoredSegment{}, 1000))
				for i := 0; i < len(found); i += 1 + len(found)/10 {
					lists(t, fmt.Sprintf("with %q after %+v", prefix, found[i]), append([]stream.StoredSegment{}, found[i+1:min(len(found), i+5)]...), list(found[i], 4))
				}
			}
		})
	}
}

// What is listed under a key that cannot be read is an error.
func TestUnreadableLists(t *testing.T) {
	c := sdk(t, processes.dynoxide)
	table := newTable(t, c)
	d := newStore(t, c, table)
	check(t, d.Create(t.Context(), "s", aHead(1), nil))
	check(t, d.PutManifest(t.Context(), aLife(1), stream.Manifest{Object: "o"}))
	head := stored(t, c, table, "stream#s", "head")
	manifest := stored(t, c, table, "data#01000000000000000000000000000000#s", "segment#0000000000000000")
	for _, broken := range []struct {
		item item
		damage
	}{
		{head, damage{"pk", str("other")}}, {head, damage{"sk", str("other")}},
		{manifest, damage{"pk", str("data#01#s")}}, {manifest, damage{"sk", str("segment#0")}}, {manifest, damage{"f", num("1")}}, {manifest, damage{"mo", nothing}},
	} {
		put(t, c, table, broken.item, broken.damage)
		_, err1 := d.Streams(t.Context(), "", "", 10)
		_, err2 := d.Segments(t.Context(), "", stream.Life{}, 0, 10)
		if err := cmp.Or(err1, err2); outcomeOf(err) != rejected {
			t.Errorf("%s = %s: %v", broken.attribute, show(broken.value), err)
		}
		key := item{"pk": broken.item["pk"], "sk": broken.item["sk"]}
		if broken.attribute == "pk" || broken.attribute == "sk" {
			key[broken.attribute] = broken.value
		}
		_, err := c.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &table, Key: key})
		check(t, err)
		put(t, c, table, broken.item, damage{"nothing", nothing})
	}
}
