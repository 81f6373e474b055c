package fsck_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/fsck"
	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/spool"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// store is a store in memory, with a log that writes to it.
type store struct {
	t *testing.T
	*memory.Store
	objects *memory.Objects
	log     *stream.Log
	now     time.Time
}

// newStore returns an empty store. Its segments have four records, records of 100 bytes
// are staged, and those of 200 are objects.
func newStore(t *testing.T) *store {
	l := stream.DefaultLimits()
	l.SegmentCount, l.StageSize, l.ObjectSize, l.Producers = 4, 100, 200, 2
	return newStoreWith(t, l)
}

func newStoreWith(t *testing.T, l stream.Limits) *store {
	t.Helper()
	s := &store{t: t, Store: memory.New(), objects: new(memory.Objects), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	log, err := stream.New(s.Store, stream.Options{
		Limits: l, Objects: s.objects, Spool: spool.In(t.TempDir()),
		Now: func() time.Time { return s.now },
	})
	s.must(err)
	s.log = log
	return s
}

func (s *store) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *store) ctx() context.Context { return s.t.Context() }

const (
	plain = "text/plain"
	jsons = "application/json"
)

func (s *store) create(name string, c stream.Config) {
	s.t.Helper()
	_, _, err := s.log.Create(s.ctx(), name, &stream.Create{Config: c})
	s.must(err)
}

// put appends each record by itself.
func (s *store) put(name string, records ...string) {
	s.t.Helper()
	for _, text := range records {
		var r stream.Records
		r.Add([]byte(text))
		_, err := s.log.Append(s.ctx(), name, &stream.Append{ContentType: s.head(name).ContentType, Records: r})
		s.must(err)
	}
}

func (s *store) close(name string) {
	s.t.Helper()
	_, err := s.log.Append(s.ctx(), name, &stream.Append{ContentType: s.head(name).ContentType, Close: true})
	s.must(err)
}

func (s *store) flush(name string) {
	s.t.Helper()
	s.must(s.log.Flush(s.ctx(), name, stream.Appended{}))
}

func (s *store) compact(name string) {
	s.t.Helper()
	_, err := s.log.Compact(s.ctx(), name)
	s.must(err)
}

// texts are n different records of about size bytes.
func texts(n, size int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%04d%s.", i, strings.Repeat("x", max(0, size-5)))
	}
	return all
}

// cold makes a stream of 14 records: three segments of four in objects, a chunk of one
// record, and one in the buffer.
func (s *store) cold(name, contentType string) {
	s.t.Helper()
	s.create(name, stream.Config{ContentType: contentType})
	all := texts(14, 10)
	s.put(name, all[:13]...)
	s.compact(name)
	s.flush(name)
	s.put(name, all[13])
	if h := s.head(name); h.Compacted != 3 || len(h.Buffer) != 1 || len(s.data(name).manifests) != 3 || len(s.data(name).chunks) != 1 {
		s.t.Fatalf("%d segments are in objects, %d entries in the buffer", h.Compacted, len(h.Buffer))
	}
}

func (s *store) head(name string) *stream.Head {
	s.t.Helper()
	h, err := s.Head(s.ctx(), name, stream.Strong)
	s.must(err)
	return h
}

func (s *store) life(name string) stream.Life { return s.head(name).Life(name) }

// setHead changes a head.
func (s *store) setHead(name string, change func(*stream.Head)) {
	s.t.Helper()
	next := s.head(name).Clone()
	change(next)
	next.Version++
	s.must(s.Update(s.ctx(), name, next))
}

// data is what is stored of a stream besides its head.
type data struct {
	chunks    []stream.Chunk
	manifests []stream.Manifest
}

func (s *store) data(name string) *data {
	s.t.Helper()
	d, err := &data{}, error(nil)
	d.chunks, err = s.Chunks(s.ctx(), s.life(name), stream.Offset{}, 1<<30)
	s.must(err)
	d.manifests, err = s.Manifests(s.ctx(), s.life(name), stream.Offset{}, 1000)
	s.must(err)
	return d
}

// setData changes chunks and manifests. What is staged as items stays only if a chunk or
// the buffer links it.
func (s *store) setData(name string, change func(*data)) {
	s.t.Helper()
	d, life := s.data(name), s.life(name)
	staged := make(map[stream.StagedID]stream.Frames)
	keep := func(id stream.StagedID) {
		if frames, err := s.Staged(s.ctx(), life, id); err == nil {
			staged[id] = frames
		}
	}
	for _, c := range d.chunks {
		keep(c.Staged)
	}
	for _, e := range s.head(name).Buffer {
		keep(e.Staged)
	}
	change(d)
	_, err := s.Discard(s.ctx(), life, 1000)
	s.must(err)
	for id, frames := range staged {
		s.must(s.PutStaged(s.ctx(), life, id, frames))
	}
	for _, c := range d.chunks {
		s.must(s.PutChunk(s.ctx(), life, c))
	}
	for _, m := range d.manifests {
		s.must(s.PutManifest(s.ctx(), life, m))
	}
}

// setManifest changes the manifest of a segment.
func (s *store) setManifest(name string, n int, change func(*stream.Manifest)) {
	s.t.Helper()
	s.setData(name, func(d *data) { change(&d.manifests[n]) })
}

func (s *store) body(key string) []byte {
	s.t.Helper()
	body, err := s.objects.Object(s.ctx(), key, 0, -1)
	s.must(err)
	return bytes.Clone(body)
}

// setObject puts another body in the place of an object; none for nil.
func (s *store) setObject(key string, body []byte) {
	s.t.Helper()
	s.must(s.objects.RemoveObjects(s.ctx(), []string{key}))
	if body != nil {
		s.must(s.objects.PutObject(s.ctx(), key, io.NewSectionReader(bytes.NewReader(body), 0, int64(len(body)))))
	}
}

// segmentKey is the key of the object of a segment.
func (s *store) segmentKey(name string, n uint64) string { return stream.SegmentKey(s.life(name), n) }

// check checks a stream.
func (s *store) check(name string) (*fsck.Report, error) {
	return fsck.Stream(s.ctx(), s.Store, s.objects, name)
}

// all checks everything.
func (s *store) all() *fsck.Summary {
	s.t.Helper()
	sum, err := fsck.Store(s.ctx(), s.Store, s.objects, fsck.Options{Now: func() time.Time { return s.now }})
	s.must(err)
	return sum
}

// sound fails the test unless everything is.
func (s *store) sound() *fsck.Summary {
	s.t.Helper()
	sum := s.all()
	if sum.Damaged+sum.Unchecked > 0 {
		s.t.Fatal(errors.Join(sum.Problems...))
	}
	return sum
}

// clean fails the test unless everything is sound and there is no litter.
func (s *store) clean() *fsck.Summary {
	s.t.Helper()
	sum := s.sound()
	for kind, f := range sum.Litter {
		s.t.Errorf("%d %s: %s", f.Count, kind, strings.Join(f.Names, ", "))
	}
	return sum
}

// records reads all records of a stream below the log.
func (s *store) records(name string) []string {
	s.t.Helper()
	var all []string
	_, err := fsck.Read(s.ctx(), s.Store, s.objects, name, fsck.Sink{
		Begin:  func() { all = nil },
		Record: func(record []byte) { all = append(all, string(record)) },
	})
	s.must(err)
	return all
}

func frames(records ...string) stream.Frames {
	var f stream.Frames
	for _, r := range records {
		f = stream.AppendFrame(f, []byte(r))
	}
	return f
}

func without[T any](all []T, i int) []T { return slices.Delete(slices.Clone(all), i, i+1) }
