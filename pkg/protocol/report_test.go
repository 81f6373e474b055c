package protocol

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// reported has a kit log as the functions do, and count what the store is asked for, as
// a driver does whose store is elsewhere. Each request to it takes 2 ms in a bubble.
func reported(out *bytes.Buffer) func(*setup) {
	return func(s *setup) {
		inBubble(s)
		s.Logger = slog.New(slog.NewJSONHandler(out, nil))
	}
}

// asked counts a request of the store in the usage of a context.
func asked(ctx context.Context) {
	u, call := stream.UsageOf(ctx), stream.Call{Store: stream.Table, Operation: "GetItem"}
	u.Begin(call)
	time.Sleep(2 * time.Millisecond)
	u.End(call, 0, 0.5, 0)
}

// lastLine returns the last line of a log, which has no member twice, and no secret.
func lastLine(t *testing.T, out *bytes.Buffer) map[string]any {
	t.Helper()
	all := strings.Split(strings.TrimSpace(out.String()), "\n")
	last := all[len(all)-1]
	if strings.Contains(out.String(), "secret") {
		t.Errorf("a secret is in the log: %s", out)
	}
	line := map[string]any{}
	if err := json.Unmarshal([]byte(last), &line); err != nil {
		t.Fatal(err)
	}
	d, names := json.NewDecoder(strings.NewReader(last)), []string{}
	_, _ = d.Token() // it was parsed before
	for d.More() {
		name, err := d.Token()
		var value any
		if err = errors.Join(err, d.Decode(&value)); err != nil {
			t.Fatal(err)
		}
		if slices.Contains(names, name.(string)) {
			t.Errorf("%v is there twice: %s", name, last)
		}
		names = append(names, name.(string))
	}
	return line
}

// Each request has one line, with what is known of it and no more.
func TestLogLineOfEachVerb(t *testing.T) {
	bubble(t, "lines", func(t *testing.T) {
		var out bytes.Buffer
		k := newKit(t, reported(&out))
		k.store.asked = asked
		always := []string{"time", "level", "msg", "method", "stream", "kind", "status", "bytes", "duration", "request"}
		stores := []string{"stores", "table"}
		const traced = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
		private := header{
			"Authorization": "Bearer secret", "Cookie": "secret", "X-Request-Id": "client-1",
			"Traceparent": traced, "X-Amzn-Trace-Id": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1",
		}
		with := func(h header) header {
			all := header{}
			for _, from := range []header{private, h} {
				for name, value := range from {
					all[name] = value
				}
			}
			return all
		}
		plain := header{"Content-Type": "text/plain"}
		for _, c := range []struct {
			step
			more []string
			has  map[string]any
		}{
			{step{do: "PUT /v1/stream/s?token=secret", with: with(plain), body: "secret", status: 201},
				[]string{"received"}, map[string]any{"kind": "create", "received": 6.0}},
			{step{do: "POST /v1/stream/s", with: with(plain), body: "secret 2", status: 204},
				[]string{"received", "attempts", "conflicts"}, map[string]any{"kind": "append", "attempts": 1.0, "conflicts": 0.0, "received": 8.0}},
			{step{do: "POST /v1/stream/s", with: with(header{"Content-Type": "image/png"}), body: "secret", status: 409},
				[]string{"received", "attempts", "conflicts", "error"}, map[string]any{"kind": "append", "conflicts": 1.0, "status": 409.0}},
			{step{do: "GET /v1/stream/s?offset=-1&token=secret", with: private, status: 200, text: "secretsecret 2"},
				stores, map[string]any{"kind": "catch-up", "bytes": 14.0, "stores": 2e6,
					"table": map[string]any{"requests": 1.0, "GetItem": 1.0, "readUnits": 0.5, "writeUnits": 0.0}}},
			{step{do: "HEAD /v1/stream/s", with: private, status: 200}, stores, map[string]any{"kind": "head"}},
			{step{do: "GET /v1/stream/s?offset=now&live=long-poll", with: private, status: 204},
				[]string{"stores", "table", "readers", "waited"}, map[string]any{"kind": "long-poll", "readers": 1.0, "waited": 20e9}},
			{step{do: "OPTIONS /v1/stream/s", with: private, status: 204}, nil, map[string]any{"kind": "preflight"}},
			{step{do: "PATCH /v1/stream/s", with: private, body: "secret", status: 405}, []string{"error", "received"}, map[string]any{"received": 6.0}},
			{step{do: "DELETE /v1/stream/s", with: private, status: 204}, stores, map[string]any{"kind": "delete"}},
		} {
			before := bytes.Count(out.Bytes(), []byte("\n"))
			k.run(t, c.step)
			if n := bytes.Count(out.Bytes(), []byte("\n")) - before; n != 1 {
				t.Errorf("%s: %d lines", c.do, n)
			}
			line := lastLine(t, &out)
			want := slices.Concat(always, []string{"traceparent", "trace"}, c.more)
			for name := range line {
				if !slices.Contains(want, name) {
					t.Errorf("%s: %s is in the line: %v", c.do, name, line[name])
				}
			}
			for _, name := range want {
				if _, found := line[name]; !found {
					t.Errorf("%s: %s is missing: %v", c.do, name, line)
				}
			}
			if line["request"] != "client-1" || line["traceparent"] != traced {
				t.Errorf("%s: the line is of %v and %v", c.do, line["request"], line["traceparent"])
			}
			for name, value := range c.has {
				if !equalJSON(line[name], value) {
					t.Errorf("%s: %s is %v, want %v", c.do, name, line[name], value)
				}
			}
		}
	})
}

func equalJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// A live reader is told of with how long it waited, and how late what it got was.
func TestReportOfALiveReader(t *testing.T) {
	bubble(t, "sse", func(t *testing.T) {
		var got []Request
		k := newKit(t, inBubble, func(s *setup) {
			s.PageSize = 4
			s.Report = func(r Request) []slog.Attr { got = append(got, r); return nil }
		})
		k.run(t, createText)
		k.run(t, appendText("old"))
		k.run(t, appendText("older"))
		time.Sleep(time.Minute)
		got = nil
		v := k.open(t, sseFrom("-1"))
		if n := k.LiveReaders(); n != 1 {
			t.Errorf("%d live readers", n)
		}
		time.Sleep(5 * time.Second)
		k.run(t, appendText("new"))
		v.take()
		k.Shutdown()
		v.finished(t, sseFrom("-1"))
		if len(got) != 2 || got[0].Kind != "append" || got[0].Received != 3 || got[0].Spent.Attempts != 1 || got[0].Live != (Live{}) {
			t.Fatalf("reported %+v", got)
		}
		// What was there when it came is not late, however many pages it is.
		if want := (Live{Readers: 1, Waited: 5 * time.Second, Delivered: 1}); got[1].Live != want || got[1].Kind != "sse" || got[1].Duration != 5*time.Second {
			t.Errorf("reported %+v, want %+v", got[1], want)
		}
		if n := k.LiveReaders(); n != 0 {
			t.Errorf("%d live readers are left", n)
		}
	})
}

// What is returned to the handler gets into the line, and what is not logged is told of
// all the same.
func TestReportAddsToTheLine(t *testing.T) {
	var out bytes.Buffer
	told := 0
	k := newKit(t, func(s *setup) {
		s.Logger = slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelError}))
		s.Report = func(r Request) []slog.Attr { told++; return []slog.Attr{slog.Int("Requests", 1)} }
	})
	k.run(t, createText)
	if told != 1 || out.Len() > 0 {
		t.Errorf("told %d times, logged %s", told, &out)
	}
	k.store.onHead.set(func() error { return errors.New("table is gone") })
	k.run(t, step{do: "GET /v1/stream/s", status: 503})
	if line := lastLine(t, &out); told != 2 || line["Requests"] != 1.0 {
		t.Errorf("told %d times, logged %v", told, line)
	}
}

func TestRequestID(t *testing.T) {
	made := "7ffffffffffffffe" // by the kit's jitter
	for given, want := range map[string]string{
		absent: made, "": made, "a\nb": made, "with space": made, strings.Repeat("x", 129): made, `"quoted"`: made, "\u00e9": made,
		"3b8ee8b7-4c1c-4a26-bd2f-8c0c5ac6ed4d": "3b8ee8b7-4c1c-4a26-bd2f-8c0c5ac6ed4d", "A_1.b:2": "A_1.b:2",
	} {
		newKit(t).run(t, step{do: "GET /v1/stream/s", with: header{"X-Request-Id": given}, status: 404, want: header{"X-Request-Id": want}})
	}
	for named, want := range map[string]string{"invocation": "invocation", "": "client"} {
		k := newKit(t, func(s *setup) { s.RequestID = func(*http.Request) string { return named } })
		k.run(t, step{do: "GET /v1/stream/s", with: header{"X-Request-Id": "client"}, status: 404, want: header{"X-Request-Id": want}})
	}
}

// What is no trace is not logged: it may be anything.
func TestTraces(t *testing.T) {
	const good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for name, values := range map[string][]string{
		"Traceparent":     {"", "secret", good + "-00", strings.ToUpper(good), good[:54], strings.Replace(good, "4", "x", 1), "00-1-1-01"},
		"X-Amzn-Trace-Id": {"", "a secret", "Root=\"1\"", strings.Repeat("a", 257)},
	} {
		for _, value := range values {
			if got := appendTraces(nil, http.Header{name: {value}}); len(got) > 0 {
				t.Errorf("%s: %q gives %v", name, value, got)
			}
		}
		if got := appendTraces(nil, http.Header{name: {good, good}}); len(got) > 0 {
			t.Errorf("%s twice gives %v", name, got)
		}
	}
}
