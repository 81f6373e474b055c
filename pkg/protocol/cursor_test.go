package protocol

import (
	"math"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

func TestCursor(t *testing.T) {
	k := newKit(t)
	at := func(segment, position uint64) stream.Offset {
		return stream.Offset{Segment: segment, Position: position}
	}
	for _, c := range []struct {
		client string
		at     stream.Offset
		want   uint64
	}{
		{"", at(0, 0), 1000},
		{"", at(7, 7), 1000},
		{"999", at(0, 5), 1000},
		{"0", at(0, 5), 1000},
		{"1000", at(0, 0), 1001},
		{"1000", at(0, 1), 1001},
		{"1000", at(0, 5), 1005},
		{"1004", at(0, 5), 1005},
		{"1005", at(0, 5), 1006},
		{"1000", at(2, 5), 1000 + 2<<24 + 5},
		{"1000", at(0, 1<<40), 1000 + 1<<24 - 1},
		{"1000", at(math.MaxUint64, 5), 1000 + 1<<52},
		{"9007199254740991", at(0, 5), 9007199254740992},
		{"9007199254740992", at(0, 5), 1000},
		{"18446744073709551615", at(0, 5), 1000},
		{"99999999999999999999999999", at(0, 5), 1000},
		{"-5", at(0, 5), 1000},
		{"1000abc", at(0, 5), 1000},
		{" 1000", at(0, 5), 1000},
	} {
		if got := k.cursor(c.client, c.at); got != c.want {
			t.Errorf("after %q at %v the cursor is %d, want %d", c.client, c.at, got, c.want)
		}
	}
	k.clock.pass(13 * time.Second)
	if got := k.cursor("", at(0, 0)); got != 1001 {
		t.Errorf("at the next interval the cursor is %d, want 1001", got)
	}
	k.clock.pass(-300 * 24 * time.Hour)
	if got := k.cursor("", at(0, 0)); got != 0 {
		t.Errorf("before the epoch the cursor is %d, want 0", got)
	}
}

// Readers who come at different times, and poll one after another, ask for few different
// URLs: all who follow have met after two events, whenever they came.
func TestCursorsMeet(t *testing.T) {
	k := newKit(t)
	rapid.Check(t, func(t *rapid.T) {
		k.clock.now = epoch
		readers := map[string]int{} // cursor -> how many readers have it
		seen := 0
		var tail stream.Offset
		event := func() {
			k.clock.pass(time.Duration(rapid.IntRange(0, 30_000).Draw(t, "ms")) * time.Millisecond)
			tail.Position += rapid.Uint64Range(1, 5).Draw(t, "records")
			if rapid.IntRange(0, 9).Draw(t, "segment ends") == 0 {
				tail = stream.Offset{Segment: tail.Segment + 1, Position: 1}
			}
			next := map[string]int{}
			for cursor, n := range readers {
				next[formatCursor(k.cursor(cursor, tail))] += n
			}
			readers, seen = next, seen+1
		}
		for range rapid.IntRange(1, 40).Draw(t, "events") {
			readers[""] += rapid.IntRange(0, 3).Draw(t, "new readers")
			event()
			// Those who have the number of the interval, and those who had it before the event
			// and went on from the offset.
			if len(readers) > 2 {
				t.Fatalf("after %d events the readers have cursors %v", seen, readers)
			}
		}
	})
}

// A cursor never goes back, and never comes to a standstill.
func FuzzCursor(f *testing.F) {
	f.Add("1000", uint64(0), uint64(0), int64(0))
	f.Add("9007199254740991", uint64(1)<<60, uint64(5), int64(1<<40))
	f.Add("x", uint64(5), uint64(5), int64(-1<<60))
	k := newKit(f)
	f.Fuzz(func(t *testing.T, client string, segment, position uint64, after int64) {
		at := stream.Offset{Segment: segment, Position: position}
		k.clock.now = epoch.Add(time.Duration(after))
		got := k.cursor(client, at)
		plain := k.cursor("", at)
		if got < plain {
			t.Fatalf("cursor %d is behind the clock's %d", got, plain)
		}
		n, err := strconv.ParseUint(client, 10, 64)
		if err == nil && n <= maxSafeInteger && client[0] != '+' && got <= n {
			t.Fatalf("after %s the cursor is %d", client, got)
		}
		if got > math.MaxInt64 {
			t.Fatalf("cursor %d overflows", got)
		}
	})
}
