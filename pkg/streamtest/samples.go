package streamtest

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

func newIncarnation() (inc stream.Incarnation) {
	rand.Read(inc[:])
	return inc
}

// newCommitID returns the id of a commit that is made at sampleTime.
func newCommitID() stream.CommitID {
	var b [8]byte
	rand.Read(b[:])
	return stream.NewCommitID(sampleTime, binary.BigEndian.Uint64(b[:]))
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

// madeAt moves a batch to another time than sampleTime.
func madeAt(now time.Time, b *stream.Batch) *stream.Batch {
	b.ID, b.Now = stream.NewCommitID(now, uint64(b.ID)), now
	return b
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
