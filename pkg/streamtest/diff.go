package streamtest

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// diffHeads tells in which fields two heads differ; "" if in none. Nil and empty
// maps and slices are the same, and so are equal instants in different zones.
func diffHeads(got, want *stream.Head) string {
	if got == nil || want == nil {
		if got == want {
			return ""
		}
		return fmt.Sprintf("got %+v, want %+v", got, want)
	}
	g, w := reflect.ValueOf(*normal(got)), reflect.ValueOf(*normal(want))
	var diffs []string
	for i := range g.NumField() {
		if a, b := g.Field(i).Interface(), w.Field(i).Interface(); !reflect.DeepEqual(a, b) {
			diffs = append(diffs, fmt.Sprintf("%s: got %+v, want %+v", g.Type().Field(i).Name, a, b))
		}
	}
	return strings.Join(diffs, "\n")
}

// normal returns a deep copy of a head in the form in which heads are compared.
func normal(h *stream.Head) *stream.Head {
	c := h.Clone()
	c.Ended = h.Ended
	for _, t := range []*time.Time{&c.CreatedAt, &c.UsedAt, &c.Deadline, &c.ExpiresAt} {
		*t = time.UnixMilli(t.UnixMilli()).UTC()
	}
	c.Forgotten = time.UnixMicro(c.Forgotten.UnixMicro()).UTC()
	if h.Origin != nil {
		origin := *h.Origin
		c.Origin = &origin
	}
	if len(c.Producers) == 0 {
		c.Producers = nil
	}
	c.Recent = append([]stream.CommitMark(nil), c.Recent...)
	c.Burned = append([]stream.Burned(nil), c.Burned...)
	for i := range c.Burned {
		c.Burned[i].At = time.UnixMilli(c.Burned[i].At.UnixMilli()).UTC()
	}
	c.Buffer = append([]*stream.Entry(nil), c.Buffer...)
	for i, e := range c.Buffer {
		entry := *e
		entry.Frames = append(stream.Frames(nil), e.Frames...)
		c.Buffer[i] = &entry
	}
	return c
}
