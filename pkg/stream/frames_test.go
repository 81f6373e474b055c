package stream_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// unframe returns the records of f, and the error that ends them.
func unframe(f stream.Frames) (all []string, err error) {
	for r, rerr := range f.Records() {
		if rerr != nil {
			if r != nil {
				return all, errors.New("an error came with data")
			}
			return all, rerr
		}
		all = append(all, string(r))
	}
	return all, nil
}

func TestFramesLayout(t *testing.T) {
	f := stream.AppendFrame(nil, []byte("ab"))
	f = stream.AppendFrame(f, nil)
	f = stream.AppendFrame(f, bytes.Repeat([]byte("c"), 258))
	want := "\x00\x00\x00\x02ab" + "\x00\x00\x00\x00" + "\x00\x00\x01\x02" + strings.Repeat("c", 258)
	if string(f) != want {
		t.Errorf("frames are %q", f)
	}
}

func TestFramesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.String()).Draw(t, "records")
		var f stream.Frames
		for _, r := range want {
			f = stream.AppendFrame(f, []byte(r))
		}
		got, err := unframe(f)
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%q, %v", got, err)
		}
	})
}

// A record must not be able to reach the one behind it.
func TestFramesRecordsDoNotShareRoom(t *testing.T) {
	f := records("one", "two").Frames
	for r := range f.Records() {
		_ = append(r, "!!!!!!!"...)
	}
	if got, err := unframe(f); err != nil || !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestFramesStopEarly(t *testing.T) {
	n := 0
	for range records("one", "two", "three").Frames.Records() {
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d records", n)
	}
}

// A run that is cut anywhere but between records ends in an error, after the
// whole records before the cut.
func TestFramesTorn(t *testing.T) {
	whole := []string{"one", "", "three", "x"}
	var f stream.Frames
	ends := []int{0}
	for _, r := range whole {
		f = stream.AppendFrame(f, []byte(r))
		ends = append(ends, len(f))
	}
	for cut := range len(f) {
		got, err := unframe(f[:cut])
		n, between := slices.BinarySearch(ends, cut)
		if !between {
			n--
		}
		if !slices.Equal(got, whole[:n]) || (err == nil) != between || !between && !errors.Is(err, stream.ErrTornFrames) {
			t.Errorf("cut at %d: %q, %v", cut, got, err)
		}
	}
	if got, err := unframe(stream.Frames("\xff\xff\xff\xffdata")); len(got) != 0 || !errors.Is(err, stream.ErrTornFrames) {
		t.Errorf("a length far beyond the end: %q, %v", got, err)
	}
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte(records("one", "two").Frames))
	f.Add([]byte("\x00\x00\x00\x05torn"))
	f.Add([]byte("\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := unframe(b)
		var again stream.Frames
		for _, r := range all {
			again = stream.AppendFrame(again, []byte(r))
		}
		switch {
		case err == nil && !bytes.Equal(again, b):
			t.Fatalf("%q reads as %q", b, all)
		case err != nil && !errors.Is(err, stream.ErrTornFrames):
			t.Fatal(err)
		case err != nil && (len(again) >= len(b) || !bytes.HasPrefix(b, again)):
			t.Fatalf("%q reads as %q before the tear", b, all)
		}
	})
}

func TestRecordsMeasures(t *testing.T) {
	r := records("one", "three")
	if r.Count != 2 || r.Size != 8 || len(r.Frames) != 16 {
		t.Errorf("%+v", r)
	}
}

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		why     string
		unit    stream.Unit
		records []string
		max     int
		want    [][]string
	}{
		{"what fits is one part", stream.Bytes, []string{"abc", "de"}, 5, [][]string{{"abc", "de"}}},
		{"records that fit stay whole", stream.Bytes, []string{"abc", "de"}, 4, [][]string{{"abc"}, {"de"}}},
		{"a long text is cut", stream.Bytes, []string{"abcdefg"}, 3, [][]string{{"abc"}, {"def"}, {"g"}}},
		{"what is left of it shares a part", stream.Bytes, []string{"abcd", "ef"}, 3, [][]string{{"abc"}, {"d", "ef"}}},
		{"it is not cut inside a character", stream.Bytes, []string{"aé€"}, 4, [][]string{{"aé"}, {"€"}}},
		{"messages are never cut", stream.Messages, []string{"1", "22222", "3", "4"}, 2, [][]string{{"1"}, {"22222"}, {"3", "4"}}},
		{"messages fill parts", stream.Messages, []string{"11", "22", "3"}, 4, [][]string{{"11", "22"}, {"3"}}},
	} {
		var got [][]string
		for _, part := range records(c.records...).Split(c.unit, c.max) {
			all, err := unframe(part.Frames)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, all)
		}
		if !slices.EqualFunc(got, c.want, slices.Equal) {
			t.Errorf("%s: %q", c.why, got)
		}
	}
}

func TestSplitKeepsEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.StringN(1, 12, -1), 1, 8).Draw(t, "records")
		unit := rapid.SampledFrom([]stream.Unit{stream.Bytes, stream.Messages}).Draw(t, "unit")
		max := rapid.IntRange(1, 20).Draw(t, "max")
		whole := records(all...)
		var got []string
		count, size := 0, 0
		for _, part := range whole.Split(unit, max) {
			rs, err := unframe(part.Frames)
			if err != nil {
				t.Fatal(err)
			}
			if part.Size > max && (unit == stream.Bytes || part.Count > 1) {
				t.Fatalf("a part of %d records has %d bytes, want at most %d", part.Count, part.Size, max)
			}
			if part.Count == 0 || part.Count != len(rs) || part.Size != len(strings.Join(rs, "")) {
				t.Fatalf("a part says %d records of %d bytes, has %q", part.Count, part.Size, rs)
			}
			got = append(got, rs...)
			count += part.Count
			size += part.Size
			for _, r := range rs {
				if unit == stream.Bytes && max >= utf8.UTFMax && !utf8.ValidString(r) {
					t.Fatalf("%q is cut inside a character", r)
				}
			}
		}
		if size != whole.Size || strings.Join(got, "") != strings.Join(all, "") {
			t.Fatalf("%q became %q", all, got)
		}
		if unit == stream.Messages && !slices.Equal(got, all) {
			t.Fatalf("messages %q became %q", all, got)
		}
	})
}

func TestCutText(t *testing.T) {
	for _, c := range []struct {
		text string
		max  int
		want int
	}{
		{"abc", 3, 3},
		{"abc", 9, 3},
		{"abc", 2, 2},
		{"aé", 2, 1},                       // é has two bytes
		{"a€", 3, 1},                       // € has three
		{"ab€", 4, 2},                      //
		{"a😀", 4, 1},                       // 😀 has four
		{"aé€", 3, 3},                      // a cut between characters stays
		{"😀", 3, 3},                        // nowhere to cut
		{"é", 1, 1},                        // at least one byte
		{"\x80\x80\x80\x80\x80\x80", 5, 5}, // not UTF-8: anywhere
	} {
		if got := stream.CutText([]byte(c.text), c.max); got != c.want {
			t.Errorf("CutText(%q, %d) = %d, want %d", c.text, c.max, got, c.want)
		}
	}
}

func TestCutTextIsNearMax(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := []byte(rapid.StringN(1, 20, -1).Draw(t, "text"))
		max := rapid.IntRange(1, 24).Draw(t, "max")
		n := stream.CutText(b, max)
		if n < 1 || n > max || n > len(b) || n < min(max, len(b))-3 {
			t.Fatalf("CutText(%q, %d) = %d", b, max, n)
		}
	})
}
