package stream

import (
	"context"
	"maps"
	"sync"
	"weak"
)

// joint is something that one caller fetches for all who need it. What it is of is only
// read once done is closed.
type joint[T any] struct {
	done  chan struct{}
	value T
	err   error
	// left says that who fetched it gave up: the others have to do it themselves.
	left bool
}

func newJoint[T any]() *joint[T] { return &joint[T]{done: make(chan struct{})} }

// fetch is called by the one caller, and wakes the others when it returns.
func (j *joint[T]) fetch(ctx context.Context, do func() (T, error)) (T, error) {
	defer close(j.done)
	j.left = true // should do panic
	j.value, j.err = do()
	j.left = ctx.Err() != nil
	return j.value, j.err
}

// wait waits for who fetches it. again says that it has to be tried again.
func (j *joint[T]) wait(ctx context.Context) (value T, again bool, err error) {
	select {
	case <-j.done:
		return j.value, j.left, j.err
	case <-ctx.Done():
		return value, false, ctx.Err()
	}
}

// looks makes one strong read of a head for all readers who come while another one is
// under way. Each of them is answered by a read that began after he came, so he sees what
// he would have seen by himself; and however many come at once, the reads come one after
// the other.
type looks struct {
	mu sync.Mutex
	// underWay is a read that has begun, and coming the one that follows it.
	underWay, coming *joint[*Head]
}

func (s *looks) look(ctx context.Context, read func() (*Head, error)) (*Head, error) {
	for {
		s.mu.Lock()
		l, before := s.coming, s.underWay
		if l != nil {
			s.mu.Unlock()
			h, again, err := l.wait(ctx)
			if !again {
				return h, err
			}
			continue
		}
		l = newJoint[*Head]()
		s.coming = l
		s.mu.Unlock()
		return l.fetch(ctx, func() (*Head, error) { return s.lead(ctx, l, before, read) })
	}
}

// lead reads after the read before it.
func (s *looks) lead(ctx context.Context, l, before *joint[*Head], read func() (*Head, error)) (*Head, error) {
	if before != nil {
		select {
		case <-before.done:
		case <-ctx.Done():
			s.mu.Lock()
			defer s.mu.Unlock()
			s.coming = nil
			return nil, ctx.Err()
		}
	}
	s.mu.Lock()
	s.underWay, s.coming = l, nil
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.underWay == l {
			s.underWay = nil
		}
	}()
	return read()
}

// pages are read once for all readers who are at the same place, under the same head: who
// waits for a stream usually is where everybody else is. A page is kept as long as
// somebody uses it, so readers who went on to wait hold no memory.
type pages struct {
	mu   sync.Mutex
	from map[Offset]*sharedPage
}

type sharedPage struct {
	reading *joint[*Page] // nil once it was read
	page    weak.Pointer[Page]
}

// at returns the page that begins at an offset.
func (s *pages) at(ctx context.Context, from Offset, read func() (*Page, error)) (*Page, error) {
	for {
		s.mu.Lock()
		known := s.from[from]
		if known == nil {
			known = s.add(from)
		}
		reading := known.reading
		if reading == nil {
			if p := known.page.Value(); p != nil {
				s.mu.Unlock()
				return p, nil
			}
			reading = newJoint[*Page]()
			known.reading = reading
			s.mu.Unlock()
			return reading.fetch(ctx, func() (*Page, error) { return s.read(known, read) })
		}
		s.mu.Unlock()
		p, again, err := reading.wait(ctx)
		if !again {
			return p, err
		}
	}
}

// maxPlaces bounds how many places are remembered, if nobody is reading there.
const maxPlaces = 64

func (s *pages) add(from Offset) *sharedPage {
	if len(s.from) >= maxPlaces {
		maps.DeleteFunc(s.from, func(_ Offset, p *sharedPage) bool { return p.reading == nil })
	}
	if s.from == nil {
		s.from = make(map[Offset]*sharedPage)
	}
	added := new(sharedPage)
	s.from[from] = added
	return added
}

func (s *pages) read(known *sharedPage, read func() (*Page, error)) (p *Page, err error) {
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		known.reading, known.page = nil, weak.Make(p)
	}()
	return read()
}
