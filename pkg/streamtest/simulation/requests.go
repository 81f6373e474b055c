package simulation

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// contentTypeOf is what streams of a name are created with, mostly.
func contentTypeOf(name string) string {
	if len(name)%2 == 0 {
		return "application/json"
	}
	return "text/plain"
}

func (c *client) create() {
	name := c.name()
	config := stream.Config{ContentType: contentTypeOf(name)}
	switch c.random.IntN(8) {
	case 0:
		config.HasTTL, config.TTL = true, []time.Duration{time.Second, 30 * time.Second, 10 * time.Minute}[c.random.IntN(3)]
	case 1:
		config.ExpiresAt = time.Now().Add(time.Duration(c.random.IntN(600)) * time.Second)
	}
	c.written++
	p := c.world.begin(c.number, c.written, name, c.random.IntN(3), []int{0, 20, 90}[c.random.IntN(3)])
	request := &stream.Create{Config: config, Records: p.records, Closed: c.random.IntN(20) == 0}
	for n := range attempts {
		if n > 0 {
			c.pause()
		}
		v := c.tryCreate(p, request)
		p.end = time.Now()
		// Whoever is told that the stream exists does not learn whether an attempt of the
		// server's own created it, before somebody else deleted and created it.
		switch doubted := n > 0 && p.answer == unknown; {
		case v == accepted:
			p.answer = v
		case v == failed && !doubted:
			p.answer = v
		default:
			p.answer = unknown
		}
		if v != unknown && v != failed {
			return
		}
	}
}

// tryCreate creates a stream. It is accepted if it is new.
func (c *client) tryCreate(p *put, request *stream.Create) verdict {
	v, from := unknown, time.Now()
	givenUp := c.ask(func(ctx context.Context, by *process) (func(), func()) {
		h, created, err := by.log.Create(ctx, p.name, request)
		return func() {
			w, now := c.world, time.Now()
			w.mu.Lock()
			defer w.mu.Unlock()
			switch v = verdictOf(err); {
			case v == accepted && created:
				p.tail = h.Tail
				if l := w.truth.lives[h.Life(p.name)]; l == nil || l.began.Before(from) || l.began.After(now) {
					w.violation("%q was created as %v from %v to %v, but its life is %+v", p.name, h.Incarnation, from, now, l)
				}
			case v == accepted:
				v = duplicate
				if !w.truth.was(p.name, h, from, now) {
					w.violation("%q exists, it was answered, with life %v and version %d, which it had not from %v to %v", p.name, h.Incarnation, h.Version, from, now)
				}
			case v == gone || v == mismatch:
				w.justify(p.name, v, from, now)
			}
		}, nil
	})
	p.givenUp = p.givenUp || givenUp
	return v
}

// justify checks that a stream could be answered so at some time between two. The world
// is locked.
func (w *world) justify(name string, v verdict, from, to time.Time) {
	justified := w.truth.during(name, from, to, func(at version) bool {
		for _, e := range at.state.exists(from, to) {
			if e == v || v == mismatch && e == accepted {
				return true
			}
		}
		return false
	})
	if !justified {
		w.violation("%q was answered %q, which it never was from %v to %v", name, v, from, to)
	}
}

func (c *client) delete() {
	name, from := c.name(), time.Now()
	c.ask(func(ctx context.Context, by *process) (func(), func()) {
		err := by.log.Delete(ctx, name)
		return func() {
			w, now := c.world, time.Now()
			w.mu.Lock()
			defer w.mu.Unlock()
			switch v := verdictOf(err); v {
			case notFound, gone:
				w.justify(name, v, from, now)
			case accepted:
				// It was there, and then it was not.
				there := w.truth.during(name, from, now, func(at version) bool { return at.head != nil && !at.head.Deleted })
				gone := w.truth.during(name, from, now, func(at version) bool { return at.head == nil || at.head.Deleted || at.at.After(from) })
				if !there || !gone {
					w.violation("%q was deleted, it was answered, and was there %v, and was not %v, from %v to %v", name, there, gone, from, now)
				}
			}
		}, nil
	})
}

func (c *client) fork() {
	source, name := c.name(), c.name()
	f := &stream.Fork{Source: source}
	if known := c.known[source]; len(known) > 0 && c.random.IntN(2) == 0 {
		f.At, f.HasAt = known[c.random.IntN(len(known))], true
		if c.random.IntN(3) == 0 {
			f.Sub = uint64(c.random.IntN(4))
		}
	}
	from := time.Now()
	c.ask(func(ctx context.Context, by *process) (func(), func()) {
		h, created, err := by.log.Create(ctx, name, &stream.Create{Fork: f})
		return func() {
			w, now := c.world, time.Now()
			w.mu.Lock()
			defer w.mu.Unlock()
			switch {
			case err == nil && created:
				if l := w.truth.lives[h.Life(name)]; l == nil || l.began.Before(from) || l.began.After(now) {
					w.violation("%q was forked as %v from %v to %v, but its life is %+v", name, h.Incarnation, from, now, l)
				}
			case errors.Is(err, stream.ErrNoSource):
				w.justify(source, notFound, from, now)
			case errors.Is(err, stream.ErrSourceGone):
				w.justify(source, gone, from, now)
			}
		}, nil
	})
}

func (c *client) head() {
	name, from := c.name(), time.Now()
	c.ask(func(ctx context.Context, by *process) (func(), func()) {
		h, err := by.log.Head(ctx, name)
		return func() {
			w, now := c.world, time.Now()
			w.mu.Lock()
			defer w.mu.Unlock()
			switch v := verdictOf(err); {
			case v == notFound || v == gone:
				w.justify(name, v, from, now)
			case v == accepted && !w.truth.was(name, h, from, now):
				w.violation("%q has life %v and version %d, it was answered, which it had not from %v to %v", name, h.Incarnation, h.Version, from, now)
			}
		}, nil
	})
}

// position is where a client reads from.
func (c *client) position(name string) stream.Position {
	known := c.known[name]
	switch n := c.random.IntN(4); {
	case n == 0:
		return stream.Now()
	case n == 1 || len(known) == 0:
		return stream.Start()
	default:
		return stream.At(known[c.random.IntN(len(known))])
	}
}

func (c *client) read() {
	name, from := c.name(), time.Now()
	at := c.position(name)
	c.ask(func(ctx context.Context, by *process) (func(), func()) {
		p, err := by.log.Read(ctx, name, at)
		return func() {
			if err == nil {
				c.known[name] = append(c.known[name], p.Next)
			}
			c.world.checkRead(name, p, err, from)
		}, nil
	})
}

// checkRead checks the answer to a read that began at a time.
func (w *world) checkRead(name string, p *stream.Page, err error, from time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	switch v := verdictOf(err); {
	case v == notFound || v == gone:
		// The life that it began in may have ended meanwhile.
		if !w.truth.endedSince(name, from) {
			w.justify(name, v, from, now)
		}
	case err == nil:
		if !w.truth.saidSo(name, p.Head, from, now) {
			w.violation("a page of %q is of life %v and version %d, which it had not from %v to %v", name, p.Head.Incarnation, p.Head.Version, from, now)
		}
		w.checkPage(name, p)
	}
}

// checkPage checks that a page has what its life has there. The world is locked.
func (w *world) checkPage(name string, p *stream.Page) {
	l, err := w.truth.existed(name, p.Head)
	if err != nil {
		w.violation("a page from %v: %v", p.From, err)
		return
	}
	var got strings.Builder
	count := 0
	for r := range p.Records() {
		got.Write(r)
		count++
	}
	// Those who stand inside a record of a life that is over are not told of the next.
	if want := text(l.cut(p.From, p.Next)); got.String() != want {
		w.violation("a page of %v from %v to %v has %.80q, and there is %.80q", l.Life, p.From, p.Next, got.String(), want)
	}
	if count == 0 && (p.From != p.Next || p.From != p.Head.Tail) || p.Head.Tail.Before(p.Next) {
		w.violation("a page of %v from %v to %v has %d records; the tail is %v", l.Life, p.From, p.Next, count, p.Head.Tail)
	}
}

// follow reads live for a while.
func (c *client) follow() {
	name, from := c.name(), time.Now()
	at := c.position(name)
	wait := time.Duration(1+c.random.IntN(3000)) * time.Millisecond
	pages := 1 + c.random.IntN(6)
	c.ask(func(ctx context.Context, by *process) (func(), func()) {
		f, p, err := by.log.Follow(ctx, name, at)
		if err != nil {
			return func() { c.world.checkRead(name, p, err, from) }, nil
		}
		defer f.Close()
		var later []*stream.Page
		waiting, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		for range pages {
			var next *stream.Page
			if next, err = f.Next(waiting); err != nil || next.Closed() {
				break
			}
			later = append(later, next)
		}
		first := time.Now()
		return func() { c.learnPages(name, p, later, err, from, first) }, nil
	})
}

// learnPages checks the pages of a follower.
func (c *client) learnPages(name string, p *stream.Page, later []*stream.Page, err error, from, to time.Time) {
	c.world.checkRead(name, p, nil, from)
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	for _, next := range later {
		if next.From != p.Next || next.Head.Incarnation != p.Head.Incarnation || next.Head.Tail.Before(p.Head.Tail) {
			c.world.violation("a follower of %q was at %v in life %v, version %d, and went on at %v in life %v, version %d", name, p.Next, p.Head.Incarnation, p.Head.Version, next.From, next.Head.Incarnation, next.Head.Version)
		}
		c.world.checkPage(name, next)
		p = next
	}
	switch v := verdictOf(err); {
	case err == nil || passing(err):
	case v == notFound || v == gone:
		if !c.world.truth.endedSince(name, from) {
			c.world.justify(name, v, from, to)
		}
	default:
		c.world.violation("a follower of %q failed with %v", name, err)
	}
}
