package stream_test

import (
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// A page of messages ends before one that does not fit, and is not taken up again to see
// that: what was read of the object has all that fit.
func TestColdPageEndsBeforeALongMessage(t *testing.T) {
	lim := stream.DefaultLimits()
	lim.SegmentCount, lim.PageSize, lim.StageSize, lim.BufferSize = 2, 100, 8<<20, 8<<20
	l, s := openCold(t, lim)
	create(t, l, stream.Create{Config: stream.Config{ContentType: "application/json"}})
	const short = `"short"`
	for _, message := range []string{short, `"` + strings.Repeat("long", 1<<18) + `"`, "1"} {
		put(t, l, messages(message))
	}
	compact(t, l, 1)
	l = joinCold(t, s, lim)
	s.took()
	p, err := l.Read(t.Context(), name, stream.Start())
	if err != nil || p.Size != len(short) || p.UpToDate() {
		t.Errorf("%+v, %v", p, err)
	}
	if ops := s.took(); ops != "head manifests get" {
		t.Errorf("took %q", ops)
	}
}
