package embedded_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/commoncurriculum/durable-streams-aws/pkg/embedded"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// steps calls after when a step of a compaction is done.
type steps struct {
	*embedded.Store
	objects *embedded.Objects
	after   func(step string)
}

func (s *steps) PutChunk(ctx context.Context, life stream.Life, c stream.Chunk) error {
	defer s.after(fmt.Sprint("chunk to ", c.To))
	return s.Store.PutChunk(ctx, life, c)
}

func (s *steps) Trim(ctx context.Context, name string, seen *stream.Head, to stream.Offset, l stream.Limits) (*stream.Head, error) {
	defer s.after(fmt.Sprint("trim to ", to))
	return s.Store.Trim(ctx, name, seen, to, l)
}

func (s *steps) PutManifest(ctx context.Context, life stream.Life, m stream.Manifest) error {
	defer s.after(fmt.Sprint("manifest ", m.Segment))
	return s.Store.PutManifest(ctx, life, m)
}

func (s *steps) Compact(ctx context.Context, life stream.Life, segments uint64) (*stream.Head, error) {
	defer s.after(fmt.Sprint("compacted ", segments))
	return s.Store.Compact(ctx, life, segments)
}

func (s *steps) Retire(ctx context.Context, life stream.Life, chunks []stream.Offset, staged []stream.StagedID) error {
	defer s.after("retire")
	return s.Store.Retire(ctx, life, chunks, staged)
}

// objectSteps does the same for objects.
type objectSteps struct{ *steps }

func (s objectSteps) PutObject(ctx context.Context, key string, body *io.SectionReader) error {
	defer s.after("put " + key)
	return s.objects.PutObject(ctx, key, body)
}

func (s objectSteps) Object(ctx context.Context, key string, offset, n int64) ([]byte, error) {
	return s.objects.Object(ctx, key, offset, n)
}

func (s objectSteps) ListObjects(ctx context.Context, prefix, after string, max int) ([]string, error) {
	return s.objects.ListObjects(ctx, prefix, after, max)
}

func (s objectSteps) RemoveObjects(ctx context.Context, keys []string) error {
	defer s.after(fmt.Sprint("remove ", len(keys), " objects"))
	return s.objects.RemoveObjects(ctx, keys)
}

func (s objectSteps) DiscardObjects(ctx context.Context, prefix string, max int) (bool, error) {
	defer s.after("discard " + prefix)
	return s.objects.DiscardObjects(ctx, prefix, max)
}

// TestPowerFailureAtEachStepOfCompaction takes the power away after each step in which
// records move: from the buffer to chunks, from chunks and staged parts to an object.
// Whatever is lost of what was not synced, every record is in one of the two places,
// and readers find it, before and after the compaction is done again.
func TestPowerFailureAtEachStepOfCompaction(t *testing.T) {
	const name, appends = "s", 115
	disk := vfs.NewCrashableMem()
	o := smallOptions()
	o.FS = disk
	s := &steps{Store: openClosing(t, "data", o), objects: openObjects(t, "data", disk)}
	log := logOf(t, s, objectSteps{s})
	if _, _, err := log.Create(t.Context(), name, &stream.Create{Config: stream.Config{ContentType: "text/plain"}}); err != nil {
		t.Fatal(err)
	}
	var want []string
	done := map[string]int{}
	s.after = func(step string) {
		kind, _, _ := strings.Cut(step, " ")
		done[kind]++
		for _, percent := range []int{0, 50} {
			random := rand.New(rand.NewPCG(uint64(done[kind]), uint64(percent)))
			left, closing := powerLog(t, disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: random}))
			for _, when := range []string{"before", "after"} {
				// What is being appended may be there or not.
				if got := readAll(t, left, name); len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
					t.Errorf("%s the compaction, %d %% of what was not synced left after %q: %d records of %d", when, percent, step, len(got), len(want))
				}
				if _, err := left.Compact(t.Context(), name); err != nil {
					t.Errorf("compact, %d %% left after %q: %v", percent, step, err)
				}
			}
			closing()
		}
	}
	for n := range appends {
		text := fmt.Sprint(n, ";")
		switch {
		case n%40 == 7:
			text = strings.Repeat("-", 210_000) + text // in an object
		case n%15 == 3:
			text = strings.Repeat("-", 3000) + text // staged
		}
		var r stream.Records
		r.Add([]byte(text))
		done, err := log.Append(t.Context(), name, &stream.Append{ContentType: "text/plain", Records: r})
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, text)
		if done.FlushDue() {
			if err := log.Flush(t.Context(), name, done); err != nil {
				t.Fatal(err)
			}
		}
		if n == appends/2 || n == appends-1 {
			if c, err := log.Compact(t.Context(), name); err != nil || c.Segments != 1 {
				t.Fatalf("compacted %+v, %v", c, err)
			}
		}
	}
	for _, kind := range []string{"chunk", "trim", "put", "manifest", "compacted", "remove", "retire"} {
		if done[kind] == 0 {
			t.Errorf("no step was a %s", kind)
		}
	}
}
