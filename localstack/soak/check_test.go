package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

func configOf(data string, pid int) config.Soak { return config.Soak{ServerData: data, ServerPID: pid} }

// TestChecker: writer 0 appended 0, 1, 2, of which 1 failed; writer 1 appended 0.
func TestChecker(t *testing.T) {
	for _, c := range []struct {
		name, seen, failure string
	}{
		{"all", "0.0 0.1 0.2 1.0", ""},
		{"without the failed one", "0.0 1.0 0.2", ""},
		{"the failed one comes late", "0.0 0.2 0.1 1.0", ""},
		{"a fork's own", "0.0 0.2 1.0 -1.0", ""},
		{"twice", "0.0 0.0 0.1 0.2 1.0", "twice"},
		{"the failed one twice", "0.0 0.1 0.1 0.2 1.0", "twice"},
		{"out of order", "0.0 0.1 0.2 0.0 1.0", "out of order"},
		{"lost", "0.1 0.2 1.0", "missing"},
		{"the last is lost", "0.0 0.1 1.0", "missing"},
		{"a whole writer is lost", "0.0 0.1 0.2", "missing"},
		{"not sent", "0.0 0.1 0.2 0.3 0.4 1.0", "never sent"},
		{"of somebody else", "0.0 7.0", "never sent"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &life{writers: []*writer{{id: 0, next: 3}, {id: 1, next: 1}}, unknown: map[place]bool{{0, 1}: true}}
			check := newChecker(s)
			var err error
			for _, one := range strings.Fields(c.seen) {
				var m message
				fmt.Sscanf(one, "%d.%d", &m.Writer, &m.Number)
				if err = check.next(m); err != nil {
					break
				}
			}
			if err == nil {
				err = check.complete()
			}
			if (err != nil) != (c.failure != "") || err != nil && !strings.Contains(err.Error(), c.failure) {
				t.Errorf("%q gives %v", c.seen, err)
			}
		})
	}
	if _, err := newChecker(&life{}).page([]byte("[{")); err == nil {
		t.Error("a torn page is no error")
	}
}
