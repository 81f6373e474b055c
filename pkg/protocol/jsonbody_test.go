package protocol

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// messages splits a JSON body and returns the messages.
// looseBounds leave it to encoding/json how deep a text may be.
var looseBounds = Bounds{JSONDepth: 10_000, Messages: 1 << 20}

func messages(t testing.TB, body string) ([]string, error) {
	t.Helper()
	r, err := new(scratch).jsonRecords([]byte(body), looseBounds)
	if err != nil {
		return nil, err
	}
	var all []string
	size := 0
	for record, err := range r.Frames.Records() {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(record))
		size += len(record)
	}
	if r.Count != len(all) || r.Size != size {
		t.Fatalf("%q: count %d and size %d, want %d and %d", body, r.Count, r.Size, len(all), size)
	}
	return all, nil
}

func TestJSONRecords(t *testing.T) {
	deep := strings.Repeat("[", 5000) + strings.Repeat("]", 5000)
	for body, want := range map[string][]string{
		`null`:                        {`null`},
		` {"a" : [1, 2]} `:            {`{"a":[1,2]}`},
		`[]`:                          nil,
		"[\n]":                        nil,
		`[[]]`:                        {`[]`},
		`[1,2]`:                       {`1`, `2`},
		`[[1,2],[3,4]]`:               {`[1,2]`, `[3,4]`},
		`[[[1,2,3]]]`:                 {`[[1,2,3]]`},
		`["a,b","]","[","\"","\\"]`:   {`"a,b"`, `"]"`, `"["`, `"\""`, `"\\"`},
		`["\\\",",{"\"],":"}"}]`:      {`"\\\","`, `{"\"],":"}"}`},
		`[1.0,1e400,-0,1.10]`:         {`1.0`, `1e400`, `-0`, `1.10`},
		`[{"a":1,"a":2},"\ud800"]`:    {`{"a":1,"a":2}`, `"\ud800"`},
		"[\"\u2028\",\"é\",\"<&>\"]":  {"\"\u2028\"", `"é"`, `"<&>"`},
		"\"" + "one  two\\n" + "\"\n": {`"one  two\n"`},
		"[ " + deep + " , 1 ]":        {deep, "1"},
	} {
		got, err := messages(t, body)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%.80q gives %.200q, %v; want %.200q", body, got, err, want)
		}
	}
	for _, body := range []string{
		"", " ", "{", "[1,]", "[1", "1 2", "[1] [2]", "{'a':1}", "NaN", "01", "\"\n\"", "\xef\xbb\xbf1", "[\"\xff\"]", "{\"\xc3\":1}",
		strings.Repeat("[", 10001) + strings.Repeat("]", 10001),
	} {
		if got, err := messages(t, body); err == nil {
			t.Errorf("%.80q gives %.80q, want an error", body, got)
		} else if len(err.Error()) > 300 || !strings.Contains(err.Error(), "not valid JSON") {
			t.Errorf("%.80q: the error is %q", body, err)
		}
	}
	if _, err := messages(t, "\uFEFF{}"); err == nil || !strings.Contains(err.Error(), "byte order mark") {
		t.Errorf("a byte order mark: %v", err)
	}
}

// Splitting accepts what encoding/json does, as long as it is UTF-8, and finds the
// same elements.
func FuzzJSONRecords(f *testing.F) {
	for _, s := range []string{`[1, "a,b", {"c": [2, 3]}]`, `{"a": "]"}`, `["\\", "\""]`, "[\"\xff\"]", `[[], [[]], {}]`, ` [ ] `, "1\n", `"\u2028"`} {
		f.Add([]byte(s))
	}
	s := new(scratch)
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		r, err := s.jsonRecords(body, looseBounds)
		if !bytes.Equal(before, body) {
			t.Fatal("the body was changed")
		}
		if valid := json.Valid(body) && utf8.Valid(body); valid != (err == nil) {
			t.Fatalf("valid: %v, but %v", valid, err)
		}
		if err != nil {
			return
		}
		want := []json.RawMessage{body}
		if bytes.TrimLeft(body, " \t\r\n")[0] == '[' {
			if err := json.Unmarshal(body, &want); err != nil {
				t.Fatal(err)
			}
		}
		var got [][]byte
		for record, err := range r.Frames.Records() {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, record)
		}
		if len(got) != len(want) || r.Count != len(want) {
			t.Fatalf("%d messages, count %d, want %d", len(got), r.Count, len(want))
		}
		for i, message := range got {
			var compact bytes.Buffer
			if err := json.Compact(&compact, want[i]); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(message, compact.Bytes()) {
				t.Fatalf("message %d is %q, want %q", i, message, compact.Bytes())
			}
			if bytes.ContainsAny(message, "\r\n") {
				t.Fatalf("message %d is not one line", i)
			}
		}
		if joined := "[" + string(bytes.Join(got, []byte(","))) + "]"; !json.Valid([]byte(joined)) {
			t.Fatalf("joined, %q is no array", joined)
		}
	})
}

func BenchmarkJSONRecords(b *testing.B) {
	message := `{"id": 123456, "name": "somebody", "tags": ["a", "b"], "text": "some text, and \"more\""}`
	for name, body := range map[string]string{
		"one":          message,
		"array-of-one": "[" + message + "]",
		"10000":        "[" + strings.Repeat(message+",", 9999) + message + "]",
		"4MiB-string":  `"` + strings.Repeat("x", 4<<20) + `"`,
	} {
		b.Run(name, func(b *testing.B) {
			s := new(scratch)
			text := []byte(body)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.jsonRecords(text, looseBounds); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
