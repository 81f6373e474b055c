package protocol

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// event is an event as the script of an EventSource gets it.
type event struct{ kind, data, lastID string }

// parseEvents reads an event stream as the HTML standard says.
func parseEvents(t testing.TB, s string) (events []event) {
	t.Helper()
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	var kind, id string
	var data []string
	for line := range strings.SplitSeq(s, "\n") {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			if data != nil {
				events = append(events, event{kind, strings.Join(data, "\n"), id})
			}
			kind, data = "", nil
		case name == "event":
			kind = value
		case name == "data":
			data = append(data, value)
		case name == "id":
			id = value
		default:
			t.Fatalf("unexpected line %q", line)
		}
	}
	if data != nil || kind != "" {
		t.Fatal("the last event is not complete")
	}
	return events
}

// pageOf returns a page with records of a content type, as the log makes it. The
// stream is there only for that.
func pageOf(t testing.TB, k *kit, contentType string, records ...string) *stream.Page {
	t.Helper()
	c := &stream.Create{Config: stream.Config{ContentType: contentType}}
	for _, r := range records {
		c.Records.Add([]byte(r))
	}
	if _, _, err := k.log.Create(t.Context(), "s", c); err != nil {
		t.Fatal(err)
	}
	p, err := k.log.Read(t.Context(), "s", stream.Start())
	if err != nil {
		t.Fatal(err)
	}
	if err := k.log.Delete(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	return p
}

// normal is what is left of a text in an event stream: every line break is LF.
func normal(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

func TestTextEvent(t *testing.T) {
	k := newKit(t)
	for _, records := range [][]string{
		{"hello"}, {"line1\nline2"}, {"a\r\nb\rc\n"}, {"\n"}, {"\n\n"}, {" leading", " and\n  inner spaces"},
		{"a\r", "\nb"}, {"a\r", "b"}, {"a\n", " b"}, {"a", "\r\n"}, {"event: control\ndata:{}\n\nid: 1"}, {":comment"}, {"\xc3", "\xa9"}, {"\x00"},
	} {
		text := strings.Join(records, "")
		b := appendDataEvent(nil, pageOf(t, k, "text/plain", records...), true)
		events := parseEvents(t, string(b))
		if len(events) != 1 || events[0] != (event{kind: "data", data: normal(text)}) {
			t.Errorf("%q became %q", records, events)
		}
	}
}

// Whatever is appended, in whatever pieces, a reader of the events gets it back:
// text up to line breaks, bytes exactly.
func FuzzDataEvent(f *testing.F) {
	f.Add("hello\nworld", "\r\n", true)
	f.Add("a\r", "\n b", true)
	f.Add("data: x\n\nevent: control", "\x00\xff", false)
	f.Add(" ", "\n \n", true)
	k := newKit(f)
	f.Fuzz(func(t *testing.T, first, second string, text bool) {
		if first == "" || second == "" {
			return
		}
		contentType := "image/png"
		if text {
			contentType = "text/html"
		}
		b := appendDataEvent(nil, pageOf(t, k, contentType, first, second), text)
		b = append(b, "event: control\ndata:{}\n\n"...)
		events := parseEvents(t, string(b))
		if len(events) != 2 || events[0].kind != "data" || events[1] != (event{kind: "control", data: "{}"}) {
			t.Fatalf("events %q", events)
		}
		got := events[0].data
		if !text {
			plain, err := base64.StdEncoding.DecodeString(got)
			if err != nil || string(plain) != first+second {
				t.Fatalf("%q gives %q, %v", got, plain, err)
			}
			return
		}
		if got != normal(first+second) {
			t.Fatalf("%q became %q", first+second, got)
		}
	})
}

func TestIsText(t *testing.T) {
	for contentType, want := range map[string]bool{
		"text/plain": true, "Text/HTML; charset=utf-8": true, "application/json": true, "application/JSON;x=y": true,
		"application/octet-stream": false, "application/ndjson": false, "image/png": false, "application/x-protobuf": false, "textile/x": false,
	} {
		if got := isText(contentType); got != want {
			t.Errorf("%s is text: %v", contentType, got)
		}
	}
}

func BenchmarkDataEvent(b *testing.B) {
	for _, contentType := range []string{"application/json", "text/plain", "image/png"} {
		b.Run(contentType, func(b *testing.B) {
			records := make([]string, 1000)
			for i := range records {
				records[i] = `{"id":123456,"name":"somebody","text":"some text, and more"}`
			}
			p, text := pageOf(b, newKit(b), contentType, records...), isText(contentType)
			var out []byte
			b.SetBytes(int64(p.Size))
			b.ReportAllocs()
			for b.Loop() {
				out = appendDataEvent(out[:0], p, text)
			}
		})
	}
}
