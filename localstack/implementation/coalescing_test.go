package implementation

import (
	"sync"
	"testing"
)

// Readers who ask for the same at once get the same answer, with the same tag, so that a cache
// may give one to all; and one append answers all who wait.
func TestReadersGetTheSame(t *testing.T) {
	st := start(t).create(t, "same", "application/json")
	st.put(t, "[1,2,3]")
	tail := st.tail(t)
	for name, query := range map[string]string{"catch-up": "?offset=-1", "long-poll": "?live=long-poll&offset=" + tail} {
		t.Run(name, func(t *testing.T) {
			const readers = 50
			answers := make(chan answer, readers)
			var all sync.WaitGroup
			for range readers {
				all.Go(func() {
					a, err := st.try(t.Context(), "GET", query, "")
					if err != nil {
						t.Error(err)
					}
					answers <- a
				})
			}
			if name == "long-poll" {
				st.put(t, "4")
			}
			all.Wait()
			if t.Failed() {
				return
			}
			first := (<-answers).want(t, 200)
			if first.Header.Get("ETag") == "" {
				t.Error("no ETag")
			}
			for range readers - 1 {
				a := <-answers
				if a.body != first.body || a.Header.Get("ETag") != first.Header.Get("ETag") || a.next() != first.next() {
					t.Fatalf("one got %q, %v, another %q, %v", first.body, first.Header, a.body, a.Header)
				}
			}
			if name == "catch-up" {
				st.do(t, "GET", query, "", "If-None-Match", first.Header.Get("ETag")).want(t, 304)
			}
		})
	}
}
