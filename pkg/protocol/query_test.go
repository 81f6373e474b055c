package protocol

import (
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

func mustPosition(t testing.TB, s string) stream.Position {
	t.Helper()
	p, err := stream.ParsePosition(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestParseQuery(t *testing.T) {
	offset := at(7)
	for raw, want := range map[string]query{
		"":                                    {},
		"a=b":                                 {},
		"offset=-1":                           {from: stream.Start()},
		"offset=now&cursor=x":                 {from: stream.Now(), cursor: "x"},
		"live=sse&offset=" + offset:           {from: mustPosition(t, offset), live: liveSSE},
		"cursor=5&live=long-poll&offset=%2D1": {live: liveLongPoll, cursor: "5"},
	} {
		if got, err := parseQuery(raw); err != nil || got != want {
			t.Errorf("%q is %+v, %v; want %+v", raw, got, err, want)
		}
	}
}
