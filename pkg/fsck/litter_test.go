package fsck_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/fsck"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// putObject puts an object with a body that nobody reads.
func (s *store) putObject(key string) {
	s.t.Helper()
	s.must(s.objects.PutObject(s.ctx(), key, io.NewSectionReader(strings.NewReader("x"), 0, 1)))
}

// stagedAt is the id of something that was staged a while before the store's clock.
func (s *store) stagedAt(ago time.Duration, object bool) stream.StagedID {
	return stream.StagedID{Commit: 7, Part: 1, At: s.now.Add(-ago).Unix(), Object: object}
}

// gone is a life that is over, and owed by nobody.
var gone = stream.Life{Name: "gone", Incarnation: stream.Incarnation{1, 2, 3}}

// litters are all sorts of litter, beside the stream "s" that store.cold makes.
var litters = map[fsck.Litter]struct {
	do func(s *store)
	// name is part of the name of each, count and old are how many there must be.
	name       string
	count, old int
}{
	fsck.UnretiredChunk: {func(s *store) {
		s.leave(1, "0004xxxxx.", "0005xxxxx.")
		s.leave(2, "0008xxxxx.")
	}, `"s", life `, 2, 0},
	fsck.UnlinkedItem: {func(s *store) {
		for _, ago := range []time.Duration{time.Minute, 2 * time.Hour, 25 * time.Hour} {
			s.must(s.PutStaged(s.ctx(), s.life("s"), s.stagedAt(ago, false), frames("x")))
		}
	}, "staged-", 2, 1},
	fsck.UnlinkedObject: {func(s *store) {
		for _, ago := range []time.Duration{time.Minute, 2 * time.Hour, 25 * time.Hour} {
			s.putObject(stream.StagedKey(s.life("s"), s.stagedAt(ago, true)))
		}
	}, "staged-", 2, 1},
	fsck.UnnamedObject: {func(s *store) {
		key := s.segmentKey("s", 1)
		s.putObject(strings.TrimSuffix(key, ".1") + ".2")
		s.putObject(s.segmentKey("s", 3))
	}, "segment-", 2, 0},
	fsck.ForeignObject: {func(s *store) {
		s.putObject("stream/notes.txt")
		s.putObject("other/notes.txt")
	}, "notes.txt", 1, 0},
	fsck.OrphanChunk: {func(s *store) {
		s.must(s.PutChunk(s.ctx(), gone, stream.Chunk{To: stream.Offset{Position: 1}, Count: 1, Size: 1, Frames: frames("x")}))
	}, `"gone"`, 1, 0},
	fsck.OrphanStaged: {func(s *store) {
		s.must(s.PutStaged(s.ctx(), gone, s.stagedAt(6*24*time.Hour, false), frames("x")))
		s.must(s.PutStaged(s.ctx(), gone, s.stagedAt(8*24*time.Hour, false), frames("x")))
	}, "staged-", 1, 1},
	fsck.OrphanProducer: {func(s *store) {
		s.must(s.SpillProducer(s.ctx(), gone, "p", stream.Producer{}))
	}, `"gone"`, 1, 0},
	fsck.OrphanManifest: {func(s *store) {
		s.must(s.PutManifest(s.ctx(), gone, stream.Manifest{To: stream.Offset{Position: 1}}))
	}, `"gone"`, 1, 0},
	fsck.OrphanObject: {func(s *store) {
		s.putObject(stream.SegmentKey(gone, 0))
		s.putObject(stream.StagedKey(gone, s.stagedAt(6*24*time.Hour, true)))
		s.putObject(stream.StagedKey(gone, s.stagedAt(8*24*time.Hour, true)))
	}, "stream/", 2, 1},
}

func TestLitterIsFoundAndNamed(t *testing.T) {
	for kind, c := range litters {
		t.Run(string(kind), func(t *testing.T) {
			s := newStore(t)
			s.cold("s", plain)
			s.clean()
			c.do(s)
			sum := s.sound()
			f := sum.Litter[kind]
			if len(sum.Litter) != 1 || f == nil {
				t.Fatalf("the litter is %v", sum.Litter)
			}
			if f.Count != c.count || f.Old != c.old || sum.Old() != c.old || len(f.Names) != c.count {
				t.Errorf("%+v, %d old", f, sum.Old())
			}
			for _, name := range f.Names {
				if !strings.Contains(name, c.name) {
					t.Errorf("it is called %q", name)
				}
			}
		})
	}
}

// TestSweptStore: the sweep clears away what is called litter.
func TestSweptStore(t *testing.T) {
	s := newStore(t)
	s.cold("s", plain)
	for kind, c := range litters {
		// The sweep leaves these alone: they may be somebody's, or will be needed.
		if kind != fsck.ForeignObject && kind != fsck.UnnamedObject {
			c.do(s)
		}
	}
	if sum := s.sound(); len(sum.Litter) != len(litters)-2 {
		t.Fatalf("the litter is %v", sum.Litter)
	}
	_, err := s.log.Sweep(t.Context(), stream.SweepOptions{IdleAfter: time.Hour, Items: 1e6, Objects: 1e6, Lives: 1e6})
	s.must(err)
	s.clean()
}

// TestOwedLife: the data of a life that is about to be discarded is no litter.
func TestOwedLife(t *testing.T) {
	s := newStore(t)
	s.cold("s", plain)
	s.must(s.Store.Delete(t.Context(), "s", s.head("s").Incarnation))
	if sum := s.clean(); sum.Owed != 1 || sum.Streams != 0 {
		t.Errorf("%+v", sum)
	}
	lives, err := s.Owed(t.Context(), 1)
	s.must(err)
	s.must(s.Settle(t.Context(), lives[0]))
	if sum := s.sound(); len(sum.Litter) != 3 {
		t.Errorf("the litter is %v", sum.Litter)
	}
}

// turning is a driver that calls back while it is searched for litter.
type turning struct {
	stream.Driver
	inventory func()
	retired   bool
	fail      error
}

func (d *turning) Inventory(ctx context.Context, cursor string, max int) ([]stream.Stored, string, error) {
	found, next, err := d.Driver.Inventory(ctx, cursor, max)
	for i := range found {
		found[i].Retired = d.retired
	}
	if do := d.inventory; do != nil {
		d.inventory = nil
		do()
	}
	return found, next, errors.Join(err, d.fail)
}

// TestLitterOfAMoment: what is cleared away or moved during the search is no litter.
func TestLitterOfAMoment(t *testing.T) {
	for name, change := range map[string]func(s *store){
		"delete":             func(s *store) { s.must(s.log.Delete(s.ctx(), "s")) },
		"delete and discard": func(s *store) { s.must(s.log.Delete(s.ctx(), "s")); collect(s) },
		"compact":            func(s *store) { s.compact("s") },
		"compact and link":   func(s *store) { s.compact("s"); s.put("s", texts(2, 150)...) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			s.create("s", stream.Config{ContentType: plain})
			s.put("s", slices.Concat(texts(3, 10), texts(3, 150), texts(3, 250))...)
			s.flush("s")
			s.now = s.now.Add(3 * time.Hour)
			s.clean()
			d := &turning{Driver: s.Store, inventory: func() { change(s) }}
			sum, err := fsck.Store(t.Context(), d, s.objects, fsck.Options{Now: func() time.Time { return s.now }})
			if err != nil || sum.Damaged+sum.Unchecked > 0 || len(sum.Litter) > 0 {
				t.Errorf("%v, %+v", err, sum)
			}
		})
	}
}

// TestLitterOfTheSecondLook: what was no litter at first may be none a moment later.
func TestLitterOfTheSecondLook(t *testing.T) {
	s := newStore(t)
	s.cold("s", plain)
	s.leave(1, "0004xxxxx.")
	d := &turning{Driver: s.Store, inventory: func() { s.leave(2, "0008xxxxx.") }}
	sum, err := fsck.Store(t.Context(), d, s.objects, fsck.Options{})
	if f := sum.Litter[fsck.UnretiredChunk]; err != nil || f == nil || f.Count != 1 || !strings.Contains(f.Names[0], "0000000000000001_") {
		t.Errorf("%v, %+v", err, f)
	}
}

func collect(s *store) {
	_, err := s.log.Collect(s.ctx(), 10)
	s.must(err)
}

// TestRetired: what is marked to be removed is on its way.
func TestRetired(t *testing.T) {
	s := newStore(t)
	s.cold("s", plain)
	s.leave(1, "0004xxxxx.")
	d := &turning{Driver: s.Store, retired: true}
	sum, err := fsck.Store(t.Context(), d, s.objects, fsck.Options{})
	if err != nil || len(sum.Litter) > 0 || sum.Retired == 0 {
		t.Errorf("%v, %+v", err, sum)
	}
}

// hidden is a driver whose list of streams lacks those that are to be found by their heads.
type hidden struct{ stream.Driver }

func (hidden) Streams(context.Context, string, string, int) ([]string, error) { return nil, nil }

func TestStreamsThatAreNotListed(t *testing.T) {
	s := newStore(t)
	s.cold("s", plain)
	flip(s, 0, func(int) int { return 20 })
	sum, err := fsck.Store(t.Context(), hidden{s.Store}, s.objects, fsck.Options{})
	if err != nil || sum.Damaged != 1 {
		t.Errorf("%v, %+v", err, sum)
	}
}

// TestManyThings: lists are read part by part, and everything is told once.
func TestManyThings(t *testing.T) {
	s := newStore(t)
	const streams, litter = 250, 2500
	for i := range streams {
		s.create(texts(streams, 5)[i], stream.Config{ContentType: plain})
	}
	for i := range litter {
		id := s.stagedAt(30*24*time.Hour, i%2 == 0)
		id.Part = i
		if id.Object {
			s.putObject(stream.StagedKey(gone, id))
		} else {
			s.must(s.PutStaged(t.Context(), gone, id, frames("x")))
		}
	}
	checked := make(map[string]int)
	progress := 0
	sum, err := fsck.Store(t.Context(), s.Store, s.objects, fsck.Options{
		Now:      func() time.Time { return s.now },
		Checked:  func(name string, _ *fsck.Report, err error) { checked[name]++; s.must(err) },
		Progress: func(*fsck.Summary) { progress++ },
	})
	s.must(err)
	for name, n := range checked {
		if n != 1 {
			t.Errorf("%s was checked %d times", name, n)
		}
	}
	items, objects := sum.Litter[fsck.OrphanStaged], sum.Litter[fsck.OrphanObject]
	if len(checked) != streams || sum.Streams != streams || progress < streams || sum.Items != streams+litter/2 || sum.Objects != litter/2 ||
		items.Count != litter/2 || objects.Count != litter/2 || len(items.Names) != 5 || sum.Old() != litter {
		t.Errorf("%d checked, %+v, %+v, %+v", len(checked), sum, items, objects)
	}
}

// TestStoppedSearch: a search that is stopped, or cannot list, says so.
func TestStoppedSearch(t *testing.T) {
	s := newStore(t)
	s.cold("s", plain)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := fsck.Store(ctx, s.Store, s.objects, fsck.Options{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	d := &turning{Driver: s.Store, fail: errors.New("an item cannot be read")}
	sum, err := fsck.Store(t.Context(), d, s.objects, fsck.Options{})
	if err != nil || sum.Unchecked != 1 || sum.Items == 0 {
		t.Errorf("%v, %+v", err, sum)
	}
}
