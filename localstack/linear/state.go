package linear

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// state is what the model knows of a group of streams: those that may be forked from each
// other. It is immutable, and so are its lives.
type state struct {
	lives map[string]*life
	// born counts lives, to number them.
	born int
	// over holds, for each name, the offsets that lives of it gave out which are over, and those
	// that followed from them. Clients still have them.
	over map[string]map[string]bool
	// peeks are the sources of forks that are under way.
	peeks map[int]place
	// heard says how many events were taken of responses of which there are more.
	heard map[int]int
}

// life is a stream from its creation to its end.
type life struct {
	number      int
	contentType string
	text        string
	closed      bool
	closedBy    Request
	seq         string
	producers   map[string]producer
	// places says for each offset that was given out how much text precedes it.
	places map[string]int
	// deleted says that the stream is gone for clients, while forks need it.
	deleted bool
	// forked says that the stream ever had a fork.
	forked bool
	// source, sourceLife and anchor are from where a fork parts; "" means that it is none. An
	// unknown anchor is "?".
	source     string
	sourceLife int
	anchor     string
	// vague says that nothing is known of it but that it exists, or existed. It is a fork at an
	// offset that an earlier life of its source gave out.
	vague bool
}

type producer struct{ epoch, number uint64 }

// place is a place in the text of a life.
type place struct{ life, at int }

// with returns the state with another life of a name; nil ends the one that is there.
func (s *state) with(name string, l *life) *state {
	next := *s
	next.lives = maps.Clone(s.lives)
	if was := s.lives[name]; was != nil && (l == nil || l.number != was.number) {
		next.over = s.outdate(name, slices.Collect(maps.Keys(was.places))...).over
	}
	if l == nil {
		delete(next.lives, name)
	} else {
		next.lives[name] = l
	}
	return &next
}

// outdate returns the state with offsets of a name that are not known to stand for a place of its
// present life.
func (s *state) outdate(name string, offsets ...string) *state {
	next := *s
	next.over = maps.Clone(s.over)
	next.over[name] = maps.Clone(s.over[name])
	if next.over[name] == nil {
		next.over[name] = make(map[string]bool)
	}
	for _, offset := range offsets {
		next.over[name][offset] = true
	}
	return &next
}

// begin returns the state with a new life of a name.
func (s *state) begin(name string, l *life) *state {
	l.number = s.born + 1
	if l.places == nil {
		l.places = make(map[string]int)
	}
	next := s.with(name, l)
	next.born = l.number
	return next
}

// needed reports whether there are forks that need a life: those that are there, and those that
// are deleted and needed themselves.
func (s *state) needed(l *life) bool {
	for _, fork := range s.lives {
		if fork.sourceLife == l.number && (!fork.deleted || s.needed(fork)) {
			return true
		}
	}
	return false
}

// fading reports whether a life that was deleted may be gone for good: its last fork is, too, or
// was when it was deleted, and the server may see to that later (section 4.2, lifecycle).
func (s *state) fading(l *life) bool { return l.deleted && !s.needed(l) }

// learn returns the life with an offset that stands for a place, and whether that agrees with
// what is known: no offset stands for two places, and no place has two.
func (l *life) learn(offset string, at int) (*life, bool) {
	if known, ok := l.places[offset]; ok {
		return l, known == at
	}
	if offset == "" {
		return l, false
	}
	for _, known := range l.places {
		if known == at {
			return l, false
		}
	}
	next := *l
	next.places = maps.Clone(l.places)
	next.places[offset] = at
	return &next, true
}

func (s *state) equal(o *state) bool {
	return maps.EqualFunc(s.lives, o.lives, (*life).equal) && maps.Equal(s.peeks, o.peeks) && maps.Equal(s.heard, o.heard) &&
		maps.EqualFunc(s.over, o.over, maps.Equal[map[string]bool, map[string]bool])
}

func (l *life) equal(o *life) bool {
	return l == o || l.number == o.number && l.contentType == o.contentType && l.text == o.text &&
		l.closed == o.closed && l.closedBy == o.closedBy && l.seq == o.seq && l.deleted == o.deleted &&
		l.forked == o.forked && l.source == o.source && l.sourceLife == o.sourceLife && l.anchor == o.anchor &&
		l.vague == o.vague && maps.Equal(l.producers, o.producers) && maps.Equal(l.places, o.places)
}

// String is the state as it is shown in a history.
func (s *state) String() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.lives)) {
		l := s.lives[name]
		fmt.Fprintf(&b, "%s (%d): %s", name, l.number, short(l.text))
		for _, flag := range []struct {
			set  bool
			text string
		}{{l.closed, "closed"}, {l.deleted, "deleted"}, {l.source != "", "fork of " + l.source}, {l.vague, "vague"}, {l.seq != "", "seq " + l.seq}} {
			if flag.set {
				fmt.Fprintf(&b, ", %s", flag.text)
			}
		}
		for _, id := range slices.Sorted(maps.Keys(l.producers)) {
			fmt.Fprintf(&b, ", %s %d.%d", id, l.producers[id].epoch, l.producers[id].number)
		}
		b.WriteString("; ")
	}
	return b.String()
}
