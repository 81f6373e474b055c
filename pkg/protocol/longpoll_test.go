package protocol

import (
	"context"
	"errors"
	"testing"
	"time"
)

func pollFrom(offset string) step {
	return step{do: "GET /v1/stream/s?offset=" + offset + "&live=long-poll", status: 200}
}

// timedOut is the answer to a long-poll that saw nothing.
func timedOut(offset string, tail uint64) step {
	s := pollFrom(offset)
	s.status = 204
	s.want = header{
		"Stream-Next-Offset": at(tail), "Stream-Up-To-Date": "true", "Stream-Cursor": "~^[0-9]+$",
		"Stream-Closed": absent, "Cache-Control": "no-store", "Etag": absent, "Content-Type": absent,
	}
	return s
}

// arrived is the answer to a long-poll that got data.
func arrived(offset string, tail uint64, text string) step {
	s := pollFrom(offset)
	s.text = text
	s.want = header{
		"Content-Type": "text/plain", "Stream-Next-Offset": at(tail), "Stream-Up-To-Date": "true",
		"Stream-Cursor": "~^[0-9]+$", "Stream-Closed": absent, "Cache-Control": kept, "Etag": "~^\"",
	}
	return s
}

// ended is the answer to a long-poll at the end of a closed stream.
func ended(offset string, tail uint64) step {
	s := timedOut(offset, tail)
	s.want["Stream-Closed"], s.want["Stream-Cursor"] = "true", absent
	return s
}

// What can be answered at once is.
func TestLongPollAtOnce(t *testing.T) {
	with := func(s step, key, value string) step { s.want[key] = value; return s }
	runScenarios(t, []scenario{
		{"data", []step{createText, appendText("hello"), arrived("-1", 5, "hello"), arrived(at(2), 5, "llo")}},
		{"data of a closed stream", []step{
			createText, appendText("hello"), closeIt,
			with(with(arrived("-1", 5, "hello"), "Stream-Closed", "true"), "Stream-Cursor", absent),
		}},
		{"closed, at the tail", []step{createText, appendText("hello"), closeIt, ended(at(5), 5)}},
		{"closed, now", []step{createText, appendText("hello"), closeIt, ended("now", 5)}},
		{"closed and empty", []step{createText, closeIt, ended("-1", 0)}},
		{"JSON", []step{createJSON, appendJSON("[1,2]"), with(arrived("-1", 2, "[1,2]"), "Content-Type", "application/json")}},
		{"cursor", []step{
			createText, appendText("x"),
			with(arrived("-1", 1, "x"), "Stream-Cursor", epochCursor),
			{do: pollFrom("-1").do + "&cursor=" + epochCursor, status: 200, text: "x", want: header{"Stream-Cursor": "1001"}},
			{do: pollFrom("-1").do + "&cursor=nonsense", status: 200, text: "x", want: header{"Stream-Cursor": epochCursor}},
		}},
	})
}

func TestLongPoll(t *testing.T) {
	bubble(t, "time out", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createText)
		k.run(t, appendText("old"))
		for _, offset := range []string{"now", at(3)} {
			v := k.open(t, pollFrom(offset))
			if took := v.finished(t, timedOut(offset, 3)); took != 20*time.Second {
				t.Errorf("offset %s: took %v, want 20s", offset, took)
			}
		}
		k.run(t, step{do: "PUT /v1/stream/e", with: header{"Content-Type": "text/plain"}, status: 201})
		v := k.open(t, step{do: "GET /v1/stream/e?offset=-1&live=long-poll"})
		if took := v.finished(t, timedOut("-1", 0)); took != 20*time.Second {
			t.Errorf("empty stream: took %v, want 20s", took)
		}
	})
	bubble(t, "data arrives", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createText)
		k.run(t, appendText("old"))
		fromTail, fromNow := k.open(t, pollFrom(at(3))), k.open(t, pollFrom("now"))
		time.Sleep(5 * time.Second)
		k.run(t, appendText("new"))
		want := arrived("now", 6, "new")
		if took := fromTail.finished(t, want); took != 0 {
			t.Errorf("took %v, want nothing", took)
		}
		// What "now" was is only known to this reader.
		want.want["Cache-Control"], want.want["Etag"] = "no-store", absent
		fromNow.finished(t, want)
	})
	bubble(t, "the page is one snapshot", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createText)
		v := k.open(t, pollFrom("now"))
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 20 {
				k.run(t, appendText("x"))
			}
		}()
		<-done
		<-v.done
		checkHeader(t, "poll", v.sent, "Stream-Up-To-Date", "true")
		checkHeader(t, "poll", v.sent, "Stream-Next-Offset", at(uint64(len(v.pending))))
	})
	bubble(t, "closed while waiting", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createText)
		v := k.open(t, pollFrom("now"))
		k.run(t, closeIt)
		v.finished(t, ended("now", 0))
	})
	bubble(t, "last append while waiting", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createText)
		v := k.open(t, pollFrom(at(0)))
		k.run(t, step{do: post, with: header{"Content-Type": "text/plain", "Stream-Closed": "true"}, body: "end", status: 204})
		want := arrived(at(0), 3, "end")
		want.want["Stream-Closed"], want.want["Stream-Cursor"] = "true", absent
		v.finished(t, want)
	})
	bubble(t, "deleted while waiting", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createText)
		v := k.open(t, pollFrom("now"))
		k.run(t, deleteIt)
		v.finished(t, step{do: "poll", status: 404})
	})
	bubble(t, "expires while waiting", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createUntil(10*time.Second))
		v := k.open(t, pollFrom("now"))
		if took := v.finished(t, step{do: "poll", status: 404}); took != 10*time.Second {
			t.Errorf("took %v, want what was left", took)
		}
	})
	bubble(t, "longer than the TTL", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, step{do: "PUT /v1/stream/s", with: header{"Stream-TTL": "1"}, status: 201})
		for range 3 {
			v := k.open(t, pollFrom("now"))
			if took := v.finished(t, timedOut("now", 0)); took != 20*time.Second {
				t.Errorf("took %v", took)
			}
		}
		time.Sleep(1050 * time.Millisecond)
		k.run(t, step{do: "HEAD /v1/stream/s", status: 404})
	})
}

func TestLongPollEndsEarly(t *testing.T) {
	bubble(t, "shutdown", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createText)
		v := k.open(t, pollFrom("now"))
		k.Shutdown()
		k.Shutdown()
		if took := v.finished(t, timedOut("now", 0)); took != 0 {
			t.Errorf("took %v, want nothing", took)
		}
		v = k.open(t, pollFrom("now"))
		if took := v.finished(t, timedOut("now", 0)); took != 0 {
			t.Errorf("after the shutdown: took %v, want nothing", took)
		}
		k.run(t, appendText("x"))
		k.run(t, arrived("-1", 1, "x"))
	})
	bubble(t, "the request has a deadline", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createText)
		for _, left := range []time.Duration{5 * time.Second, time.Millisecond} {
			ctx, cancel := context.WithTimeout(t.Context(), left)
			v := k.openWith(t, ctx, cancel, pollFrom("now"))
			if took, want := v.finished(t, timedOut("now", 0)), max(0, left-answerTime); took != want {
				t.Errorf("with %v left: took %v, want %v", left, took, want)
			}
		}
	})
	bubble(t, "the client leaves", func(t *testing.T) {
		var out lines
		k := newKit(t, inBubble, func(s *setup) { s.Logger = out.logger() })
		k.run(t, createText)
		v := k.open(t, pollFrom("now"))
		v.cancel()
		if took := v.finished(t, step{do: "poll", status: statusClientGone}); took != 0 {
			t.Errorf("took %v, want nothing", took)
		}
		if log := out.String(); !contains(log, "level=INFO", "status=499") || contains(log, "level=ERROR") {
			t.Errorf("logged %s", log)
		}
	})
	bubble(t, "storage fails", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createUntil(10*time.Second))
		v := k.open(t, pollFrom("now"))
		k.store.onHead.set(func() error { return errors.New("secret of the store") })
		v.finished(t, step{do: "poll", status: 503, want: header{"Retry-After": "1"}})
	})
}
