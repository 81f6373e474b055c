package streamtest

import (
	"fmt"
	"reflect"
	"slices"
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

// diffCommitted tells in which fields a head after a commit differs from the one
// that the rule gives; "" if in none. It may remember more of the commits that the
// head before did.
func diffCommitted(got, want, before *stream.Head) string {
	if more := len(got.Recent) - len(want.Recent); more > 0 && len(before.Recent) > len(got.Recent)-2 {
		all := append(slices.Clone(before.Recent), want.Recent[len(want.Recent)-1])
		remembering := *want
		remembering.Recent = all[len(all)-len(got.Recent):]
		want = &remembering
	}
	return diffHeads(got, want)
}

// diffTrimmed tells in which fields a head after a trim differs from the one that
// the rule gives; "" if in none. Of the commits it may remember fewer, but not fewer
// than so many.
func diffTrimmed(got, want *stream.Head, remember int) string {
	if fewer := len(want.Recent) - len(got.Recent); fewer > 0 && len(got.Recent) >= remember {
		forgetful := *want
		forgetful.Recent = want.Recent[fewer:]
		want = &forgetful
	}
	return diffHeads(got, want)
}

// normal returns a deep copy of a head in the form in which heads are compared.
func normal(h *stream.Head) *stream.Head {
	c := h.Clone()
	c.Ended = h.Ended
	for _, t := range []*time.Time{&c.CreatedAt, &c.UsedAt, &c.Deadline, &c.ExpiresAt} {
		*t = time.UnixMilli(t.UnixMilli()).UTC()
	}
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
