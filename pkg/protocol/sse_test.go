package protocol

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func sseFrom(offset string) step {
	return step{do: "GET /v1/stream/s?offset=" + offset + "&live=sse", status: 200, want: header{
		"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no",
		"Stream-SSE-Data-Encoding": absent, "Content-Length": absent, "Etag": absent,
	}}
}

func data(lines ...string) string {
	return "event: data\ndata:" + strings.Join(lines, "\ndata:") + "\n\n"
}

// control is a control event, with what it says besides where the reader is.
func control(tail uint64, also string) string {
	return fmt.Sprintf("id:%s\nevent: control\ndata:{\"streamNextOffset\":%q%s}\n\n", at(tail), at(tail), also)
}

// open1000 is the control event at the tail of an open stream, in the first
// cursor interval of the tests.
func open1000(tail uint64) string {
	return control(tail, `,"streamCursor":"`+epochCursor+`","upToDate":true`)
}

func closedAt(tail uint64) string {
	return control(tail, `,"upToDate":true,"streamClosed":true`)
}

func TestSSE(t *testing.T) {
	bubble(t, "what is there, and what comes", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createText)
		k.run(t, appendText("one"))
		k.run(t, appendText("two"))
		v := k.open(t, sseFrom("-1"))
		v.expect(t, data("onetwo")+open1000(6))
		k.run(t, appendText("three"))
		v.expect(t, data("three")+open1000(11))
		k.run(t, step{do: post, with: header{"Content-Type": "text/plain", "Stream-Closed": "true"}, body: "end", status: 204})
		v.expect(t, data("end")+closedAt(14))
		v.finished(t, sseFrom("-1"))
	})
	bubble(t, "nothing there: the first control event comes at once", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createText)
		k.run(t, appendText("old"))
		for _, offset := range []string{"now", at(3)} {
			v := k.open(t, sseFrom(offset))
			v.expect(t, open1000(3))
		}
	})
	bubble(t, "closed without data", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createText)
		v := k.open(t, sseFrom("now"))
		v.expect(t, open1000(0))
		k.run(t, closeIt)
		v.expect(t, closedAt(0))
		v.finished(t, sseFrom("now"))
		for _, offset := range []string{"now", "-1", at(0)} {
			v = k.open(t, sseFrom(offset))
			v.expect(t, closedAt(0))
			v.finished(t, sseFrom(offset))
		}
	})
	bubble(t, "JSON", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createJSON)
		k.run(t, appendJSON("[{\"a\":\n1}, 2]"))
		k.run(t, appendJSON(`"x\ny"`))
		v := k.open(t, sseFrom("-1"))
		v.expect(t, data(`[{"a":1},2,"x\ny"]`)+open1000(3))
	})
	bubble(t, "bytes", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, step{do: "PUT /v1/stream/s", with: header{"Content-Type": "image/png"}, status: 201})
		v := k.open(t, sseFrom("-1"))
		v.expect(t, open1000(0))
		k.run(t, step{do: post, with: header{"Content-Type": "image/png"}, body: "\x00\xff\r\n", status: 204})
		v.expect(t, data("AP8NCg==")+open1000(4))
		v.cancel()
		want := sseFrom("-1")
		want.want["Stream-SSE-Data-Encoding"] = "base64"
		v.finished(t, want)
	})
	bubble(t, "pages: only the last one is up to date", func(t *testing.T) {
		k := newKit(t, inBubble, func(s *setup) { s.PageSize = 4 })
		k.run(t, createText)
		k.run(t, appendText("aaaa"))
		k.run(t, appendText("bb"))
		v := k.open(t, sseFrom("-1"))
		v.expect(t,
			data("aaaa")+control(4, `,"streamCursor":"1000"`),
			data("bb")+open1000(6))
	})
	bubble(t, "not there", func(t *testing.T) {
		newKit(t).run(t, step{do: sseFrom("-1").do, status: 404})
	})
}

func TestSSECursor(t *testing.T) {
	bubble(t, "never goes back", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createText)
		s := sseFrom("now")
		s.do += "&cursor=" + "1200"
		v := k.open(t, s)
		v.expect(t, strings.Replace(open1000(0), `"1000"`, `"1201"`, 1))
		time.Sleep(30 * time.Second)
		k.run(t, appendText("x"))
		v.expect(t, data("x")+strings.Replace(open1000(1), `"1000"`, `"1201"`, 1))
	})
	bubble(t, "follows the clock", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createText)
		v := k.open(t, sseFrom("now"))
		v.take()
		time.Sleep(30 * time.Second)
		k.run(t, appendText("x"))
		v.expect(t, data("x")+strings.Replace(open1000(1), "1000", "1001", 1))
	})
}

func TestSSEEnds(t *testing.T) {
	bubble(t, "after its lifetime", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createText)
		v := k.open(t, sseFrom("now"))
		if took := v.finished(t, sseFrom("now")); took != 55*time.Second {
			t.Errorf("took %v, want 55s", took)
		}
		v.expect(t, open1000(0))
	})
	bubble(t, "on shutdown", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createText)
		k.run(t, appendText("x"))
		v := k.open(t, sseFrom("-1"))
		k.Shutdown()
		if took := v.finished(t, sseFrom("-1")); took != 0 {
			t.Errorf("took %v, want nothing", took)
		}
		// Those that come later are told where they are.
		v = k.open(t, sseFrom("-1"))
		v.finished(t, sseFrom("-1"))
		v.expect(t, data("x")+open1000(1))
	})
	bubble(t, "when the stream is deleted", func(t *testing.T) {
		var out lines
		k := newKit(t, inBubble, func(s *setup) { s.Logger = out.logger() })
		k.run(t, createText)
		v := k.open(t, sseFrom("now"))
		k.run(t, deleteIt)
		if took := v.finished(t, sseFrom("now")); took != 0 {
			t.Errorf("took %v, want nothing", took)
		}
		if contains(out.String(), "error=") {
			t.Errorf("logged %s", out.String())
		}
	})
	bubble(t, "when the stream is replaced", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createText)
		v := k.open(t, sseFrom("now"))
		v.take()
		k.run(t, deleteIt)
		k.run(t, createText)
		k.run(t, appendText("of another life"))
		v.finished(t, sseFrom("now"))
		v.expect(t)
	})
	bubble(t, "when the stream expires", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createUntil(10*time.Second))
		v := k.open(t, sseFrom("now"))
		if took := v.finished(t, sseFrom("now")); took != 10*time.Second {
			t.Errorf("took %v, want what was left", took)
		}
	})
	bubble(t, "not with the TTL", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, step{do: "PUT /v1/stream/s", with: header{"Content-Type": "text/plain", "Stream-TTL": "1"}, status: 201})
		v := k.open(t, sseFrom("now"))
		v.take()
		time.Sleep(10 * time.Second)
		k.run(t, appendText("x"))
		v.expect(t, data("x")+open1000(1))
		if took := v.finished(t, sseFrom("now")); took != 45*time.Second {
			t.Errorf("ended %v after the event", took)
		}
	})
	bubble(t, "before the request's own deadline", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createText)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		v := k.openWith(t, ctx, cancel, sseFrom("now"))
		if took := v.finished(t, sseFrom("now")); took != 9*time.Second {
			t.Errorf("took %v, want 9s", took)
		}
	})
	bubble(t, "when the client leaves", func(t *testing.T) {
		var out lines
		k := newKit(t, inBubble, func(s *setup) { s.Logger = out.logger() })
		k.run(t, createText)
		v := k.open(t, sseFrom("now"))
		v.cancel()
		v.finished(t, sseFrom("now"))
		if contains(out.String(), "error=") {
			t.Errorf("logged %s", out.String())
		}
	})
	bubble(t, "when writing fails", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createText)
		v := k.open(t, sseFrom("now"))
		v.take()
		v.mu.Lock()
		v.broken = errors.New("i/o timeout")
		v.mu.Unlock()
		k.run(t, appendText("x"))
		if v.running() {
			t.Error("the response goes on")
		}
	})
	bubble(t, "when storage fails", func(t *testing.T) {
		var out lines
		k := newKit(t, inBubble, func(s *setup) { s.Logger = out.logger() })
		k.run(t, createUntil(10*time.Second))
		v := k.open(t, sseFrom("now"))
		k.store.onHead.set(func() error { return errors.New("table is gone") })
		v.finished(t, sseFrom("now"))
		if !contains(out.String(), "level=ERROR", "table is gone") {
			t.Errorf("logged %s", out.String())
		}
	})
}

// Every write has its time, and hardly more, however soon it follows another one.
func TestSSEWriteDeadline(t *testing.T) {
	bubble(t, "moves on", func(t *testing.T) {
		k := newKit(t, inBubble, func(s *setup) { s.WriteStall = 3 * time.Second })
		k.run(t, createText)
		v := k.open(t, sseFrom("now"))
		for _, pause := range []time.Duration{10 * time.Second, 100 * time.Millisecond, 150 * time.Millisecond, 2 * time.Second} {
			time.Sleep(pause)
			k.run(t, appendText("x"))
			v.take()
			if left := time.Until(v.deadline); left < 3*time.Second || left > 3200*time.Millisecond {
				t.Errorf("the write after %v had %v, want 3s", pause, left)
			}
		}
	})
}

// Records of any length join to one base64 text.
func TestAppendBase64(t *testing.T) {
	k := newKit(t)
	all := ""
	k.run(t, step{do: "PUT /v1/stream/s", status: 201})
	for n := range 9 {
		for range 3 {
			piece := strings.Repeat(string(rune('a'+n)), n+1)
			all += piece
			k.run(t, step{do: post, with: header{"Content-Type": defaultType}, body: piece, status: 204})
			page, err := k.log.Read(t.Context(), "s", mustPosition(t, "-1"))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := string(appendBase64(nil, page)), base64.StdEncoding.EncodeToString([]byte(all)); got != want {
				t.Fatalf("encoded %s, want %s", got, want)
			}
		}
	}
}
