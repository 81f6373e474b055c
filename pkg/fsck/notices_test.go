package fsck_test

import (
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// What a name owes to the registry has an order that makes sense, whatever was told before.
func TestNotices(t *testing.T) {
	born := func(life byte) stream.Notice { return stream.Notice{Incarnation: stream.Incarnation{life}} }
	died := func(life byte) stream.Notice {
		return stream.Notice{Incarnation: stream.Incarnation{life}, Over: true}
	}
	for _, c := range []struct {
		owed  []stream.Notice
		wrong string
	}{
		{[]stream.Notice{born(1)}, ""},
		{[]stream.Notice{died(1)}, ""},
		{[]stream.Notice{died(1), born(2)}, ""},
		{[]stream.Notice{born(1), died(1), born(2), died(2)}, ""},
		{[]stream.Notice{born(0)}, "no life"},
		{[]stream.Notice{born(1), born(2)}, "not over"},
		{[]stream.Notice{born(1), died(2)}, "not the last to begin"},
		{[]stream.Notice{died(1), died(1)}, "not the last to begin"},
		{[]stream.Notice{born(1), died(1), born(1)}, "second time"},
	} {
		s := newStore(t)
		s.create("s", stream.Config{ContentType: "text/plain"})
		next := s.head("s").Clone()
		next.Version++
		s.must(s.Store.Update(s.ctx(), "s", next, c.owed...))
		sum := s.all()
		if c.wrong == "" && sum.Damaged == 0 && len(sum.Problems) == 0 {
			continue
		}
		if c.wrong == "" || sum.Damaged != 1 || len(sum.Problems) != 1 || !strings.Contains(sum.Problems[0].Error(), c.wrong) {
			t.Errorf("%+v: %d are damaged: %v, want %q", c.owed, sum.Damaged, sum.Problems, c.wrong)
		}
	}
}
