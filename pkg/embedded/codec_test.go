package embedded

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

func at(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// fullHead has every field set, to a value of its own.
func fullHead() *stream.Head {
	return &stream.Head{
		Incarnation:  stream.Incarnation{1, 2, 3},
		Version:      1 << 40,
		Config:       stream.Config{ContentType: "text/plain; charset=utf-8", TTL: 90 * time.Second, HasTTL: true, ExpiresAt: at(1)},
		CreatedAt:    at(2),
		UsedAt:       at(19),
		Deadline:     at(3),
		Tail:         stream.Offset{Segment: 4, Position: 5},
		SegmentCount: 6,
		SegmentSize:  7,
		Sealed:       true,
		Ended:        true,
		Compacted:    20,
		StagedAfter:  21,
		Origin:       &stream.Origin{Source: fullLineage().Source, At: stream.Offset{Segment: 22, Position: 23}, Anchor: stream.Offset{Segment: 24, Position: 25}, Sub: 26},
		Forks:        27,
		Deleted:      true,
		Closed:       true,
		ClosedBy:     stream.ProducerTag{ID: "c", Producer: stream.Producer{Epoch: 8, Seq: 9}},
		Seq:          "séq\x00",
		Producers: map[string]stream.HeldProducer{
			"p": {Producer: stream.Producer{Epoch: 10, Seq: 11}, Used: 12},
			"":  {Producer: stream.Producer{Epoch: 1<<53 - 1, Seq: 1<<53 - 1}},
		},
		Spilled: true,
		Commits: 13,
		Recent:  []stream.CommitMark{{ID: 14, Tail: stream.Offset{Segment: 15, Position: 16}}},
		Burned:  []stream.Burned{{ID: 17, At: at(18)}},
	}
}

func fullLineage() *stream.Lineage {
	return &stream.Lineage{
		Source: stream.Life{Name: "söurce/\x00", Incarnation: stream.Incarnation{28, 15: 29}},
		Ranges: []stream.Inherited{
			{Life: stream.Life{Name: "a", Incarnation: stream.Incarnation{30}}, To: stream.Offset{Segment: 31, Position: 32}},
			{Life: stream.Life{Incarnation: stream.Incarnation{15: 33}}, To: stream.Offset{Segment: 1 << 63, Position: 34}},
		},
	}
}

func TestHeadRoundTrip(t *testing.T) {
	for _, h := range []*stream.Head{{}, fullHead()} {
		got, err := decodeHead(encodeHead(h))
		if err != nil || !reflect.DeepEqual(got, h) {
			t.Errorf("got %+v, %v, want %+v", got, err, h)
		}
	}
}

func TestRunRoundTrip(t *testing.T) {
	for _, r := range []stream.Entry{
		{},
		{From: stream.Offset{Segment: 1, Position: 2}, To: stream.Offset{Segment: 3, Position: 4}, Count: 5, Size: 6, Frames: stream.Frames("frames")},
		{Staged: stream.StagedID{Commit: 1 << 63, Part: 7}},
		{Staged: stream.StagedID{Commit: 1, Object: true}},
		{Staged: stream.StagedID{Commit: 1, At: 1 << 40}},
	} {
		got, err := decodeRun(encodeRun(r))
		if err != nil || !reflect.DeepEqual(got, r) {
			t.Errorf("got %+v, %v, want %+v", got, err, r)
		}
	}
}

func TestOtherRoundTrips(t *testing.T) {
	p := stream.Producer{Epoch: 1, Seq: 1 << 52}
	if got, err := decodeProducer(encodeProducer(p)); err != nil || got != p {
		t.Errorf("producer: %+v, %v", got, err)
	}
	for _, tail := range [][]byte{nil, []byte("tail"), bytes.Repeat([]byte{0xff}, 8<<10)} {
		m := stream.Manifest{
			Segment: 1, From: stream.Offset{Position: 2}, To: stream.Offset{Segment: 1, Position: 3},
			Count: 4, Object: "segments/x", Size: 1 << 40, CRC: 1<<32 - 1, Tail: tail,
		}
		if got, err := decodeManifest(encodeManifest(m)); err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("manifest: %+v, %v", got, err)
		}
	}
	for _, l := range []*stream.Lineage{{}, fullLineage()} {
		if got, err := decodeLineage(encodeLineage(l)); err != nil || !reflect.DeepEqual(got, l) {
			t.Errorf("lineage: %+v, %v", got, err)
		}
	}
	life := stream.Life{Name: "a/b", Incarnation: stream.Incarnation{9}}
	if got, err := decodeFork(life.Incarnation[:], encodeText(life.Name)); err != nil || got != life {
		t.Errorf("fork: %+v, %v", got, err)
	}
	if got, err := decodeFork(life.Incarnation[1:], encodeText(life.Name)); !errors.Is(err, errCorrupt) {
		t.Errorf("fork under a short key: %+v, %v", got, err)
	}
	if got, err := decodeWork(workKey(life.Incarnation), encodeWork(life)); err != nil || got != life {
		t.Errorf("work: %+v, %v", got, err)
	}
	if got, err := decodeText(encodeText("ü\x00"), "cursor"); err != nil || got != "ü\x00" {
		t.Errorf("text: %q, %v", got, err)
	}
}

// Every head flag is stored by itself.
func TestHeadFlags(t *testing.T) {
	for _, h := range []*stream.Head{
		{Config: stream.Config{HasTTL: true}}, {Closed: true}, {Spilled: true}, {Sealed: true}, {Ended: true}, {Deleted: true}, {Origin: &stream.Origin{}},
	} {
		got, err := decodeHead(encodeHead(h))
		if err != nil || !reflect.DeepEqual(got, h) {
			t.Errorf("got %+v, %v, want %+v", got, err, h)
		}
	}
}

// What a key says is what it was made of.
func TestKeysSayWhoseTheyAre(t *testing.T) {
	for _, name := range []string{"", "a", "a/b", "ü ✓", string(bytes.Repeat([]byte("n"), stream.MaxName)), "\xff\xff", "\x00", "a\x00\x01\x00b\x00"} {
		for _, inc := range []stream.Incarnation{{}, {1, 2, 3}, {0: 0xff, 15: 0xff}} {
			life := stream.Life{Name: name, Incarnation: inc}
			id := stream.StagedID{At: 1 << 40, Commit: 1<<63 + 1, Part: 1 << 20}
			got, kind, rest, err := parseData(stagedKey(life, id))
			if err != nil || got != life || kind != kindStaged {
				t.Errorf("staged key of %q: %+v, %c, %v", name, got, kind, err)
			}
			if back, err := parseStaged(rest); err != nil || back != id {
				t.Errorf("staged id: %+v, %v", back, err)
			}
			got, n, err := parseSegment(segmentKey(life, 1<<40))
			if err != nil || got != life || n != 1<<40 {
				t.Errorf("index key of %q: %+v, %d, %v", name, got, n, err)
			}
		}
	}
	whole := kindKey(stream.Life{Name: "abc"}, kindChunk)
	for n := range len(whole) {
		if life, _, _, err := parseData(whole[:n]); err == nil {
			t.Errorf("%d of %d bytes of a key are read as of %+v", n, len(whole), life)
		}
	}
	for _, k := range [][]byte{{areaIndex}, []byte("l\x00short")} {
		if life, _, err := parseSegment(k); err == nil {
			t.Errorf("index key %q is read as of %+v", k, life)
		}
	}
}

// TestEnd: nothing lies between the keys that begin with k and what end returns.
func TestEnd(t *testing.T) {
	for _, c := range []struct{ k, want string }{{"a", "b"}, {"a\x00", "a\x01"}, {"a\xff", "b"}, {"a\xff\xff", "b"}, {"a\xffb", "a\xffc"}} {
		if got := end([]byte(c.k)); string(got) != c.want {
			t.Errorf("after all that begin with %q: %q, want %q", c.k, got, c.want)
		}
	}
}

// A value of another version is an error: its fields may mean something else.
func TestOtherVersionIsAnError(t *testing.T) {
	values := map[string]struct {
		value  []byte
		decode func([]byte) error
	}{
		"head":     {encodeHead(fullHead()), func(v []byte) error { _, err := decodeHead(v); return err }},
		"run":      {encodeRun(stream.Entry{Count: 1}), func(v []byte) error { _, err := decodeRun(v); return err }},
		"producer": {encodeProducer(stream.Producer{Seq: 1}), func(v []byte) error { _, err := decodeProducer(v); return err }},
		"manifest": {encodeManifest(stream.Manifest{Segment: 1}), func(v []byte) error { _, err := decodeManifest(v); return err }},
		"lineage":  {encodeLineage(fullLineage()), func(v []byte) error { _, err := decodeLineage(v); return err }},
		"fork": {encodeText("f"), func(v []byte) error {
			_, err := decodeFork(bytes.Repeat([]byte{1}, incarnationSize), v)
			return err
		}},
		"cursor": {encodeText("s"), func(v []byte) error { _, err := decodeText(v, "cursor"); return err }},
		"work": {encodeWork(stream.Life{Name: "s"}), func(v []byte) error {
			_, err := decodeWork(workKey(stream.Incarnation{1}), v)
			return err
		}},
	}
	for what, c := range values {
		for _, version := range []byte{0, valueVersion - 1, valueVersion + 1} {
			other := append([]byte{version}, c.value[1:]...)
			if err := c.decode(other); !errors.Is(err, errCorrupt) {
				t.Errorf("%s of version %d: %v", what, version, err)
			}
		}
		if err := c.decode(c.value); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A value cut anywhere is an error, never a head with some fields missing.
func TestTornHeadIsAnError(t *testing.T) {
	whole := encodeHead(fullHead())
	for n := range len(whole) {
		if h, err := decodeHead(whole[:n]); !errors.Is(err, errCorrupt) {
			t.Errorf("%d of %d bytes: %+v, %v", n, len(whole), h, err)
		}
	}
}

func TestTornManifestIsAnError(t *testing.T) {
	whole := encodeManifest(stream.Manifest{Segment: 1, Object: "o", Tail: []byte("tail")})
	for n := range len(whole) {
		if m, err := decodeManifest(whole[:n]); !errors.Is(err, errCorrupt) {
			t.Errorf("%d of %d bytes: %+v, %v", n, len(whole), m, err)
		}
	}
}

func TestTornLineageIsAnError(t *testing.T) {
	whole := encodeLineage(fullLineage())
	for n := range len(whole) {
		if l, err := decodeLineage(whole[:n]); !errors.Is(err, errCorrupt) {
			t.Errorf("%d of %d bytes: %+v, %v", n, len(whole), l, err)
		}
	}
}

func FuzzDecodeHead(f *testing.F) {
	f.Add(encodeHead(&stream.Head{}))
	f.Add(encodeHead(fullHead()))
	f.Add([]byte{})
	f.Add([]byte{1})
	f.Add([]byte{valueVersion})
	f.Fuzz(func(t *testing.T, value []byte) {
		h, err := decodeHead(value)
		if err != nil {
			return
		}
		again, err := decodeHead(encodeHead(h))
		if err != nil || !reflect.DeepEqual(again, h) {
			t.Errorf("decoded %+v, then %+v, %v", h, again, err)
		}
	})
}

func FuzzDecodeRun(f *testing.F) {
	f.Add(encodeRun(stream.Entry{Count: 1, Size: 1, Frames: stream.AppendFrame(nil, []byte("x"))}))
	f.Add(encodeRun(stream.Entry{Count: 1, Size: 1, Staged: stream.StagedID{Commit: 1 << 63, Part: 7, At: 8, Object: true}}))
	f.Add([]byte{valueVersion, 1, 1})
	f.Fuzz(func(t *testing.T, value []byte) {
		r, err := decodeRun(value)
		if err != nil {
			return
		}
		again, err := decodeRun(encodeRun(r))
		if err != nil || !bytes.Equal(again.Frames, r.Frames) || again.To != r.To || again.Staged != r.Staged {
			t.Errorf("decoded %+v, then %+v, %v", r, again, err)
		}
	})
}

func FuzzDecodeLineage(f *testing.F) {
	f.Add(encodeLineage(&stream.Lineage{}))
	f.Add(encodeLineage(fullLineage()))
	f.Add([]byte{valueVersion, 0})
	f.Fuzz(func(t *testing.T, value []byte) {
		l, err := decodeLineage(value)
		if err != nil {
			return
		}
		again, err := decodeLineage(encodeLineage(l))
		if err != nil || !reflect.DeepEqual(again, l) {
			t.Errorf("decoded %+v, then %+v, %v", l, again, err)
		}
	})
}
