package implementation

import (
	"slices"
	"strconv"
	"testing"
)

// What was acknowledged is there after the server was stopped, or has crashed; producers,
// closure and configuration, too.
func TestRestart(t *testing.T) {
	for name, crash := range map[string]bool{"stopped": false, "crashed": true} {
		t.Run(name, func(t *testing.T) {
			s := startRestartable(t)
			st := s.create(t, "restart", "application/json", "Stream-TTL", "3600")
			for n := 1; n <= 12; n++ {
				st.put(t, strconv.Itoa(n), producer("p", "1", strconv.Itoa(n-1))...)
			}
			done := s.create(t, "closed", "text/plain")
			done.put(t, "the end", "Stream-Closed", "true")
			tail := st.tail(t)

			s.restart(t, crash)
			head := st.do(t, "HEAD", "", "").want(t, 200)
			if head.next() != tail || head.Header.Get("Stream-TTL") != "3600" {
				t.Errorf("HEAD has %v, want the tail %s", head.Header, tail)
			}
			if got := st.messages(t, "-1"); !slices.Equal(got, ints(1, 12)) {
				t.Errorf("it has %v", got)
			}
			// The last request of before is a duplicate, and the next one is next.
			st.do(t, "POST", "", "12", producer("p", "1", "11")...).want(t, 204)
			st.do(t, "POST", "", "0", producer("p", "0", "0")...).want(t, 403)
			st.do(t, "POST", "", "13", producer("p", "1", "12")...).want(t, 200)
			if got := st.messages(t, tail); !slices.Equal(got, []int{13}) {
				t.Errorf("after the restart it has %v more", got)
			}
			done.do(t, "POST", "", "more").want(t, 409)
			if got := done.read(t, "-1"); got != "the end" {
				t.Errorf("the closed stream has %q", got)
			}
		})
	}
}

// A reader by SSE whose server goes away connects again with its last offset, and misses
// nothing.
func TestSSEReconnects(t *testing.T) {
	s := startRestartable(t)
	st := s.create(t, "reconnect", "application/json")
	lines := st.events(t, "-1")
	waitFor(t, lines, "streamNextOffset")
	st.put(t, "1")
	waitFor(t, lines, "data:[1]")
	waitFor(t, lines, "streamNextOffset")
	offset := st.tail(t)
	s.restart(t, true)
	waitForEnd(t, lines)
	st.put(t, "2")
	lines = st.events(t, offset)
	waitFor(t, lines, "data:[2]")
	st.put(t, "3")
	waitFor(t, lines, "data:[3]")
}
