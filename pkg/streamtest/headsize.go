package streamtest

import (
	"fmt"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// testHeadSize: the size of a head is the same whenever and by whoever it is asked,
// and each entry of the buffer adds what it adds to a write, which is its records at
// least.
func testHeadSize(t *testing.T, d stream.Driver) {
	heads := map[string]*stream.Head{
		"open": openHead(), "sliding": slidingHead(90e9, sampleTime), "ending": endingHead(sampleTime), "full": fullHead(),
	}
	filled := openHead()
	l := roomy()
	for n := range uint64(20) {
		next, admitted := stream.Admit(filled, batch(plain("some text"), produced(fmt.Sprint("p", n%3), 0, n/3, "more")), l)
		if !admitted {
			t.Fatal("the rule refuses it; the test is wrong")
		}
		filled = next
	}
	heads["filled"] = filled
	for what, h := range heads {
		sizes := make([]int, 8)
		together(t, len(sizes), func(i int) error {
			if i%2 == 1 {
				sizes[i] = d.HeadSize(what, normal(h))
			} else {
				sizes[i] = d.HeadSize(what, h)
			}
			return nil
		})
		for _, size := range sizes {
			if size != sizes[0] {
				t.Fatalf("%s: sizes of the same head: %v", what, sizes)
			}
		}
		if sizes[0] < h.BufferSize {
			t.Errorf("%s: size %d, although the buffer alone has %d bytes", what, sizes[0], h.BufferSize)
		}
		for n := len(h.Buffer) - 1; n >= 0; n-- {
			e, before := h.Buffer[n], beforeLast(h)
			if growth := d.HeadSize(what, h) - d.HeadSize(what, before); growth < len(e.Frames) {
				t.Errorf("%s: entry %d, with %d bytes of frames, adds %d", what, n, len(e.Frames), growth)
			}
			h = before
		}
	}

	// What was stored is as large as what was given to be stored.
	mustCreate(t, d, "full", heads["full"])
	stored, err := d.Head(t.Context(), "full", stream.Strong)
	must(t, err)
	if got, want := d.HeadSize("full", stored), d.HeadSize("full", heads["full"]); got != want {
		t.Errorf("the stored head has size %d, the given one %d", got, want)
	}
	if stored.BufferSize != heads["full"].BufferSize {
		t.Error("HeadSize changed the head")
	}
}

// beforeLast returns a head as it was before the last entry of its buffer, as a log
// asks for its size.
func beforeLast(h *stream.Head) *stream.Head {
	before := h.Clone()
	last := len(h.Buffer) - 1
	before.Tail = h.Buffer[last].From
	before.BufferSize -= len(h.Buffer[last].Frames)
	before.Buffer = h.Buffer[:last]
	return before
}
