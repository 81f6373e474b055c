package implementation

import (
	"testing"
	"time"
)

// Readers who wait on a stream that is deleted are told at once.
func TestDeletionEndsReaders(t *testing.T) {
	st := start(t).create(t, "deleted", "text/plain")
	lines := st.events(t, "-1")
	waitFor(t, lines, "streamNextOffset")
	polled := make(chan int, 1)
	begun := time.Now()
	tail := st.tail(t)
	go func() {
		a, err := st.try(t.Context(), "GET", "?live=long-poll&offset="+tail, "")
		if err != nil {
			t.Error(err)
			close(polled)
			return
		}
		polled <- a.StatusCode
	}()
	st.do(t, "DELETE", "", "").want(t, 204)
	waitForEnd(t, lines)
	if status := <-polled; status != 404 {
		t.Errorf("the long-poll was answered %d, want 404", status)
	}
	if took := time.Since(begun); took > patience {
		t.Errorf("it took %v", took)
	}
	st.do(t, "GET", "?offset=-1", "").want(t, 404)
	// A new stream of the name has nothing of the old one.
	st.do(t, "PUT", "", "").want(t, 201)
	if got := st.read(t, "-1"); got != "" {
		t.Errorf("the new stream has %q", got)
	}
}
