package implementation

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Reads begin at any offset that was handed out, and go on across the ends of segments as if
// there were none.
func TestReadsAcrossSegments(t *testing.T) {
	st := start(t).create(t, "segments", "application/json")
	const count = 38
	offsets := []string{"-1"}
	for n := 1; n <= count; n++ {
		offsets = append(offsets, st.put(t, strings.Repeat(" ", n)+strconv.Itoa(n)).next())
	}
	for after, offset := range offsets {
		if got := st.messages(t, offset); !slices.Equal(got, ints(after+1, count)) {
			t.Fatalf("from %s: %v, want those after %d", offset, got, after)
		}
	}
}

// The same for bytes, with appends that are longer than what is read of them.
func TestBytesAcrossSegments(t *testing.T) {
	st := start(t).create(t, "bytes", "text/plain")
	all := ""
	for n := range 23 {
		piece := strings.Repeat(string(rune('a'+n)), 100*n+1)
		offset := st.tail(t)
		st.put(t, piece)
		if got := st.read(t, offset); got != piece {
			t.Fatalf("the %dth append reads as %d bytes, want %d", n, len(got), len(piece))
		}
		all += piece
	}
	if got := st.read(t, "-1"); got != all {
		t.Errorf("read %d bytes, want %d", len(got), len(all))
	}
}

// Offsets grow, as strings too, while segments end and begin.
func TestOffsetsGrow(t *testing.T) {
	st := start(t).create(t, "grow", "text/plain")
	last := st.tail(t)
	for n := range 23 {
		next := st.put(t, strings.Repeat("x", n+1)).next()
		if next <= last {
			t.Fatalf("after %s comes %s", last, next)
		}
		last = next
	}
	if st.tail(t) != last {
		t.Errorf("the tail is %s, want %s", st.tail(t), last)
	}
}

// In this server the first part of an offset counts segments, the second begins again in each.
func TestSegmentsRotate(t *testing.T) {
	st := startOwn(t).create(t, "rotate", "application/json")
	for n := 1; n <= 12; n++ {
		st.put(t, strconv.Itoa(n))
	}
	if got, want := st.tail(t), "0000000000000002_0000000000000002"; got != want {
		t.Errorf("the tail is %s, want %s", got, want)
	}
	// A batch is never torn.
	if got, want := st.put(t, "[13,14,15,16,17,18]").next(), "0000000000000002_0000000000000008"; got != want {
		t.Errorf("the tail is %s, want %s", got, want)
	}
	if got, want := st.put(t, "19").next(), "0000000000000003_0000000000000001"; got != want {
		t.Errorf("the tail is %s, want %s", got, want)
	}
}
