package implementation

import (
	"fmt"
	"testing"
	"time"
)

// A producer is known for as long as its stream lives, however many others there are. The
// server keeps those of the last writers in one place, and the others in another.
func TestProducersAreNotForgotten(t *testing.T) {
	st := start(t).create(t, "producers", "text/plain")
	st.put(t, "A", producer("first", "0", "0")...)
	for i := range 100 {
		st.put(t, "x", producer(fmt.Sprint("other-", i), "0", "0")...)
	}
	st.do(t, "POST", "", "A", producer("first", "0", "0")...).want(t, 204)
	st.do(t, "POST", "", "C", producer("first", "0", "2")...).want(t, 409)
	st.do(t, "POST", "", "B", producer("first", "0", "1")...).want(t, 200)
	if got := len(st.read(t, "-1")); got != 102 {
		t.Errorf("%d bytes, want 102", got)
	}
}

// With a stream that has expired its producers have, too: in a new one of its name they begin
// anew.
func TestProducersExpireWithTheirStream(t *testing.T) {
	st := start(t).create(t, "expiring", "text/plain", "Stream-TTL", "1")
	st.put(t, "A", producer("p", "3", "0")...)
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for st.do(t, "HEAD", "", "").StatusCode != 404 {
		<-again.C
	}
	st.do(t, "PUT", "", "").want(t, 201)
	st.do(t, "POST", "", "B", producer("p", "0", "0")...).want(t, 200)
	if got := st.read(t, "-1"); got != "B" {
		t.Errorf("read %q, want B", got)
	}
}
