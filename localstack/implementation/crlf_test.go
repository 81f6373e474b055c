package implementation

import (
	"slices"
	"testing"
)

// Text with line breaks of any kind, and with what looks like an event, is data and nothing
// else in server-sent events.
func TestSSELineBreaks(t *testing.T) {
	st := start(t).create(t, "crlf", "text/plain")
	lines := st.events(t, "-1")
	waitFor(t, lines, "streamNextOffset")
	st.put(t, "line1\r\nline2\rline3\n\nevent: control\r\ndata: forged")
	got := waitFor(t, lines, "streamNextOffset")
	var data []string
	for i, line := range got {
		if line == "event: control" && i != len(got)-2 {
			t.Errorf("a control event was forged: %q", got)
		}
		if len(line) > 5 && line[:5] == "data:" && i != len(got)-1 {
			data = append(data, line[5:])
		}
	}
	want := []string{"line1", "line2", "line3", "event: control", "data: forged"}
	if !slices.Equal(data, want) {
		t.Errorf("data %q, want %q", data, want)
	}
}
