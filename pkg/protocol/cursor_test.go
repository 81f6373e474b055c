package protocol

import (
	"math"
	"strconv"
	"testing"
	"time"
)

func TestCursor(t *testing.T) {
	k := newKit(t)
	jitter := int64(0)
	k.config.Jitter = func(n int64) int64 {
		if n != 3600 {
			t.Errorf("jitter below %d was asked for", n)
		}
		return jitter
	}
	for _, c := range []struct {
		client string
		jitter int64 // seconds, less one
		want   uint64
	}{
		{"", 0, 1000},
		{"999", 0, 1000},
		{"0", 0, 1000},
		{"1000", 0, 1001},
		{"1000", 19, 1001},
		{"1000", 20, 1002},
		{"1000", 3599, 1180},
		{"1200", 0, 1201},
		{"9007199254740991", 3599, 9007199254741171},
		{"9007199254740992", 3599, 1000},
		{"18446744073709551615", 3599, 1000},
		{"99999999999999999999999999", 3599, 1000},
		{"-5", 0, 1000},
		{"1000abc", 0, 1000},
		{" 1000", 0, 1000},
	} {
		jitter = c.jitter
		if got := k.cursor(c.client); got != c.want {
			t.Errorf("after %q the cursor is %d, want %d", c.client, got, c.want)
		}
	}
	k.clock.pass(13 * time.Second)
	if got := k.cursor(""); got != 1001 {
		t.Errorf("at the next interval the cursor is %d, want 1001", got)
	}
	k.clock.pass(-300 * 24 * time.Hour)
	if got := k.cursor(""); got != 0 {
		t.Errorf("before the epoch the cursor is %d, want 0", got)
	}
}

// A cursor never goes back, and never comes to a standstill.
func FuzzCursor(f *testing.F) {
	f.Add("1000", int64(0), int64(0))
	f.Add("9007199254740991", int64(3599), int64(1<<40))
	f.Add("x", int64(5), int64(-1<<60))
	k := newKit(f)
	f.Fuzz(func(t *testing.T, client string, jitter, after int64) {
		k.config.Jitter = func(n int64) int64 { return int64(uint64(jitter) % uint64(n)) }
		k.clock.now = epoch.Add(time.Duration(after))
		got := k.cursor(client)
		plain := k.cursor("")
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
