package simulation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// truth is what the store was told, in the order in which it was: all heads that there
// ever were, and what they say of the records of each life. It is looked at after each
// call, so it does not depend on what becomes of the records afterwards.
type truth struct {
	world *world
	names []string
	// heads are those of each name, in order.
	heads map[string][]version
	lives map[stream.Life]*life
	// order has the lives of each name in the order in which they began.
	order map[string][]*life
}

// version is a head, or that there is none, from a time on.
type version struct {
	at   time.Time
	head *stream.Head
	// state is what the protocol makes of it; nil if there is no head.
	state *state
}

// life is what became of one life.
type life struct {
	stream.Life
	began   time.Time
	created time.Time
	unit    stream.Unit
	records []record
	told    bool
	// over says that it is over for clients.
	over bool
}

// record is a record of a life: from an offset in its segment to another.
type record struct {
	from, to stream.Offset
	data     string
}

// staleness is how old an eventually consistent answer can be.
const staleness = 2 * time.Second

// observe looks at all heads after a call.
func (t *truth) observe() {
	for _, name := range t.names {
		h, err := t.world.store.Head(context.Background(), name, stream.Strong)
		if err != nil && !errors.Is(err, stream.ErrNoHead) {
			t.world.violation("head of %q: %v", name, err)
		}
		if last := t.latest(name); last.head != h {
			t.changed(name, last, h)
		}
	}
}

func (t *truth) latest(name string) version {
	if all := t.heads[name]; len(all) > 0 {
		return all[len(all)-1]
	}
	return version{}
}

// changed notes that a name has another head than the last.
func (t *truth) changed(name string, last version, h *stream.Head) {
	if last.head != nil && (h == nil || h.Incarnation != last.head.Incarnation) {
		t.lives[last.head.Life(name)].over = true
	}
	next := version{at: time.Now(), head: h}
	if h != nil {
		if last.head == nil || h.Incarnation != last.head.Incarnation {
			last = version{state: t.begin(name, h)}
		} else if h.Version != last.head.Version+1 {
			t.world.violation("%q: version %d follows %d", name, h.Version, last.head.Version)
		}
		l := t.lives[h.Life(name)]
		next.state = t.grow(l, last.state, h)
		l.over = l.over || h.Deleted
	}
	t.heads[name] = append(t.heads[name], next)
}

// begin notes a new life, with what it inherits.
func (t *truth) begin(name string, h *stream.Head) *state {
	l := &life{Life: h.Life(name), began: time.Now(), created: h.CreatedAt, unit: h.Unit(), told: !h.Unregistered}
	t.lives[l.Life] = l
	t.order[name] = append(t.order[name], l)
	if h.Origin == nil {
		return newState(h, stream.Offset{})
	}
	source := t.lives[h.Origin.Source]
	if source == nil {
		t.world.violation("%q was forked from %v, which never lived", name, h.Origin.Source)
		return newState(h, h.Origin.At)
	}
	if now := t.latest(source.Name); now.head == nil || now.head.Incarnation != source.Incarnation || now.head.Deleted || now.head.Tail.Before(h.Origin.At) {
		t.world.violation("%q was forked from %v at %v, where it is not", name, source.Life, h.Origin.At)
	}
	l.records = source.cut(stream.Offset{}, h.Origin.At)
	return newState(h, h.Origin.At)
}

// grow adds what is new in a head to the records of a life, and returns its state.
func (t *truth) grow(l *life, before *state, h *stream.Head) *state {
	at := before.tail
	var added []record
	for _, e := range h.Buffer {
		if !at.Before(e.To) {
			continue
		}
		if e.From != at {
			t.world.violation("%v: an entry from %v follows %v", l.Life, e.From, at)
		}
		place := e.From
		if e.To.Segment != e.From.Segment {
			place = stream.Offset{Segment: e.To.Segment}
		}
		frames, err := t.framesOf(l.Life, *e)
		if err != nil {
			t.world.violation("%v: what is linked at %v: %v", l.Life, e.From, err)
		}
		for data, err := range frames.Records() {
			if err != nil {
				t.world.violation("%v: frames at %v: %v", l.Life, e.From, err)
				break
			}
			r := record{from: place, data: string(data)}
			if place.Position++; l.unit == stream.Bytes {
				place.Position += uint64(len(data)) - 1
			}
			r.to = place
			added = append(added, r)
		}
		if place != e.To {
			t.world.violation("%v: an entry to %v has records to %v", l.Life, e.To, place)
		}
		at = e.To
	}
	if at != h.Tail {
		t.world.violation("%v: the tail is %v, with records to %v", l.Life, h.Tail, at)
	}
	l.records = append(l.records, added...)
	return t.world.place(l, before, h, added)
}

func (t *truth) framesOf(life stream.Life, e stream.Entry) (stream.Frames, error) {
	switch ctx := context.Background(); {
	case e.Staged == stream.StagedID{}:
		return e.Frames, nil
	case e.Staged.Object:
		return t.world.objects.Object(ctx, stream.StagedKey(life, e.Staged), 0, -1)
	default:
		return t.world.store.Staged(ctx, life, e.Staged)
	}
}

// cut returns the records between two offsets; of a text, the parts that are.
func (l *life) cut(from, to stream.Offset) (cut []record) {
	for _, r := range l.records {
		if !from.Before(r.to) || !r.from.Before(to) {
			continue
		}
		if r.from.Before(from) && l.unit == stream.Bytes {
			r.data = r.data[from.Position-r.from.Position:]
			r.from = from
		}
		if to.Before(r.to) && l.unit == stream.Bytes {
			r.data = r.data[:to.Position-r.from.Position]
			r.to = to
		}
		cut = append(cut, r)
	}
	return cut
}

func text(records []record) string {
	var b strings.Builder
	for _, r := range records {
		b.WriteString(r.data)
	}
	return b.String()
}

// stale returns the head of a name as it was a moment ago.
func (t *truth) stale(name string, r *rand.Rand) (*stream.Head, error) {
	asOf := time.Now()
	if !t.world.calm.Load() {
		asOf = asOf.Add(-time.Duration(r.Int64N(int64(staleness)) >> r.IntN(10)))
	}
	var found *stream.Head
	for _, v := range t.heads[name] {
		if v.at.After(asOf) {
			break
		}
		found = v.head
	}
	if found == nil {
		return nil, stream.ErrNoHead
	}
	return found, nil
}

// endedSince reports whether a life of a name was over since a time.
func (t *truth) endedSince(name string, since time.Time) bool {
	var last *stream.Head
	for _, v := range t.heads[name] {
		if v.at.After(since) && last != nil && (v.head == nil || v.head.Incarnation != last.Incarnation) {
			return true
		}
		last = v.head
	}
	return false
}

// during calls do with each version that a name had between two times, until it returns
// true, and reports whether it did.
func (t *truth) during(name string, from, to time.Time, do func(v version) bool) bool {
	all := t.heads[name]
	if len(all) == 0 || all[0].at.After(from) {
		if do(version{}) {
			return true
		}
	}
	for i, v := range all {
		over := i+1 < len(all) && all[i+1].at.Before(from)
		if !over && !v.at.After(to) && do(v) {
			return true
		}
	}
	return false
}

// was reports whether a head was that of its name at some time between two.
func (t *truth) was(name string, h *stream.Head, from, to time.Time) bool {
	return t.during(name, from, to, func(v version) bool {
		return v.head != nil && v.head.Incarnation == h.Incarnation && v.head.Version == h.Version
	})
}

// saidSo reports whether what a page says of its stream by a head was true at some time
// between two. Readers of one place share pages, which may be of an earlier version.
func (t *truth) saidSo(name string, h *stream.Head, from, to time.Time) bool {
	return t.during(name, from, to, func(v version) bool {
		return v.head != nil && v.head.Incarnation == h.Incarnation && v.head.Tail == h.Tail && v.head.Closed == h.Closed
	})
}

// existed returns the life of a head if the head was ever stored.
func (t *truth) existed(name string, h *stream.Head) (*life, error) {
	for _, v := range t.heads[name] {
		if v.head != nil && v.head.Incarnation == h.Incarnation && v.head.Version == h.Version {
			return t.lives[h.Life(name)], nil
		}
	}
	return nil, fmt.Errorf("%q never had the head of life %v and version %d", name, h.Incarnation, h.Version)
}
