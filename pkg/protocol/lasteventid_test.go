package protocol

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// sseAgain is the request of an EventSource that connects again: its URL is the first one's.
func sseAgain(id string) step {
	s := sseFrom("-1")
	s.with = header{"Last-Event-ID": id}
	return s
}

func TestLastEventID(t *testing.T) {
	bubble(t, "goes on behind it, wherever the offset is", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createText)
		k.run(t, appendText("onetwo"))
		for _, offset := range []string{"-1", "now", at(0), at(6)} {
			s := sseAgain(at(3))
			s.do = sseFrom(offset).do
			v := k.open(t, s)
			v.expect(t, data("two")+open1000(6))
		}
		v := k.open(t, sseAgain(at(6)))
		v.expect(t, open1000(6))
		k.run(t, appendText("three"))
		v.expect(t, data("three")+open1000(11))
	})
	bubble(t, "an empty one says nothing", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.run(t, createText)
		k.run(t, appendText("one"))
		v := k.open(t, sseAgain(""))
		v.expect(t, data("one")+open1000(3))
	})
	closed := header{"Stream-Next-Offset": at(3), "Stream-Up-To-Date": "true", "Stream-Closed": "true", "Cache-Control": "no-store", "Content-Type": absent}
	again := func(id string, status int) step {
		return step{do: sseFrom("-1").do, with: header{"Last-Event-ID": id}, status: status}
	}
	told := func(s step, text string) step { s.text = text; return s }
	runScenarios(t, []scenario{
		{"the end of a closed stream: stop", []step{
			createText, appendText("one"), closeIt,
			{do: sseFrom("-1").do, with: header{"Last-Event-ID": at(3)}, status: 204, want: closed},
			{do: sseFrom("now").do, with: header{"Last-Event-ID": at(3)}, status: 204, want: closed},
		}},
		{"a closed stream that has more", []step{createText, appendText("one"), closeIt, told(again(at(1), 200), data("ne")+closedAt(3))}},
		{"the end of a closed stream without it", []step{
			createText, appendText("one"), closeIt,
			told(step{do: sseFrom(at(3)).do, status: 200}, closedAt(3)),
			told(step{do: sseFrom("now").do, with: header{"Last-Event-ID": ""}, status: 200}, closedAt(3)),
		}},
		{"a torn character at the end of a closed stream", []step{
			createText, appendText("a\xc3"), closeIt,
			told(again(at(1), 200), data("\xc3")+closedAt(2)), again(at(2), 204),
		}},
		{"not valid", []step{
			createText, appendText("one"),
			told(again("x", 400), "Last-Event-ID is not valid: send the id of a control event of this stream, or none\n"),
			again("-1", 400), again("now", 400), again(at(3)+" ", 400), again(at(3)+"\n"+at(3), 400),
			// No offset of this stream.
			again(at(4), 400),
		}},
		{"the offset must be there, and valid", []step{
			createText,
			{do: "GET /v1/stream/s?live=sse", with: header{"Last-Event-ID": at(0)}, status: 400},
			{do: "GET /v1/stream/s?live=sse&offset=x", with: header{"Last-Event-ID": at(0)}, status: 400},
		}},
		{"no stream", []step{again(at(0), 404)}},
		{"it is for events only", []step{
			createText, appendText("one"),
			{do: "GET /v1/stream/s?offset=-1", with: header{"Last-Event-ID": at(2)}, status: 200, text: "one"},
			{do: "GET /v1/stream/s?offset=-1&live=long-poll", with: header{"Last-Event-ID": "x"}, status: 200, text: "one"},
		}},
	})
}

// An EventSource, as the HTML standard has it, gets all of a stream once, over responses that
// end, and does not come again once the stream is closed.
func TestEventSource(t *testing.T) {
	bubble(t, "to the end", func(t *testing.T) {
		k := newKit(t, inBubble, func(s *setup) { s.SSELifetime, s.PageSize = 10*time.Second, 5 })
		k.run(t, createText)
		k.run(t, appendText("from the start, "))
		got, answers := make(chan string), 0
		go func() {
			all, id := "", ""
			for {
				ctx, cancel := context.WithCancel(t.Context())
				v := k.openWith(t, ctx, cancel, sseAgain(id))
				<-v.done
				if answers++; v.status != http.StatusOK {
					break
				}
				for _, e := range parseEvents(t, strings.Join(v.take(), "")) {
					if e.kind == "data" {
						all += e.data
					}
					id = e.lastID
				}
				time.Sleep(3 * time.Second)
			}
			got <- all
		}()
		want := "from the start, "
		for i := range 20 {
			time.Sleep(2 * time.Second)
			piece := []string{"one ", "d\xc3", "\xa9j\xc3", "\xa0 ", "\xe2", "\x82", "\xac "}[i%7]
			want += piece
			k.run(t, appendText(piece))
		}
		k.run(t, closeIt)
		if all := <-got; all != want {
			t.Errorf("got %q, want %q", all, want)
		}
		// 40 seconds of 10, and 3 in between; the last one says that it is over.
		if answers != 5 {
			t.Errorf("it was answered %d times", answers)
		}
	})
}

func TestControlEventsHaveIDs(t *testing.T) {
	k := newKit(t)
	p := pageOf(t, k, "text/plain", "one")
	events := parseEvents(t, string(appendEvents(nil, p, true, 7)))
	// The data event is not yet passed: what breaks off in between is sent again.
	want := []event{{"data", "one", ""}, {"control", `{"streamNextOffset":"` + at(3) + `","streamCursor":"7","upToDate":true}`, at(3)}}
	if !slices.Equal(events, want) {
		t.Errorf("events %q, want %q", events, want)
	}
}
