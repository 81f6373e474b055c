package protocol

import (
	"context"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

var timed = header{"X-Debug-Timing": "1"}

func TestServerTiming(t *testing.T) {
	bubble(t, "literals", func(t *testing.T) {
		k := newKit(t, inBubble)
		k.store.asked = func(ctx context.Context) {
			asked(ctx)
			u, call := stream.UsageOf(ctx), stream.Call{Store: stream.Bucket, Operation: "GetObject"}
			u.Begin(call)
			time.Sleep(1500 * time.Microsecond)
			u.End(call, 1, 0, 0)
		}
		k.run(t, createText)
		for _, s := range []step{
			{do: "POST /v1/stream/s", with: header{"X-Debug-Timing": "1", "Content-Type": "text/plain"}, body: "x", status: 204, want: header{
				"Server-Timing": `total;dur=0.000, attempts;desc="1, 0 in conflict"`, "Cache-Control": "no-store", "Timing-Allow-Origin": "*",
			}},
			{do: "POST /v1/stream/s", with: header{"X-Debug-Timing": "1", "Content-Type": "text/html"}, body: "x", status: 409, want: header{
				"Server-Timing": `total;dur=0.000, attempts;desc="1, 1 in conflict"`,
			}},
			{do: "GET /v1/stream/s", with: timed, status: 200, text: "x", want: header{
				"Server-Timing": `total;dur=3.500, store;dur=3.500;desc="1 table, 2 bucket", units;desc="0.5 read, 0 write"`, "Cache-Control": "no-store", "Etag": "~.",
			}},
			{do: "HEAD /v1/stream/s", with: timed, status: 200, want: header{"Server-Timing": "~^total;dur=3.500, "}},
			{do: "GET /v1/stream/s?offset=now&live=long-poll", with: timed, status: 204, want: header{
				"Server-Timing": `total;dur=20003.500, store;dur=3.500;desc="1 table, 2 bucket", units;desc="0.5 read, 0 write", wait;dur=20000.000`,
			}},
			{do: "GET /elsewhere", with: timed, status: 404, want: header{"Server-Timing": "total;dur=0.000"}},
			// Nobody else gets it.
			{do: "GET /v1/stream/s", status: 200, text: "x", want: header{"Server-Timing": absent, "Timing-Allow-Origin": absent, "Cache-Control": "public, no-cache"}},
			{do: "GET /v1/stream/s", with: header{"X-Debug-Timing": "true"}, status: 200, text: "x", want: header{"Server-Timing": absent}},
			{do: "GET /v1/stream/s", with: header{"X-Debug-Timing": "1\n1"}, status: 200, text: "x", want: header{"Server-Timing": absent}},
		} {
			k.run(t, s)
		}
		// The headers of a live stream leave before it waits.
		live := sseFrom("now")
		live.with, live.want = timed, header{"Server-Timing": `~^total;dur=3.500, store;[^w]*write"$`, "Cache-Control": "no-store"}
		v := k.open(t, live)
		time.Sleep(time.Second)
		k.Shutdown()
		v.finished(t, live)
	})
}
