package linear

import (
	"maps"
	"net/http"
)

// peek notes where the source of a fork ends.
func (s *state) peek(r Request) *state {
	next := *s
	next.peeks = maps.Clone(s.peeks)
	if next.peeks == nil {
		next.peeks = make(map[int]place)
	}
	next.peeks[r.pair] = place{}
	if l := s.lives[r.Source]; l != nil && !l.deleted {
		next.peeks[r.pair] = place{l.number, len(l.text)}
	}
	return &next
}

// fork is a creation with a source (section 4.2).
func (s *state) fork(r Request, a Answer) *state {
	source := s.lives[r.Source]
	var at place
	if r.pair != 0 {
		var peeked bool
		if at, peeked = s.peeks[r.pair]; !peeked {
			return nil
		}
		next := *s
		next.peeks = maps.Clone(s.peeks)
		delete(next.peeks, r.pair)
		s = &next
	} else if r.At != "" && source != nil && !source.deleted {
		if offset, known := source.places[r.At]; known {
			at = place{source.number, offset}
		}
	}
	there := source != nil && !source.deleted
	own := s.lives[r.Name]
	fresh := own == nil || s.fading(own)
	switch {
	case there && source.vague:
		return s.begin(r.Name, &life{vague: true})
	case there && fresh && (a.Unknown || a.Status == http.StatusCreated):
		return s.part(r, a, at)
	case a.Unknown:
		return s
	}
	same := own != nil && !own.deleted && own.source == r.Source && (r.At == "" || own.anchor == r.At || own.anchor == "?")
	switch a.Status {
	case http.StatusOK:
		if same && own.closed == r.Closed {
			return s.see(r.Name, own, a, len(own.text), a.Closed == own.closed)
		}
	case http.StatusNotFound:
		if source == nil {
			return s
		}
		if s.fading(source) {
			return s.with(r.Source, nil)
		}
	case http.StatusConflict:
		taken := own != nil && (own.deleted || !same || own.closed != r.Closed || own.anchor == "?")
		if taken || source != nil && source.deleted {
			return s
		}
	case http.StatusBadRequest:
		if there && at.life == 0 && s.over[r.Source][r.At] {
			return s
		}
	}
	return nil
}

// part begins the life of a fork.
func (s *state) part(r Request, a Answer, at place) *state {
	source := s.lives[r.Source]
	switch {
	case at.life == source.number:
	case a.Unknown:
		return s // the source is another one now
	case r.At != "" && s.over[r.Source][r.At]:
		return s.begin(r.Name, &life{vague: true})
	default:
		return nil
	}
	needed := *source
	needed.forked = true
	l := &life{
		contentType: source.contentType, text: source.text[:at.at], closed: r.Closed,
		source: r.Source, sourceLife: source.number, anchor: r.At, places: make(map[string]int),
	}
	for offset, place := range source.places {
		if place <= at.at {
			l.places[offset] = place
		}
	}
	if l.anchor == "" {
		l.anchor = a.Next // it has no text of its own
	}
	if l.anchor == "" {
		l.anchor = "?"
	}
	return s.with(r.Source, &needed).begin(r.Name, l).created(r.Name, a)
}
