package protocol

import (
	"strings"
	"testing"
	"time"
)

// A character that appends tear reaches a reader of text in one event.
func TestSSECharacters(t *testing.T) {
	bubble(t, "torn between two appends", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createText)
		v := k.open(t, sseFrom("-1"))
		v.expect(t, open1000(0))
		k.run(t, appendText("caf\xc3"))
		v.expect(t, data("caf")+open1000(3))
		k.run(t, appendText("\xa9!"))
		v.expect(t, data("é!")+open1000(6))
	})
	bubble(t, "nothing to say of a mere beginning", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createText)
		v := k.open(t, sseFrom("-1"))
		v.take()
		for _, beginning := range []string{"\xf0", "\x9f", "\x98"} {
			k.run(t, appendText(beginning))
			v.expect(t)
		}
		k.run(t, appendText("\x80"))
		v.expect(t, data("😀")+open1000(4))
	})
	bubble(t, "a reader who comes then has all that can be shown", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createText)
		k.run(t, appendText("a\xe2\x82"))
		v := k.open(t, sseFrom("-1"))
		v.expect(t, data("a")+open1000(1))
		again := k.open(t, sseFrom(at(1)))
		again.expect(t, open1000(1))
		k.run(t, appendText("\xac"))
		v.expect(t, data("€")+open1000(4))
		again.expect(t, data("€")+open1000(4))
	})
	bubble(t, "the lifetime ends meanwhile", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createText)
		k.run(t, appendText("a\xc3"))
		v := k.open(t, sseFrom("-1"))
		if took := v.finished(t, sseFrom("-1")); took != 55*time.Second {
			t.Errorf("took %v, want 55s: it is waiting", took)
		}
		v.expect(t, data("a")+open1000(1))
		k.run(t, appendText("\xa9"))
		v = k.open(t, sseFrom(at(1)))
		// It is 55 seconds later, and a newer interval.
		v.expect(t, data("é")+control(3, `,"streamCursor":"1003","upToDate":true`))
	})
	bubble(t, "the stream is closed there", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createText)
		v := k.open(t, sseFrom("-1"))
		v.take()
		k.run(t, appendText("a\xc3"))
		v.expect(t, data("a")+open1000(1))
		k.run(t, closeIt)
		v.expect(t, data("\xc3")+closedAt(2))
		v.finished(t, sseFrom("-1"))
	})
	bubble(t, "pages", func(t *testing.T) {
		k := newKit(t, inBubble, func(s *setup) { s.PageSize = 4 })
		k.run(t, createText)
		k.run(t, appendText("aa\xc3"))
		k.run(t, appendText("\xa9bbb"))
		k.run(t, appendText("\xc3"))
		v := k.open(t, sseFrom("-1"))
		v.expect(t,
			data("aa")+control(2, `,"streamCursor":"1000"`),
			data("ébbb")+control(7, `,"streamCursor":"1000"`),
			// Who was told that there is more is told that there is not.
			open1000(7))
	})
	bubble(t, "forked within a character", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createText)
		k.run(t, appendText("a\xe2\x82"))
		k.run(t, step{do: "PUT /v1/stream/fork", with: header{"Stream-Forked-From": "/v1/stream/s"}, status: 201})
		s := sseFrom("-1")
		s.do = "GET /v1/stream/fork?offset=-1&live=sse"
		v := k.open(t, s)
		v.expect(t, data("a")+open1000(1))
		onFork := func(text string) step {
			return step{do: "POST /v1/stream/fork", with: header{"Content-Type": "text/plain"}, body: text, status: 204}
		}
		k.run(t, onFork("\xac"))
		segment1 := func(s string) string { return strings.ReplaceAll(s, at(1), "0000000000000001_0000000000000001") }
		v.expect(t, segment1(data("€")+open1000(1)))
		late := k.open(t, s)
		late.expect(t, segment1(data("a€")+open1000(1)))
	})
	bubble(t, "what is no beginning is passed on", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createText)
		v := k.open(t, sseFrom("-1"))
		v.take()
		k.run(t, appendText("a\xff"))
		v.expect(t, data("a\xff")+open1000(2))
		k.run(t, appendText("\xc3"))
		v.expect(t)
		k.run(t, appendText("b"))
		v.expect(t, data("\xc3b")+open1000(4))
	})
	bubble(t, "bytes are encoded as they come", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, step{do: "PUT /v1/stream/s", with: header{"Content-Type": "image/png"}, status: 201})
		v := k.open(t, sseFrom("-1"))
		v.take()
		k.run(t, step{do: post, with: header{"Content-Type": "image/png"}, body: "a\xc3", status: 204})
		v.expect(t, data("YcM=")+open1000(2))
	})
	bubble(t, "buffered: the response waits for the character", func(t *testing.T) {
		k := newKit(t, inBubble, buffered)
		k.run(t, createText)
		k.run(t, appendText("\xc3"))
		v := k.open(t, sseFrom("-1"))
		v.expect(t, open1000(0))
		time.Sleep(2 * time.Second)
		k.run(t, appendText("\xa9"))
		if took := v.finished(t, sseFrom("-1")); took != 0 {
			t.Errorf("took %v, want nothing", took)
		}
		v.expect(t, data("é")+open1000(2))
	})
}
