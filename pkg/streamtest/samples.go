package streamtest

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

func newIncarnation() (inc stream.Incarnation) {
	rand.Read(inc[:])
	return inc
}

func newCommitID() stream.CommitID {
	var b [8]byte
	rand.Read(b[:])
	return stream.CommitID(binary.BigEndian.Uint64(b[:]) | 1)
}

// records makes records of some texts.
func records(texts ...string) (r stream.Records) {
	for _, text := range texts {
		r.Add([]byte(text))
	}
	return r
}

// plain is an append without a producer.
func plain(texts ...string) *stream.Append {
	return &stream.Append{ContentType: "text/plain", Records: records(texts...)}
}

// produced is an append by a producer.
func produced(id string, epoch, seq uint64, texts ...string) *stream.Append {
	a := plain(texts...)
	a.Producer = tag(id, epoch, seq)
	return a
}

func tag(id string, epoch, seq uint64) *stream.ProducerTag {
	return &stream.ProducerTag{ID: id, Producer: stream.Producer{Epoch: epoch, Seq: seq}}
}

// batch is a batch with an id of its own.
func batch(appends ...*stream.Append) *stream.Batch {
	return &stream.Batch{ID: newCommitID(), Appends: appends, Now: sampleTime}
}

// sampleTime has milliseconds that neither seconds nor floats keep.
var sampleTime = time.UnixMilli(1_767_323_045_678).UTC()

// roomy are limits that no test of single calls reaches by accident.
func roomy() stream.Limits {
	l := stream.DefaultLimits()
	l.SegmentCount = 1_000_000
	l.BufferCount, l.FlushCount = 1_000_000, 1_000_000
	l.BufferSize, l.SegmentSize = 16<<20, 16<<20
	return l
}

// openHead is the head of a new, empty, open stream.
func openHead() *stream.Head {
	return &stream.Head{
		Incarnation: newIncarnation(),
		Version:     1,
		Config:      stream.Config{ContentType: "text/plain"},
		CreatedAt:   sampleTime,
		Commits:     1,
		Recent:      []stream.CommitMark{{ID: newCommitID()}},
	}
}

// fullHead is a head in which every field has a value of its own, and which is
// nevertheless consistent: a driver may derive some fields from others.
func fullHead() *stream.Head {
	first, second, last := records("Grüße ✓\n", "\x00\xff not text"), records("staged"), records("last", "of all")
	at := func(segment, position uint64) stream.Offset {
		return stream.Offset{Segment: segment, Position: position}
	}
	e1 := stream.Entry{From: at(2, 17), To: at(2, 17+uint64(first.Size)), Count: first.Count, Size: first.Size, Frames: first.Frames}
	e2 := stream.Entry{From: e1.To, To: at(2, e1.To.Position+uint64(second.Size)), Count: second.Count, Size: second.Size,
		Staged: stream.StagedID{Commit: 1<<63 + 12345, Part: 3}}
	e3 := stream.Entry{From: e2.To, To: at(3, uint64(last.Size)), Count: last.Count, Size: last.Size, Frames: last.Frames}
	return &stream.Head{
		Incarnation: newIncarnation(),
		Version:     1<<40 + 7,
		Config: stream.Config{
			ContentType: `text/plain; charset="utf-8"; x=ü`,
			TTL:         90*time.Minute + 123*time.Millisecond,
			HasTTL:      true,
			ExpiresAt:   sampleTime.Add(1234567 * time.Millisecond),
		},
		CreatedAt:    sampleTime,
		Deadline:     sampleTime.Add(7654321 * time.Millisecond),
		Tail:         e3.To,
		SegmentCount: e3.Count,
		SegmentSize:  e3.Size,
		Closed:       true,
		ClosedBy:     *tag("producer/of the ünd", 1<<53-1, 1<<53-2),
		Seq:          "0002 ß/\"quoted\"",
		Producers: map[string]stream.HeldProducer{
			"a":        {Producer: stream.Producer{Epoch: 1, Seq: 2}, Used: 3},
			"a/b #$.ü": {Producer: stream.Producer{Epoch: 1<<53 - 1, Seq: 1<<53 - 1}, Used: 1 << 41},
			"zero":     {},
		},
		Spilled: true,
		Commits: 1<<41 + 9,
		Recent:  []stream.CommitMark{{ID: 1<<64 - 1, Tail: e1.To}, {ID: 2, Tail: e2.To}, {ID: 1 << 63, Tail: e3.To}},
		Burned: []stream.Burned{{ID: 1<<63 + 1, At: sampleTime.Add(time.Millisecond)},
			{ID: 77, At: sampleTime.Add(time.Second)}},
		Buffer:     []stream.Entry{e1, e2, e3},
		BufferSize: len(first.Frames) + len(last.Frames),
	}
}

// diffHeads tells in which fields two heads differ; "" if in none. Nil and empty
// maps and slices are the same, and so are equal instants in different zones.
func diffHeads(got, want *stream.Head) string {
	if got == nil || want == nil {
		if got == want {
			return ""
		}
		return fmt.Sprintf("got %+v, want %+v", got, want)
	}
	g, w := reflect.ValueOf(*normal(got)), reflect.ValueOf(*normal(want))
	var diffs []string
	for i := range g.NumField() {
		if a, b := g.Field(i).Interface(), w.Field(i).Interface(); !reflect.DeepEqual(a, b) {
			diffs = append(diffs, fmt.Sprintf("%s: got %+v, want %+v", g.Type().Field(i).Name, a, b))
		}
	}
	return strings.Join(diffs, "\n")
}

// normal returns a deep copy of a head in the form in which heads are compared.
func normal(h *stream.Head) *stream.Head {
	c := h.Clone()
	for _, t := range []*time.Time{&c.CreatedAt, &c.Deadline, &c.ExpiresAt} {
		*t = time.UnixMilli(t.UnixMilli()).UTC()
	}
	if len(c.Producers) == 0 {
		c.Producers = nil
	}
	c.Recent = append([]stream.CommitMark(nil), c.Recent...)
	c.Burned = append([]stream.Burned(nil), c.Burned...)
	for i := range c.Burned {
		c.Burned[i].At = time.UnixMilli(c.Burned[i].At.UnixMilli()).UTC()
	}
	c.Buffer = append([]stream.Entry(nil), c.Buffer...)
	for i := range c.Buffer {
		c.Buffer[i].Frames = append(stream.Frames(nil), c.Buffer[i].Frames...)
	}
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// mustCreate stores a head under a name that has none.
func mustCreate(t *testing.T, d stream.Driver, name string, h *stream.Head) {
	t.Helper()
	if err := d.Create(t.Context(), name, h, nil); err != nil {
		t.Fatalf("Create(%q): %v", name, err)
	}
}

// wantStored fails unless the stored head is as wanted.
func wantStored(t *testing.T, d stream.Driver, name string, want *stream.Head) {
	t.Helper()
	h, err := d.Head(t.Context(), name, stream.Strong)
	if want == nil {
		if !errors.Is(err, stream.ErrNoHead) {
			t.Fatalf("Head(%q) = %+v, %v, want ErrNoHead", name, h, err)
		}
		return
	}
	if err != nil {
		t.Fatalf("Head(%q): %v", name, err)
	}
	if diff := diffHeads(h, want); diff != "" {
		t.Fatalf("Head(%q):\n%s", name, diff)
	}
}

// wantRefused fails unless err is a refusal with the head that is stored, and
// nothing was changed.
func wantRefused(t *testing.T, d stream.Driver, name string, err error, stored *stream.Head) {
	t.Helper()
	var refused *stream.RefusedError
	if !errors.As(err, &refused) {
		t.Fatalf("got %v, want a refusal", err)
	}
	if errors.Is(err, stream.ErrNotApplied) {
		t.Fatalf("%v is both refused and not applied", err)
	}
	if diff := diffHeads(refused.Head, stored); diff != "" {
		t.Fatalf("head in the refusal:\n%s", diff)
	}
	wantStored(t, d, name, stored)
}

// sorted returns a sorted copy.
func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}
