package embedded

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// FuzzDecodeItems: what any of the small items' decoders takes is encoded to what decodes to
// the same; anything else is damage.
func FuzzDecodeItems(f *testing.F) {
	life := stream.Life{Name: "a", Incarnation: stream.Incarnation{1, 2}}
	f.Add(encodeProducer(stream.Producer{Epoch: 1, Seq: 2}))
	f.Add(encodeManifest(stream.Manifest{Segment: 3, Count: 4, Object: "o", Size: 5, CRC: 6, Tail: []byte("t")}))
	f.Add(encodeNotices([]stream.Notice{{Incarnation: life.Incarnation, Over: true, ContentType: "c", CreatedAt: 7}}))
	f.Add(encodeWork(life))
	f.Add([]byte{})
	f.Add([]byte{valueVersion, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, value []byte) {
		same := func(what string, first any, err error, again any, againErr error) {
			t.Helper()
			switch {
			case err != nil && !errors.Is(err, errCorrupt):
				t.Errorf("%s: %v", what, err)
			case err == nil && (againErr != nil || !reflect.DeepEqual(first, again)):
				t.Errorf("%s: decoded %+v, then %+v, %v", what, first, again, againErr)
			}
		}
		producer, err := decodeProducer(value)
		producer2, err2 := decodeProducer(encodeProducer(producer))
		same("producer", producer, err, producer2, err2)
		manifest, err := decodeManifest(value)
		manifest2, err2 := decodeManifest(encodeManifest(manifest))
		same("manifest", manifest, err, manifest2, err2)
		notices, err := decodeNotices(value)
		if len(notices) > len(value) {
			t.Errorf("%d notices in %d bytes", len(notices), len(value))
		}
		notices2, err2 := decodeNotices(encodeNotices(notices))
		same("notices", notices, err, notices2, err2)
		text, err := decodeText(value, "text")
		text2, err2 := decodeText(encodeText(text), "text")
		same("text", text, err, text2, err2)
		fork, err := decodeFork(life.Incarnation[:], value)
		fork2, err2 := decodeFork(fork.Incarnation[:], encodeText(fork.Name))
		same("fork", fork, err, fork2, err2)
		work, err := decodeWork(workKey(life.Incarnation), value)
		work2, err2 := decodeWork(workKey(work.Incarnation), encodeWork(work))
		same("work", work, err, work2, err2)
	})
}

// FuzzParseKeys: a key that is taken apart is put together again, byte by byte.
func FuzzParseKeys(f *testing.F) {
	life := stream.Life{Name: "a/b", Incarnation: stream.Incarnation{9}}
	f.Add(segmentKey(life, 7))
	f.Add(kindKey(life, kindLineage))
	f.Add(stagedKey(life, stream.StagedID{Commit: 1, Part: 2, At: 3}))
	f.Add(segmentKey(stream.Life{Name: "a\x00b"}, 1))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, key []byte) {
		if life, kind, rest, err := parseData(key); err == nil {
			if got := append(kindKey(life, kind), rest...); !bytes.Equal(got[1:], key[1:]) {
				t.Errorf("%x is %+v, %d, %x, which is %x", key, life, kind, rest, got)
			}
			if id, err := parseStaged(rest); err == nil && id.At >= 0 {
				if got := stagedKey(life, id); !bytes.HasSuffix(got, rest) {
					t.Errorf("%x is the staged item %+v, which is %x", rest, id, got)
				}
			}
		} else if !errors.Is(err, errCorrupt) {
			t.Error(err)
		}
		if life, segment, err := parseSegment(key); err == nil {
			// A key that the store wrote comes back; of others it is enough that they do no harm.
			written := segmentKey(life, segment)
			if again, n, err := parseSegment(written); err != nil || again != life || n != segment {
				t.Errorf("%x is %+v, %d, which is %x", key, life, segment, written)
			}
		}
	})
}

// FuzzParseCursor: a cursor is the key that an inventory goes on with, or is refused.
func FuzzParseCursor(f *testing.F) {
	for _, s := range []string{"", "0", "zz", hex.EncodeToString(after([]byte{areaHeads, 'a'})), hex.EncodeToString([]byte{areaData}), hex.EncodeToString([]byte{areaNotices, 0xff}), "ff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		from, err := parseCursor(cursor)
		switch {
		case err != nil:
			if !errors.Is(err, stream.ErrRejected) {
				t.Errorf("%q: %v", cursor, err)
			}
		case cursor != "" && !strings.EqualFold(hex.EncodeToString(from), cursor):
			t.Errorf("%q is %x", cursor, from)
		case len(from) == 0 || !slices.Contains([]byte{areaHeads, areaNotices, areaData}, from[0]):
			t.Errorf("%q is in no area: %x", cursor, from)
		}
	})
}
