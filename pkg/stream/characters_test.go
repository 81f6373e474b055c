package stream_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// whole reads on from an offset to the tail, and returns what the pages that are made of the
// stream's own say: "<records joined> <next>", and "…" if it is not up to date.
func whole(t *testing.T, l *stream.Log, c *stream.Characters, from stream.Offset) (said []string, end stream.Offset) {
	t.Helper()
	for {
		p, err := l.Read(t.Context(), name, stream.At(from))
		if err != nil {
			t.Fatal(err)
		}
		w := c.Whole(p)
		s := fmt.Sprintf("%q %v", strings.Join(pageRecords(t, w), ""), w.Next)
		if !w.UpToDate() {
			s += " …"
		}
		said = append(said, s)
		if p.UpToDate() {
			return said, p.Next
		}
		from = p.Next
	}
}

// Each step is an append, and what the next page is then.
func TestCharacters(t *testing.T) {
	says := func(text string, segment, position uint64) []string {
		return []string{fmt.Sprintf("%q %v", text, stream.Offset{Segment: segment, Position: position})}
	}
	type step struct {
		append string
		want   []string
	}
	for name, c := range map[string]struct {
		segment int
		steps   []step
	}{
		"whole":                     {100, []step{{"aé", says("aé", 0, 3)}, {"b", says("b", 0, 4)}}},
		"two bytes":                 {100, []step{{"a\xc3", says("a", 0, 1)}, {"\xa9b", says("éb", 0, 4)}}},
		"nothing but a beginning":   {100, []step{{"\xc3", says("", 0, 0)}, {"\xa9", says("é", 0, 2)}}},
		"byte by byte":              {100, []step{{"a", says("a", 0, 1)}, {"\xf0", says("", 0, 1)}, {"\x9f", says("", 0, 1)}, {"\x98", says("", 0, 1)}, {"\x80", says("😀", 0, 5)}}},
		"torn twice":                {100, []step{{"\xe2\x82", says("", 0, 0)}, {"\xac\xc3", says("€", 0, 3)}, {"\xa9", says("é", 0, 5)}}},
		"it was no character":       {100, []step{{"\xe2\x82", says("", 0, 0)}, {"a", says("\xe2\x82a", 0, 3)}}},
		"another one begins":        {100, []step{{"\xe2\x82", says("", 0, 0)}, {"\xc3", says("\xe2\x82", 0, 2)}, {"\xa9", says("é", 0, 4)}}},
		"what cannot be one":        {100, []step{{"\xff", says("\xff", 0, 1)}, {"\x80\x80", says("\x80\x80", 0, 3)}, {"\xc0", says("\xc0", 0, 4)}, {"\xed\xa0", says("\xed\xa0", 0, 6)}, {"\xf5", says("\xf5", 0, 7)}}},
		"a segment for each append": {1, []step{{"a", says("a", 0, 1)}, {"\xf0", says("", 0, 1)}, {"\x9f", says("", 0, 1)}, {"\x98", says("", 0, 1)}, {"\x80", says("😀", 4, 1)}}},
		"torn where a segment ends": {1, []step{{"ab\xe2", says("ab", 0, 2)}, {"\x82\xacc\xc3", says("€c", 1, 3)}, {"\xa9", says("é", 2, 1)}}},
	} {
		lim := stream.DefaultLimits()
		lim.SegmentCount = c.segment
		l, _ := open(t, lim)
		create(t, l)
		var chars stream.Characters
		var at stream.Offset
		for i, s := range c.steps {
			put(t, l, text(s.append))
			var said []string
			if said, at = whole(t, l, &chars, at); !slices.Equal(said, s.want) {
				t.Errorf("%s: after append %d: %q, want %q", name, i, said, s.want)
			}
		}
	}
}

// All that is torn was appended before it is read: places within a page.
func TestCharactersInOnePage(t *testing.T) {
	for _, c := range []struct {
		segment int
		appends []string
		want    string
		next    stream.Offset
	}{
		{100, []string{"ab", "\xe2", "\x82"}, "ab", at(0, 2)},
		{1, []string{"ab", "\xe2", "\x82"}, "ab", at(0, 2)},
		{2, []string{"ab", "\xf0", "\x9f", "\x98"}, "ab", at(0, 2)},
		{2, []string{"a", "b\xf0", "\x9f", "\x98"}, "ab", at(0, 2)},
		{2, []string{"a", "b", "\xf0", "\x9f", "\x98"}, "ab", at(0, 2)},
		{2, []string{"a", "b", "c\xf0", "\x9f", "\x98"}, "abc", at(1, 1)},
		{1, []string{"\xe2", "\x82"}, "", at(0, 0)},
	} {
		lim := stream.DefaultLimits()
		lim.SegmentCount = c.segment
		l, _ := open(t, lim)
		create(t, l)
		for _, a := range c.appends {
			put(t, l, text(a))
		}
		want := []string{fmt.Sprintf("%q %v", c.want, c.next)}
		if said, _ := whole(t, l, new(stream.Characters), stream.Offset{}); !slices.Equal(said, want) {
			t.Errorf("%q in segments of %d: %q, want %q", c.appends, c.segment, said, want)
		}
	}
}

// At the end of a closed stream there is no rest to wait for.
func TestCharactersOfAClosedStream(t *testing.T) {
	l, _ := open(t, stream.DefaultLimits())
	create(t, l)
	put(t, l, text("a\xc3"))
	var chars stream.Characters
	_, tail := whole(t, l, &chars, stream.Offset{})
	put(t, l, text("", closing))
	for _, c := range []struct {
		chars *stream.Characters
		from  stream.Offset
		want  string
	}{{&chars, tail, "\xc3"}, {new(stream.Characters), stream.Offset{}, "a\xc3"}, {new(stream.Characters), at(0, 1), "\xc3"}, {new(stream.Characters), tail, ""}} {
		want := []string{fmt.Sprintf("%q %v", c.want, tail)}
		if said, _ := whole(t, l, c.chars, c.from); !slices.Equal(said, want) {
			t.Errorf("from %v: %q, want %q", c.from, said, want)
		}
	}
}

// Messages are whole, whatever their bytes are.
func TestCharactersOfMessages(t *testing.T) {
	l, _ := open(t, stream.DefaultLimits())
	create(t, l, stream.Create{Config: stream.Config{ContentType: "application/json"}})
	put(t, l, messages("\"\xc3"))
	p, err := l.Read(t.Context(), name, stream.Start())
	if err != nil {
		t.Fatal(err)
	}
	if w := new(stream.Characters).Whole(p); w != p {
		t.Errorf("it is %q", pageRecords(t, w))
	}
}

// Who shares a page shares what is made of it, if it has to be made; and what ends with a
// character costs nothing.
func TestCharactersAreShared(t *testing.T) {
	l, _ := open(t, stream.DefaultLimits())
	create(t, l)
	put(t, l, text("é\xc3"))
	p, err := l.Read(t.Context(), name, stream.Start())
	if err != nil {
		t.Fatal(err)
	}
	if one, other := new(stream.Characters).Whole(p), new(stream.Characters).Whole(p); one != other || one == p {
		t.Error("two readers have pages of their own")
	}
	// But who comes in the middle of a character has another page of it.
	var chars, late stream.Characters
	chars.Whole(p)
	put(t, l, text("\xa9\xc3"))
	if p, err = l.Read(t.Context(), name, stream.At(p.Next)); err != nil {
		t.Fatal(err)
	}
	for c, want := range map[*stream.Characters]string{&chars: "é", &late: "\xa9"} {
		if got := strings.Join(pageRecords(t, c.Whole(p)), ""); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	put(t, l, text("\xa9"))
	if p, err = l.Read(t.Context(), name, stream.Start()); err != nil {
		t.Fatal(err)
	}
	chars = stream.Characters{}
	if n := testing.AllocsPerRun(100, func() {
		if chars.Whole(p) != p {
			t.Error("a whole page was made again")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// However text is appended and laid out, its pages end with whole characters, have all of it
// once, and say where the next one begins.
func TestCharactersProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lim := stream.DefaultLimits()
		lim.SegmentCount = rapid.IntRange(1, 6).Draw(t, "SegmentCount")
		lim.PageSize = rapid.IntRange(1, 12).Draw(t, "PageSize")
		lim.FlushCount = 1
		l, err := stream.New(newStore(), stream.Options{Limits: lim})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := l.Create(t.Context(), name, &stream.Create{Config: stream.Config{ContentType: "text/plain"}}); err != nil {
			t.Fatal(err)
		}
		all := rapid.StringOfN(rapid.RuneFrom([]rune("aé€😀")), 1, 12, -1).Draw(t, "text")
		m := &model{unit: stream.Bytes}
		var chars stream.Characters
		var from stream.Offset
		shown := ""
		for rest := all; rest != ""; {
			n := rapid.IntRange(1, min(5, len(rest))).Draw(t, "append")
			r, err := l.Append(t.Context(), name, text(rest[:n]))
			if err != nil {
				t.Fatal(err)
			}
			m.add([]string{rest[:n]}, r.Tail)
			if rapid.Bool().Draw(t, "flush") {
				if err := l.Flush(t.Context(), name, stream.Appended{}); err != nil {
					t.Fatal(err)
				}
			}
			if rest = rest[n:]; rest != "" && rapid.Bool().Draw(t, "unread") {
				continue
			}
			for more := true; more; {
				p, err := l.Read(t.Context(), name, stream.At(from))
				if err != nil {
					t.Fatal(err)
				}
				w := chars.Whole(p)
				got := ""
				for r := range w.Records() {
					got += string(r)
				}
				if shown+m.from(w.From) != strings.Join(m.units, "") {
					t.Fatalf("%q was shown, and the next page begins at %v", shown, w.From)
				}
				shown += got
				if !utf8.ValidString(got) || len(got) != w.Size || (w.Count > 0) != (got != "") {
					t.Fatalf("a page of %d records and %d bytes has %q", w.Count, w.Size, got)
				}
				if after := m.from(w.Next); shown+after != strings.Join(m.units, "") {
					t.Fatalf("%q was shown, and %q follows %v", shown, after, w.Next)
				}
				if w.UpToDate() != p.UpToDate() {
					t.Fatalf("up to date: %v, of a page that is %v", w.UpToDate(), p.UpToDate())
				}
				from, more = p.Next, !p.UpToDate()
			}
		}
		if shown != all {
			t.Fatalf("shown is %q of %q", shown, all)
		}
	})
}
