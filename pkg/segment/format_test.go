package segment_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/segment"
)

// Objects of version 1 are stored somewhere for good. If this test fails, either undo the
// change, or it is a new version, and this one must stay readable.
//
//	go test ./pkg/segment -run TestGolden -update
var update = flag.Bool("update", false, "write the golden objects anew")

// goldenSizes has records of every relation to blocks: empty ones, some that end at or
// near a block's end, and one that spans several.
var goldenSizes = []int{
	5, 0, 0, 700, 4096 - (4 + 5 + 4 + 4 + 4 + 700) - 4, // the first block is full
	4084, 1, // there would be room for the second one's header, but for no more
	4087, 0, 17, // for less than the header
	9000, 300,
}

func TestGolden(t *testing.T) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			all := records(goldenSizes...)
			o := write(t, kind, frame(all...))
			path := filepath.Join("testdata", name+"-v1.segment")
			if *update {
				if err := os.WriteFile(path, o.bytes, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			golden, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(o.bytes, golden) {
				t.Errorf("the object is not the golden one from byte %d of %d on", differ(o.bytes, golden), len(golden))
			}
			summary, err := segment.Verify(bytes.NewReader(golden), int64(len(golden)))
			if err != nil || summary != o.summary {
				t.Errorf("the golden object is %+v, %v", summary, err)
			}
			frames, err := readAll(golden, len(o.tail), 1<<20)
			if err != nil || !bytes.Equal(frames, frame(all...)) {
				t.Errorf("the golden object has other records: %v", err)
			}
		})
	}
}

// The smallest object that shows every part, to be read along with the tables.
func TestSmallObject(t *testing.T) {
	want := `
		44535345474d4e54             magic
		00000002 6162                a record
		00000000                     an empty one
		0a 02 00 0bc08f25            block: 10 bytes, 2 frames, the first at its start
		0000000000000007             segment
		0000000000000000             first position
		0000000000000002             next position
		0000000000000002             frames
		000000000000000a             length of the data
		0000000000000007             length of the index
		00000001 00000002            blocks, kind
		2f4b19ee 4bedb279 a1f31637   CRCs of index, object, footer
		00000001 44535345474d4e54    version, magic`
	var text strings.Builder
	for line := range strings.Lines(want) {
		fields, _, _ := strings.Cut(strings.TrimSpace(line), "   ")
		text.WriteString(strings.ReplaceAll(fields, " ", ""))
	}
	o := write(t, segment.Messages, frame([]byte("ab"), nil))
	if got := hex.EncodeToString(o.bytes); got != text.String() {
		t.Errorf("the object is\n%s, not\n%s", got, text.String())
	}
}
