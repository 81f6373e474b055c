package fsck_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/fsck"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// busy is a driver whose streams change while they are looked at.
type busy struct {
	stream.Driver
	before func(call string)
}

func (b busy) Chunks(ctx context.Context, life stream.Life, after stream.Offset, max int) ([]stream.Chunk, error) {
	b.before("chunks")
	return b.Driver.Chunks(ctx, life, after, max)
}

func (b busy) Manifests(ctx context.Context, life stream.Life, after stream.Offset, max int) ([]stream.Manifest, error) {
	b.before("manifests")
	return b.Driver.Manifests(ctx, life, after, max)
}

// TestMovingStream: what moves while it is looked at is not damage.
func TestMovingStream(t *testing.T) {
	for name, change := range map[string]func(s *store){
		"append":           func(s *store) { s.put("s", "more......") },
		"append and flush": func(s *store) { s.put("s", "more......"); s.flush("s") },
		"append and compact": func(s *store) {
			s.put("s", "more......")
			s.compact("s")
		},
		"end a segment and compact": func(s *store) {
			s.put("s", texts(5, 10)...)
			s.compact("s")
		},
		"link": func(s *store) {
			s.put("s", texts(1, 300)...)
			s.flush("s")
			s.compact("s")
		},
		"delete and create": func(s *store) {
			s.must(s.log.Delete(s.ctx(), "s"))
			_, err := s.log.Collect(s.ctx(), 10)
			s.must(err)
			s.cold("s", plain)
		},
	} {
		for _, at := range []string{"chunks", "manifests"} {
			for times := range 6 {
				s := newStore(t)
				s.cold("s", plain)
				left := times
				d := busy{s.Store, func(call string) {
					if call == at && left > 0 {
						left--
						change(s)
					}
				}}
				_, err := fsck.Stream(t.Context(), d, s.objects, "s")
				if err != nil && !(errors.Is(err, fsck.ErrBusy) && times > 4) {
					t.Errorf("%s before %s, %d times: %v", name, at, times, err)
				}
				if _, err := s.check("s"); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// TestHotStream: a stream that is appended to all the time is checked all the same, and
// damage behind its movement is found.
func TestHotStream(t *testing.T) {
	s := newStore(t)
	s.cold("s", plain)
	d := busy{s.Store, func(string) { s.put("s", "more......"); s.flush("s") }}
	for range 3 {
		if _, err := fsck.Stream(t.Context(), d, s.objects, "s"); err != nil {
			t.Fatal(err)
		}
	}
	flip(s, 1, func(int) int { return 20 })
	var damaged *fsck.DamageError
	if _, err := fsck.Stream(t.Context(), d, s.objects, "s"); !errors.As(err, &damaged) || len(damaged.Problems) != 1 {
		t.Error(err)
	}
}

// TestDeletedMeanwhile: it is not damage that a stream is gone.
func TestDeletedMeanwhile(t *testing.T) {
	s := newStore(t)
	s.cold("s", plain)
	d := busy{s.Store, func(string) {
		s.must(s.log.Delete(s.ctx(), "s"))
		_, err := s.log.Collect(s.ctx(), 10)
		s.must(err)
	}}
	done := false
	before := d.before
	d.before = func(call string) {
		if !done {
			done = true
			before(call)
		}
	}
	if _, err := fsck.Stream(t.Context(), d, s.objects, "s"); !errors.Is(err, stream.ErrNoHead) {
		t.Error(err)
	}
	if _, err := s.check("never"); !errors.Is(err, stream.ErrNoHead) {
		t.Error(err)
	}
}

// broken are objects of which some cannot be read.
type broken struct {
	stream.Objects
	err  error
	only string
}

func (o broken) Object(ctx context.Context, key string, offset, n int64) ([]byte, error) {
	if strings.Contains(key, o.only) {
		return nil, o.err
	}
	return o.Objects.Object(ctx, key, offset, n)
}

// TestUnreadable: a store that does not answer says nothing about what it holds.
func TestUnreadable(t *testing.T) {
	down := errors.New("connection refused")
	for _, err := range []error{down, fmt.Errorf("%w: access denied", stream.ErrRejected)} {
		s := newStore(t)
		s.cold("s", plain)
		s.cold("t", plain)
		o := broken{s.objects, err, stream.ObjectPrefix(s.life("t"))}
		if _, got := fsck.Stream(t.Context(), s.Store, o, "t"); !errors.Is(got, err) || errors.Is(got, stream.ErrDamaged) {
			t.Error(got)
		}
		sum, got := fsck.Store(t.Context(), s.Store, o, fsck.Options{})
		if got != nil || sum.Damaged != 0 || sum.Unchecked != 1 || sum.Streams != 1 || len(sum.Problems) != 1 || !strings.Contains(sum.Problems[0].Error(), `stream "t"`) {
			t.Errorf("%+v, %v", sum, got)
		}
	}
	// What was found before is told, too.
	s := newStore(t)
	s.cold("s", plain)
	flip(s, 0, func(int) int { return 20 })
	_, err := fsck.Stream(t.Context(), s.Store, broken{s.objects, down, "segment-0000000000000001"}, "s")
	if !errors.Is(err, down) || !errors.Is(err, stream.ErrDamaged) {
		t.Error(err)
	}
	// A driver that finds damage itself says so.
	if _, err := fsck.Stream(t.Context(), s.Store, broken{s.objects, stream.ErrDamaged, "segment-0000000000000001"}, "s"); !errors.Is(err, stream.ErrDamaged) {
		t.Error(err)
	}
	if _, err := fsck.Stream(t.Context(), s.Store, nil, "s"); err == nil || errors.Is(err, stream.ErrDamaged) {
		t.Error("without objects:", err)
	}
	s.create("hot", stream.Config{ContentType: plain})
	s.put("hot", "a")
	if _, err := fsck.Stream(t.Context(), s.Store, nil, "hot"); err != nil {
		t.Error("without objects:", err)
	}
}
