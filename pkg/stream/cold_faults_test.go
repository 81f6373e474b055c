package stream_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/commoncurriculum/durable-streams-aws/pkg/segment"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// While the objects are away, what is not in them is served.
func TestObjectsAreAway(t *testing.T) {
	for _, what := range []fault{lost, rejected, notApplied} {
		l, s, _ := ofSegments(t, 3, 8)
		s.hook(func(op string) fault {
			if op == "get" {
				return what
			}
			return fine
		})
		for _, from := range []stream.Offset{at(0, 0), at(1, 3), at(2, 0)} {
			if p, err := l.Read(t.Context(), name, stream.At(from)); !errors.Is(err, stream.ErrUnavailable) {
				t.Errorf("%v, from %v: %v, %v", what, from, p, err)
			}
		}
		for from, want := range map[stream.Offset]string{at(2, 8): "xend", at(3, 0): "xend", at(3, 1): "end"} {
			p, err := l.Read(t.Context(), name, stream.At(from))
			if err != nil || strings.Join(pageRecords(t, p), "") != want {
				t.Errorf("%v, from %v: %v, %v", what, from, p, err)
			}
		}
		put(t, l, text("y"))
		if _, err := l.Read(t.Context(), name, stream.Now()); err != nil {
			t.Error(err)
		}
		s.hook(nil)
		if got := content(t, l); !strings.HasPrefix(got, "000000000000000100000002xend") {
			t.Errorf("content %q", got)
		}
	}
}

// A manifest that cannot be read is asked for again where that was ahead of need, and
// ends the read otherwise.
func TestManifestsAreAway(t *testing.T) {
	l, s, lim := ofSegments(t, 3, 8)
	content(t, l)
	for _, c := range []struct {
		why    string
		by     *stream.Log
		faults []fault
		ok     bool
	}{
		{"known, once", l, []fault{lost}, true},
		{"known, twice", l, []fault{lost, lost}, false},
		{"unknown", joinCold(t, s, lim), []fault{lost}, false},
	} {
		s.faults("manifests", c.faults...)
		p, err := c.by.Read(t.Context(), name, stream.Start())
		if (err == nil) != c.ok || err != nil && !errors.Is(err, stream.ErrUnavailable) {
			t.Errorf("%s: %v", c.why, err)
		}
		if err == nil && strings.Join(pageRecords(t, p), "") != "000000000000000100000002xend" {
			t.Errorf("%s: %v", c.why, pageRecords(t, p))
		}
	}
}

// Whatever an object has become, what it was is never given out as something else.
func TestAlteredObjects(t *testing.T) {
	const size = 10000
	for _, unit := range []string{"text/plain", "application/json"} {
		lim := stream.DefaultLimits()
		lim.SegmentCount, lim.PageSize = 2, 500
		var want []string
		l, s := openCold(t, lim)
		create(t, l, stream.Create{Config: stream.Config{ContentType: unit}})
		for i := range 3 {
			want = append(want, fmt.Sprintf("%q", recordOf(i, size/2)))
			put(t, l, request(unit, want[i:]))
		}
		compact(t, l, 1)
		m := manifests(t, s)[0]
		body := bodyOf(t, s, m.Object)
		check := func(why string, altered []byte) (whole bool) {
			t.Helper()
			setBody(t, s, m.Object, altered)
			l := joinCold(t, s, lim) // it remembers nothing
			from, got := stream.Start(), strings.Builder{}
			for {
				p, err := l.Read(t.Context(), name, from)
				if err != nil {
					if !errors.Is(err, stream.ErrUnavailable) || !strings.Contains(err.Error(), m.Object) {
						t.Errorf("%s: %v", why, err)
					}
					break
				}
				for r := range p.Records() {
					got.Write(r)
				}
				if p.UpToDate() {
					break
				}
				from = stream.At(p.Next)
			}
			if all := strings.Join(want, ""); !strings.HasPrefix(all, got.String()) {
				t.Fatalf("%s: other data was given out", why)
			} else {
				return len(all) == got.Len()
			}
			return false
		}
		if !check("unaltered", body) {
			t.Fatal("it is not all there")
		}
		data := len(body) - len(m.Tail)
		for i := 8; i < data; i += 397 {
			altered := append([]byte(nil), body...)
			altered[i] ^= 1 << (i % 8)
			if check(fmt.Sprintf("bit of byte %d", i), altered) {
				t.Errorf("an altered byte %d went unnoticed", i)
			}
		}
		for _, n := range []int{0, 1, 8, segment.BlockSize, data / 2, data - 1} {
			if check(fmt.Sprintf("cut to %d bytes", n), body[:n]) {
				t.Errorf("cut to %d bytes, which went unnoticed", n)
			}
		}
		if check("another object", object(t, stream.Config{ContentType: unit}.Unit(), 0, "x", "y")) {
			t.Error("another object went unnoticed")
		}
	}
}

// A manifest that does not describe its object, or that cannot be understood, is an
// error that says which object it is of.
func TestAlteredManifests(t *testing.T) {
	for why, alter := range map[string]func(m *stream.Manifest){
		"no tail":             func(m *stream.Manifest) { m.Tail = nil },
		"a bit of the tail":   func(m *stream.Manifest) { m.Tail[len(m.Tail)/2] ^= 1 },
		"a torn tail":         func(m *stream.Manifest) { m.Tail = m.Tail[1:] },
		"an altered footer":   func(m *stream.Manifest) { m.Tail = m.Tail[len(m.Tail)-segment.FooterSize:]; m.Tail[0] ^= 1 },
		"another size":        func(m *stream.Manifest) { m.Size++ },
		"another CRC":         func(m *stream.Manifest) { m.CRC++ },
		"another number":      func(m *stream.Manifest) { m.Segment = 0; m.Tail = tailOf(t, 3, "a", "b") },
		"another end":         func(m *stream.Manifest) { m.To.Position++ },
		"an end before it":    func(m *stream.Manifest) { m.Tail = tailOf(t, 0, "a") },
		"an object elsewhere": func(m *stream.Manifest) { m.Object += "x" },
	} {
		s := &altered{store: newStore()}
		l, err := stream.New(s, stream.Options{Limits: short(), Objects: objects{s.store}})
		if err != nil {
			t.Fatal(err)
		}
		create(t, l)
		putAll(t, l, "a", "b", "c")
		compact(t, l, 1)
		s.alter = alter
		p, err := l.Read(t.Context(), name, stream.Start())
		if !errors.Is(err, stream.ErrUnavailable) {
			t.Errorf("%s: %v, %v", why, p, err)
		} else if !strings.Contains(err.Error(), "segment-0000000000000000.1") {
			t.Errorf("%s: which one? %v", why, err)
		}
	}
}

// tailOf is the tail of another object.
func tailOf(t *testing.T, number uint64, all ...string) []byte {
	body := object(t, stream.Bytes, number, all...)
	footer, err := segment.ParseFooter(body[len(body)-segment.FooterSize:], int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	return body[len(body)-segment.FooterSize-footer.IndexSize:]
}

// altered is a store whose manifests are altered.
type altered struct {
	*store
	alter func(m *stream.Manifest)
}

func (s *altered) Manifests(ctx context.Context, life stream.Life, after stream.Offset, max int) ([]stream.Manifest, error) {
	all, err := s.store.Manifests(ctx, life, after, max)
	for i := range all {
		if s.alter != nil {
			all[i].Tail = append([]byte(nil), all[i].Tail...)
			s.alter(&all[i])
		}
	}
	return all, err
}

// An object that is missing, or the manifest of one, is a gap that no page passes. The
// read looks a few times, because the stream may have ended, and gives up.
func TestMissingObjects(t *testing.T) {
	l, s, lim := ofSegments(t, 3, 8)
	life := stored(t, s, lim).Life(name)
	all := manifests(t, s)
	body := bodyOf(t, s, all[1].Object)
	setBody(t, s, all[1].Object, nil)
	missing := func(why string, from stream.Offset) {
		t.Helper()
		for _, l := range []*stream.Log{l, joinCold(t, s, lim)} {
			s.took()
			p, err := l.Read(t.Context(), name, stream.At(from))
			if !errors.Is(err, stream.ErrUnavailable) {
				t.Errorf("%s, from %v: %v, %v", why, from, p, err)
			}
			if n := len(s.times("head")); n < 2 || n > 8 {
				t.Errorf("%s, from %v: it looked %d times", why, from, n)
			}
		}
	}
	missing("no object", at(0, 0))
	missing("no object", at(1, 4))
	if _, err := l.Read(t.Context(), name, stream.At(at(1, 4))); !strings.Contains(fmt.Sprint(err), all[1].Object) {
		t.Errorf("which one? %v", err)
	}
	p, err := l.Read(t.Context(), name, stream.At(at(2, 4)))
	if err != nil || strings.Join(pageRecords(t, p), "") != "0002xend" {
		t.Errorf("behind it: %v, %v", p, err)
	}
	setBody(t, s, all[1].Object, body)
	if got := content(t, l); got != "000000000000000100000002xend" {
		t.Errorf("content %q", got)
	}
	for _, lose := range []int{0, 1, 2} {
		if _, err := s.Discard(t.Context(), life, 1000); err != nil {
			t.Fatal(err)
		}
		for i, m := range all {
			if i == lose {
				continue
			}
			if err := s.PutManifest(t.Context(), life, m); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.PutChunk(t.Context(), life, chunk(at(2, 8), at(3, 1), "x")); err != nil {
			t.Fatal(err)
		}
		missing(fmt.Sprint("no manifest ", lose), at(0, 0))
		missing(fmt.Sprint("no manifest ", lose), at(uint64(lose), 4))
	}
}

// A reader that has an old head, from before a compaction, finds chunks gone: it looks
// again and reads on from the object.
func TestReadWhileChunksAreRetired(t *testing.T) {
	for _, op := range []string{"chunks", "staged", "get"} {
		for _, known := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				lim := short()
				if op != "chunks" {
					lim.StageSize, lim.ObjectSize = 12, 0
				}
				if op == "get" {
					lim.ObjectSize = 12
				}
				l, s := openCold(t, lim)
				create(t, l)
				flushed(t, l, "0123456789", "b", "c")
				if !known {
					l = joinCold(t, s, lim)
				} else {
					content(t, l)
				}
				other := joinCold(t, &store{Store: s.Store}, lim, func(o *stream.Options) { o.Objects = &s.objects })
				release := s.hold(op)
				done := readStart(t.Context(), l)
				synctest.Wait()
				compact(t, other, 1)
				release()
				if got := <-done; got != "0123456789bc" {
					t.Errorf("%s, known %v: %q", op, known, got)
				}
				// The next one knows better.
				if got := content(t, l); got != "0123456789bc" {
					t.Errorf("%s, known %v: %q", op, known, got)
				}
			})
		}
	}
}

// A segment that has a manifest, which the head does not know of yet, is read from its
// chunks.
func TestReadOfAHalfDoneCompaction(t *testing.T) {
	l, s := openCold(t, short())
	create(t, l)
	putAll(t, l, "a", "b", "c")
	compact(t, l, 1)
	putAll(t, l, "d", "e")
	s.faults("compact", rejected)
	if _, err := l.Compact(t.Context(), name); err == nil {
		t.Fatal("no error")
	}
	s.hook(nil)
	s.took()
	if got := content(t, joinCold(t, s, short())); got != "abcde" {
		t.Errorf("content %q", got)
	}
	if ops := s.took(); ops != "head manifests get chunks" {
		t.Errorf("took %q", ops)
	}
}

// The stream ends, and is discarded, between the head and the object.
func TestReadOfAnEndedColdStream(t *testing.T) {
	for _, again := range []bool{false, true} {
		for _, op := range []string{"manifests", "get"} {
			l, s, _ := ofSegments(t, 3, 8)
			s.hook(func(called string) fault {
				if called != op {
					return fine
				}
				s.hook(nil)
				if err := l.Delete(context.Background(), name); err != nil {
					t.Error(err)
				}
				if done, err := l.Collect(context.Background(), 9); err != nil || done.Settled != 1 {
					t.Errorf("%+v, %v", done, err)
				}
				if again {
					create(t, l)
					put(t, l, text("other"))
				}
				return fine
			})
			reader := joinCold(t, s, short())
			if p, err := reader.Read(t.Context(), name, stream.Start()); !errors.Is(err, stream.ErrNotFound) {
				t.Errorf("at %s, again %v: %v, %v", op, again, p, err)
			}
			if n := len(keys(t, s)); n != 0 {
				t.Errorf("%d objects are left", n)
			}
		}
	}
}

// A live reader, near the tail or far behind, reads on while the stream is compacted
// under it.
func TestFollowAcrossCompaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lim := short()
		lim.PageSize = 3
		l, s := openCold(t, lim)
		create(t, l)
		behind, _ := follow(t, l, stream.Start())
		defer behind.Close()
		near, _ := follow(t, l, stream.Start())
		defer near.Close()
		other := joinCold(t, s, lim)
		var want, got, all strings.Builder
		for i := range 20 {
			record := string(rune('a' + i))
			want.WriteString(record)
			put(t, l, text(record))
			text, _, err := nextPage(t, near)
			if err != nil {
				t.Fatal(err)
			}
			got.WriteString(text)
			if i%3 == 0 {
				if _, err := other.Compact(t.Context(), name); err != nil {
					t.Fatal(err)
				}
			}
		}
		for all.Len() < want.Len() {
			text, _, err := nextPage(t, behind)
			if err != nil {
				t.Fatal(err)
			}
			all.WriteString(text)
		}
		if got.String() != want.String() || all.String() != want.String() {
			t.Errorf("near the tail %q, behind %q, want %q", &got, &all, &want)
		}
	})
}

// A reader that stands at the tail when its segment is compacted needs no object to go
// on.
func TestFollowNeedsNoObject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := openCold(t, short())
		create(t, l)
		putAll(t, l, "a", "b")
		f, _ := follow(t, l, stream.Start())
		defer f.Close()
		put(t, l, text("c"))
		compact(t, l, 1)
		putAll(t, l, "d")
		s.took()
		text, _, err := nextPage(t, f)
		if err != nil || text != "cd" {
			t.Errorf("%q, %v", text, err)
		}
		if ops := s.took(); strings.Contains(ops, "get") {
			t.Errorf("took %q", ops)
		}
	})
}
