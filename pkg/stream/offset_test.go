package stream_test

import (
	"cmp"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

const maxPart = 9_999_999_999_999_999

func anyOffset() *rapid.Generator[stream.Offset] {
	return rapid.Custom(func(t *rapid.T) stream.Offset {
		part := rapid.OneOf(rapid.Uint64Range(0, 12), rapid.Uint64Range(0, maxPart))
		return stream.Offset{Segment: part.Draw(t, "segment"), Position: part.Draw(t, "position")}
	})
}

func TestOffsetToken(t *testing.T) {
	for _, c := range []struct {
		offset stream.Offset
		token  string
	}{
		{stream.Offset{}, "0000000000000000_0000000000000000"},
		{stream.Offset{Segment: 1, Position: 23}, "0000000000000001_0000000000000023"},
		{stream.Offset{Segment: maxPart, Position: maxPart}, "9999999999999999_9999999999999999"},
	} {
		if got := c.offset.String(); got != c.token {
			t.Errorf("%#v is %q, want %q", c.offset, got, c.token)
		}
		if got := string(c.offset.AppendText([]byte("x"))); got != "x"+c.token {
			t.Errorf("AppendText: %q", got)
		}
		if got, err := stream.ParseOffset(c.token); err != nil || got != c.offset {
			t.Errorf("ParseOffset(%q) = %v, %v", c.token, got, err)
		}
	}
}

// Section 8: lexicographically sortable, unique, persistent.
func TestOffsetOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyOffset().Draw(t, "a"), anyOffset().Draw(t, "b")
		parsed, err := stream.ParseOffset(a.String())
		if err != nil || parsed != a {
			t.Fatalf("%v reads as %v, %v", a, parsed, err)
		}
		if got, want := a.Compare(b), cmp.Compare(a.String(), b.String()); got != want {
			t.Fatalf("Compare(%v, %v) = %d, their tokens say %d", a, b, got, want)
		}
		if a.Before(b) != (a.Compare(b) < 0) {
			t.Fatalf("Before(%v, %v) = %v", a, b, a.Before(b))
		}
	})
}

func TestParseOffsetRejects(t *testing.T) {
	const zero = "0000000000000000_0000000000000000"
	for why, token := range map[string]string{
		"nothing":                 "",
		"the sentinel -1":         "-1",
		"the sentinel now":        "now",
		"numbers without padding": "0_0",
		"a digit too few":         zero[1:],
		"a digit too many":        "0" + zero,
		"a digit behind":          zero + "0",
		"another separator":       "0000000000000000-0000000000000000",
		"a separator elsewhere":   "000000000000000_00000000000000000",
		"a plus sign":             "+000000000000000_0000000000000000",
		"a minus sign":            "0000000000000000_-000000000000000",
		"a space":                 " 000000000000000_0000000000000000",
		"a newline inside":        "0000000000000000_000000000000000\n",
		"a newline behind":        zero + "\n",
		"an underscore as digit":  "0000000000000000_00000000_0000000",
		"a letter":                "0000000000000000_000000000000000a",
		"hexadecimal":             "0x00000000000000_0000000000000000",
		"the byte before 0":       "0000000000000000_000000000000000/",
		"the byte after 9":        "0000000000000000_000000000000000:",
		"digits of another kind":  "000000000000000٣_00000000000000",
		"megabytes":               strings.Repeat("9", 1<<20),
	} {
		_, err := stream.ParseOffset(token)
		if !errors.Is(err, stream.ErrBadOffset) {
			t.Errorf("%s: %v", why, err)
			continue
		}
		if len(err.Error()) > 200 {
			t.Errorf("%s: the error has %d bytes, and clients may see it", why, len(err.Error()))
		}
	}
}

// Section 8: sentinel values.
func TestParsePosition(t *testing.T) {
	at := stream.Offset{Segment: 2, Position: 7}
	for text, want := range map[string]stream.Position{
		"-1":        stream.Start(),
		"now":       stream.Now(),
		at.String(): stream.At(at),
	} {
		got, err := stream.ParsePosition(text)
		if err != nil || got != want || got.IsNow() != (text == "now") {
			t.Errorf("ParsePosition(%q) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "NOW", "Now", " now", "now ", "-2", "-01", "0", "-1\n"} {
		if _, err := stream.ParsePosition(text); !errors.Is(err, stream.ErrBadOffset) {
			t.Errorf("ParsePosition(%q): %v", text, err)
		}
	}
}

func FuzzParseOffset(f *testing.F) {
	for _, s := range []string{"-1", "now", "0000000000000001_0000000000000023", "0_0", "0000000000000001_00000000000000 3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		o, err := stream.ParseOffset(s)
		switch {
		case err != nil && !errors.Is(err, stream.ErrBadOffset):
			t.Fatalf("%q: %v", s, err)
		case err == nil && o.String() != s:
			t.Fatalf("%q reads as %v", s, o)
		case err == nil && strings.ContainsAny(s, ",&=?/"):
			t.Fatalf("%q has a byte that section 8 forbids", s)
		}
	})
}
