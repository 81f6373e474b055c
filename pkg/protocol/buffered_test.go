package protocol

import (
	"context"
	"testing"
	"time"
)

func buffered(s *setup) { s.Buffered = true }

// Behind a front door that sends nothing before the handler returns, an SSE response
// is a long-poll in the form of events.
func TestBufferedSSE(t *testing.T) {
	bubble(t, "ends with what is there", func(t *testing.T) {
		k := newKit(t, inBubble, buffered)
		k.run(t, createText)
		k.run(t, appendText("one"))
		k.run(t, appendText("two"))
		v := k.open(t, sseFrom("-1"))
		if took := v.finished(t, sseFrom("-1")); took != shortestSSE {
			t.Errorf("took %v, want %v", took, shortestSSE)
		}
		v.expect(t, data("onetwo")+open1000(6))
	})
	bubble(t, "ends with the first page", func(t *testing.T) {
		k := newKit(t, inBubble, buffered, func(s *setup) { s.PageSize = 4 })
		k.run(t, createText)
		k.run(t, appendText("aaaa"))
		k.run(t, appendText("bb"))
		v := k.open(t, sseFrom("-1"))
		v.finished(t, sseFrom("-1"))
		v.expect(t, data("aaaa")+control(4, `,"streamCursor":"1000"`))
		// The reader comes back with the offset that it was given.
		v = k.open(t, sseFrom(at(4)))
		v.finished(t, sseFrom(at(4)))
		v.expect(t, data("bb")+open1000(6))
	})
	bubble(t, "waits for the first append, and ends with it", func(t *testing.T) {
		for _, offset := range []string{"now", at(3)} {
			k := newKit(t, inBubble, buffered)
			k.run(t, createText)
			k.run(t, appendText("old"))
			v := k.open(t, sseFrom(offset))
			v.expect(t, open1000(3))
			time.Sleep(2 * time.Second)
			if !v.running() {
				t.Fatalf("%s: it has ended before there was anything", offset)
			}
			k.run(t, appendText("new"))
			if took := v.finished(t, sseFrom(offset)); took != 0 {
				t.Errorf("%s: took %v, want nothing", offset, took)
			}
			v.expect(t, data("new")+open1000(6))
		}
	})
	bubble(t, "bytes", func(t *testing.T) {
		k := newKit(t, inBubble, buffered)
		k.run(t, step{do: "PUT /v1/stream/s", with: header{"Content-Type": "image/png"}, body: "\x00\xff\r\n", status: 201})
		v := k.open(t, sseFrom("-1"))
		want := sseFrom("-1")
		want.want["Stream-SSE-Data-Encoding"] = "base64"
		v.finished(t, want)
		v.expect(t, data("AP8NCg==")+open1000(4))
	})
	bubble(t, "closed", func(t *testing.T) {
		k := newKit(t, inBubble, buffered)
		k.run(t, createText)
		v := k.open(t, sseFrom("now"))
		v.expect(t, open1000(0))
		k.run(t, closeIt)
		if took := v.finished(t, sseFrom("now")); took != 0 {
			t.Errorf("took %v, want nothing", took)
		}
		v.expect(t, closedAt(0))
		for _, offset := range []string{"now", "-1", at(0)} {
			v = k.open(t, sseFrom(offset))
			if took := v.finished(t, sseFrom(offset)); took != 0 {
				t.Errorf("%s: took %v, want nothing", offset, took)
			}
			v.expect(t, closedAt(0))
		}
	})
	bubble(t, "closed with records", func(t *testing.T) {
		k := newKit(t, inBubble, buffered)
		k.run(t, createText)
		k.run(t, step{do: post, with: header{"Content-Type": "text/plain", "Stream-Closed": "true"}, body: "end", status: 204})
		v := k.open(t, sseFrom("-1"))
		v.finished(t, sseFrom("-1"))
		v.expect(t, data("end")+closedAt(3))
	})
}

// What ends the wait, and what does not.
func TestBufferedSSEWait(t *testing.T) {
	for name, c := range map[string]struct {
		change   func(*setup)
		deadline time.Duration
		want     time.Duration
	}{
		"a long-poll's":         {func(*setup) {}, time.Hour, 20 * time.Second},
		"as configured":         {func(s *setup) { s.LongPollWait = 3 * time.Second }, time.Hour, 3 * time.Second},
		"not that of streaming": {func(s *setup) { s.SSELifetime = 3 * time.Second }, time.Hour, 20 * time.Second},
		"less than the request": {func(*setup) {}, 10 * time.Second, 9 * time.Second},
	} {
		bubble(t, name, func(t *testing.T) {
			k := newKit(t, inBubble, buffered, c.change)
			k.run(t, createText)
			k.run(t, appendText("old"))
			ctx, cancel := context.WithTimeout(t.Context(), c.deadline)
			v := k.openWith(t, ctx, cancel, sseFrom("now"))
			if took := v.finished(t, sseFrom("now")); took != c.want {
				t.Errorf("took %v, want %v", took, c.want)
			}
			// Where to go on, and nothing else.
			v.expect(t, open1000(3))
		})
	}
	bubble(t, "until the shutdown", func(t *testing.T) {
		k := newKit(t, inBubble, buffered)
		k.run(t, createText)
		v := k.open(t, sseFrom("now"))
		k.Shutdown()
		if took := v.finished(t, sseFrom("now")); took != 0 {
			t.Errorf("took %v, want nothing", took)
		}
	})
	bubble(t, "until the stream is deleted", func(t *testing.T) {
		k := newKit(t, inBubble, buffered)
		k.run(t, createText)
		v := k.open(t, sseFrom("now"))
		k.run(t, deleteIt)
		if took := v.finished(t, sseFrom("now")); took != 0 {
			t.Errorf("took %v, want nothing", took)
		}
		v.expect(t, open1000(0))
	})
}

// Long-polls are what they are anywhere.
func TestBufferedLongPoll(t *testing.T) {
	bubble(t, "long-poll", func(t *testing.T) {
		k := newKit(t, inBubble, buffered)
		k.run(t, createText)
		start := time.Now()
		k.run(t, step{do: "GET /v1/stream/s?offset=now&live=long-poll", status: 204})
		if took := time.Since(start); took != 20*time.Second {
			t.Errorf("took %v, want 20s", took)
		}
	})
}
