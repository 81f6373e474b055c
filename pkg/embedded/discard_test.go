package embedded

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Lives with few items are discarded by their keys, others by range: either way all of a
// life is gone, and nothing of its neighbours, which begin and end with the same bytes.
func TestDiscardFewAndMany(t *testing.T) {
	for _, items := range []int{0, 1, discardPoints, discardPoints + 1, 3 * discardPoints} {
		t.Run(fmt.Sprint(items, " items"), func(t *testing.T) {
			s := openStore(t)
			goes := stream.Life{Name: "s", Incarnation: stream.Incarnation{1}}
			stays := stream.Life{Name: "s/t", Incarnation: goes.Incarnation}
			for i := range items {
				for _, life := range []stream.Life{goes, stays} {
					id := stream.StagedID{Commit: 1, Part: i}
					if err := s.PutStaged(t.Context(), life, id, stream.Frames{0, 0, 0, 0}); err != nil {
						t.Fatal(err)
					}
				}
			}
			if done, err := s.Discard(t.Context(), goes, 1); !done || err != nil {
				t.Fatal(done, err)
			}
			left := make(map[string]int)
			area := []byte{areaData}
			err := scan(t.Context(), s.db, area, end(area), func(key, _ []byte) (bool, error) {
				life, _, _, err := parseData(key)
				left[life.Name]++
				return true, err
			})
			if err != nil || left["s"] != 0 || left["s/t"] != items {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}

// BenchmarkDiscard discards short lives, one after the other, and looks for their lineage
// before, as the core does. Its cost must not grow with the number of lives.
func BenchmarkDiscard(b *testing.B) {
	o := DefaultOptions()
	o.FS = vfs.NewMem()
	s, err := Open("data", o)
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	}()
	id := stream.StagedID{Commit: 1}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		life := stream.Life{Name: fmt.Sprint("s", i), Incarnation: stream.Incarnation{byte(i), byte(i >> 8), byte(i >> 16)}}
		if err := s.PutStaged(b.Context(), life, id, stream.Frames{0, 0, 0, 0}); err != nil {
			b.Fatal(err)
		}
		if _, err := s.Lineage(b.Context(), life); err != nil {
			b.Fatal(err)
		}
		if _, err := s.Discard(b.Context(), life, 100); err != nil {
			b.Fatal(err)
		}
	}
}
