package linear

import (
	"maps"
	"net/http"
	"strings"

	"github.com/anishathalye/porcupine"
)

// model is the protocol, one request after the other.
//
// A request whose outcome is unknown takes effect if it can. That it never did is the case in
// which its turn comes after all others: nobody saw it.
func model() porcupine.Model {
	return porcupine.Model{
		Init: func() any {
			return &state{lives: make(map[string]*life), over: make(map[string]map[string]bool)}
		},
		Step: func(s, input, output any) (bool, any) {
			next := s.(*state).step(input.(Request), output.(Answer))
			return next != nil, next
		},
		Equal:             func(a, b any) bool { return a.(*state).equal(b.(*state)) },
		DescribeOperation: func(input, output any) string { return input.(Request).String() + " -> " + output.(Answer).String() },
		DescribeState:     func(s any) string { return s.(*state).String() },
	}
}

// step returns the state after a request that was answered so; nil if it cannot have been.
func (s *state) step(r Request, a Answer) *state {
	l := s.lives[r.Name]
	switch {
	case r.Kind == peek:
		return s.peek(r)
	case l != nil && l.vague:
		return s
	case r.Kind == Create && r.Source != "":
		return s.fork(r, a)
	case r.Kind == Create:
		return s.create(r, a)
	case l == nil || l.deleted:
		return s.missing(r.Name, a)
	case r.Kind == Append:
		return s.append(r, a)
	case r.Kind == Delete:
		return s.delete(r, a)
	case r.Kind == Head:
		if a.Unknown {
			return s
		}
		return s.see(r.Name, l, a, len(l.text), a.Status == http.StatusOK && a.Type == l.contentType && a.Closed == l.closed)
	default:
		return s.read(r, a)
	}
}

// see returns the state after an answer that is right, if it is, and says which offset stands
// for a place.
func (s *state) see(name string, l *life, a Answer, at int, right bool) *state {
	if !right {
		return nil
	}
	l, right = l.learn(a.Next, at)
	if !right {
		return nil
	}
	if l == s.lives[name] {
		return s
	}
	return s.with(name, l)
}

// missing is any request to a stream that is not there, or was deleted, but for creations.
func (s *state) missing(name string, a Answer) *state {
	l := s.lives[name]
	switch {
	case a.Unknown, l == nil && a.Status == http.StatusNotFound, l != nil && a.Status == http.StatusGone:
		return s
	case l != nil && a.Status == http.StatusNotFound && s.fading(l):
		return s.with(name, nil)
	}
	return nil
}

func (s *state) create(r Request, a Answer) *state {
	l := s.lives[r.Name]
	fresh := l == nil || s.fading(l)
	switch {
	case fresh && (a.Unknown || a.Status == http.StatusCreated):
		l = &life{contentType: r.Type, text: r.Text, closed: r.Closed}
		return s.begin(r.Name, l).created(r.Name, a)
	case a.Unknown:
		return s
	case l == nil:
		return nil
	case a.Status == http.StatusConflict:
		if l.deleted || l.contentType != r.Type || l.closed != r.Closed || l.source != "" {
			return s
		}
		return nil
	}
	right := a.Status == http.StatusOK && !l.deleted && l.source == "" && l.contentType == r.Type && l.closed == r.Closed
	return s.see(r.Name, l, a, len(l.text), right && a.Closed == l.closed)
}

// created checks what the creator of the newest life of a name was told.
func (s *state) created(name string, a Answer) *state {
	if a.Unknown {
		return s
	}
	l := s.lives[name]
	return s.see(name, l, a, len(l.text), a.Closed == l.closed && a.Type == l.contentType)
}

func (s *state) delete(r Request, a Answer) *state {
	l := s.lives[r.Name]
	switch {
	case !a.Unknown && a.Status != http.StatusNoContent:
		return nil
	case l.forked:
		gone := *l
		gone.deleted = true
		return s.with(r.Name, &gone)
	default:
		return s.with(r.Name, nil)
	}
}

// read is sections 5.6 to 5.8.
func (s *state) read(r Request, a Answer) *state {
	if r.events > 0 {
		if s = s.hear(r); s == nil {
			return nil
		}
	}
	l := s.lives[r.Name]
	from, known := l.places[r.From]
	switch {
	case r.From == "-1":
		from = 0
	case r.From == "now":
		from = len(l.text)
	case !known && s.over[r.Name][r.From]:
		// An offset of another life: it may stand for a place of this one by chance, and then the
		// next one does, too.
		switch {
		case a.Status == http.StatusBadRequest:
			return s
		case !strings.Contains(l.text, a.Text):
			return nil
		}
		return s.outdate(r.Name, a.Next)
	case !known:
		return nil
	}
	to := from + len(a.Text)
	right := a.Status == http.StatusOK || a.Status == http.StatusNoContent && a.Text == ""
	return s.see(r.Name, l, a, to, right && strings.HasPrefix(l.text[from:], a.Text) &&
		a.UpToDate == (to == len(l.text)) && a.Closed == (a.UpToDate && l.closed))
}

// hear takes the events of one response in their order.
func (s *state) hear(r Request) *state {
	if s.heard[r.pair] != r.event {
		return nil
	}
	next := *s
	next.heard = maps.Clone(s.heard)
	if next.heard == nil {
		next.heard = make(map[int]int)
	}
	next.heard[r.pair]++
	if r.event+1 == r.events {
		delete(next.heard, r.pair)
	}
	return &next
}

// append is section 5.2, with its order of refusals.
func (s *state) append(r Request, a Answer) *state {
	l := s.lives[r.Name]
	state, known := l.producers[r.Producer]
	sent := producer{r.Epoch, r.Number}
	produced := r.Producer != ""
	conflict := a.Status == http.StatusConflict
	switch {
	case l.closed:
		repeated := produced && l.closedBy.Producer == r.Producer && l.closedBy.Epoch == r.Epoch && l.closedBy.Number == r.Number
		if repeated || !produced && r.Closed && r.Text == "" {
			return s.told(r, a, a.Status == http.StatusNoContent && a.Closed, sent)
		}
		return s.told(r, a, conflict && a.Closed && !a.Gap, producer{})
	case r.Text != "" && r.Type != l.contentType:
		return s.refused(a, conflict && !a.Closed && !a.Gap)
	case produced && !known && r.Number > 0:
		return s.refused(a, conflict && a.Gap && a.Expected == 0)
	case produced && known && r.Epoch < state.epoch:
		return s.refused(a, a.Status == http.StatusForbidden && a.Epoch == state.epoch)
	case produced && known && r.Epoch > state.epoch && r.Number > 0:
		return s.refused(a, a.Status == http.StatusBadRequest)
	case produced && known && r.Epoch == state.epoch && r.Number <= state.number:
		return s.told(r, a, a.Status == http.StatusNoContent && !a.Closed, state)
	case produced && known && r.Epoch == state.epoch && r.Number > state.number+1:
		return s.refused(a, conflict && a.Gap && a.Expected == state.number+1)
	case r.Seq != "" && r.Seq <= l.seq:
		return s.refused(a, conflict && !a.Closed && !a.Gap)
	}
	next := *l
	next.text += r.Text
	if produced {
		next.producers = maps.Clone(l.producers)
		if next.producers == nil {
			next.producers = make(map[string]producer)
		}
		next.producers[r.Producer] = sent
	}
	if r.Seq != "" {
		next.seq = r.Seq
	}
	if r.Closed {
		next.closed, next.closedBy = true, r
	}
	status := http.StatusNoContent
	if produced && r.Text != "" {
		status = http.StatusOK
	}
	// A server that tried twice may have met its own first attempt, and say that it is a duplicate.
	right := a.Status == status || produced && a.Status == http.StatusNoContent
	return s.with(r.Name, &next).told(r, a, right && a.Closed == r.Closed, sent)
}

// refused returns the state if an append was refused as it should be.
func (s *state) refused(a Answer, right bool) *state {
	if a.Unknown || right {
		return s
	}
	return nil
}

// told returns the state if an append was answered as it should be, with the stream's end and
// the producer's state.
func (s *state) told(r Request, a Answer, right bool, p producer) *state {
	if a.Unknown {
		return s
	}
	if r.Producer != "" && a.Status < 300 {
		right = right && a.Producer && a.Epoch == p.epoch && a.Number == p.number
	}
	l := s.lives[r.Name]
	return s.see(r.Name, l, a, len(l.text), right)
}
