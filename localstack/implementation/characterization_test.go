package implementation

import (
	"regexp"
	"testing"
)

// A long-poll that brings nothing says where the reader is, and gives it a cursor.
func TestLongPollWithoutData(t *testing.T) {
	st := start(t).create(t, "poll", "text/plain")
	a := st.do(t, "GET", "?live=long-poll&offset="+st.tail(t), "").want(t, 204)
	for header, want := range map[string]string{
		"Stream-Cursor": "^[0-9]+$", "Stream-Next-Offset": "^" + regexp.QuoteMeta(st.tail(t)) + "$", "Stream-Up-To-Date": "^true$",
	} {
		if got := a.Header.Get(header); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s is %q, want %s", header, got, want)
		}
	}
}

// A producer that skips a number is told which one is expected.
func TestProducerGap(t *testing.T) {
	st := start(t).create(t, "gap", "text/plain")
	st.put(t, "A", producer("p", "0", "0")...)
	a := st.do(t, "POST", "", "C", producer("p", "0", "2")...).want(t, 409)
	if a.Header.Get("Producer-Expected-Seq") != "1" || a.Header.Get("Producer-Received-Seq") != "2" {
		t.Errorf("headers %v", a.Header)
	}
	st.put(t, "B", producer("p", "0", "1")...)
	if got := st.read(t, "-1"); got != "AB" {
		t.Errorf("read %q", got)
	}
}
