package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// life is one stream from its creation to its end.
type life struct {
	url   string
	begun time.Time
	// writers append to it, each one request at a time.
	writers []*writer
	// over is closed once it is closed, and may be missing soon.
	over chan struct{}

	mu sync.Mutex
	// unknown has the messages whose append failed: they may be there or not.
	unknown map[place]bool
}

// place is a message: which writer's, and its number.
type place struct{ writer, number int }

// message is what is appended.
type message struct {
	Writer int    `json:"w"`
	Number int    `json:"n"`
	Sent   int64  `json:"t"` // Unix time in nanoseconds
	Pad    string `json:"p"`
}

// writer appends messages with rising numbers, in one of the ways that there are.
type writer struct {
	kind string
	size int

	mu   sync.Mutex
	id   int
	next int
	// ended says that its stream is over.
	ended bool
}

const (
	smallMessage = 100
	bigMessage   = 100 << 10
	// timeToLive is the TTL of streams, in seconds. It slides, so that it ends only those
	// that nobody uses any more.
	timeToLive = "60"
)

// newLife creates a stream. The time from when that was due is noted.
func (l *load) newLife(ctx context.Context, due time.Time) (*life, error) {
	s := &life{
		url: l.streams + "soak/" + rand.Text(), begun: time.Now(),
		over: make(chan struct{}), unknown: map[place]bool{},
	}
	for id, kind := range []string{appendPlain, appendProducer, appendSequenced, appendBig} {
		size := smallMessage
		if kind == appendBig {
			size = bigMessage
		}
		s.writers = append(s.writers, &writer{kind: kind, size: size, id: id})
	}
	_, err := l.timed(ctx, create, s, due, http.MethodPut, s.url, nil, headers{"Content-Type": "application/json", "Stream-TTL": timeToLive})
	return s, err
}

func (s *life) isOver() bool {
	select {
	case <-s.over:
		return true
	default:
		return false
	}
}

// append appends the next message of one of the writers, unless the stream has ended.
func (l *load) append(ctx context.Context, s *life, id int, due time.Time) {
	w := s.writers[id]
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return
	}
	body, err := json.Marshal(message{w.id, w.next, time.Now().UnixNano(), strings.Repeat("x", w.size)})
	if err != nil {
		l.record.failed(w.kind, err)
		return
	}
	h := headers{"Content-Type": "application/json"}
	switch w.kind {
	case appendProducer:
		h["Producer-Id"], h["Producer-Epoch"], h["Producer-Seq"] = "soak", "0", strconv.Itoa(w.next)
	case appendSequenced:
		h["Stream-Seq"] = fmt.Sprintf("%012d", w.next)
	}
	_, err = l.timed(ctx, w.kind, s, due, http.MethodPost, s.url, body, h)
	switch {
	case err == nil:
		w.next++
	case w.kind != appendProducer: // which sends the same again, with the same number
		s.mu.Lock()
		s.unknown[place{w.id, w.next}] = true
		s.mu.Unlock()
		w.next++
	}
}

// end ends a life: it is closed, read whole and checked, and then deleted or left to its
// TTL.
func (l *load) end(ctx context.Context, s *life, remove bool, due time.Time) {
	for _, w := range s.writers {
		w.mu.Lock()
		w.ended = true
		w.mu.Unlock()
	}
	_, err := l.timed(ctx, closing, s, due, http.MethodPost, s.url, nil, headers{"Stream-Closed": "true"})
	close(s.over)
	if err != nil {
		return // its TTL ends it
	}
	if err := l.readWhole(ctx, s, s.url); err != nil && ctx.Err() == nil {
		l.record.sawWrong(fmt.Errorf("%s: %w", s.url, err))
	}
	if remove {
		// A failure is noted, and the TTL ends the stream all the same.
		_, _ = l.timed(ctx, deletion, s, time.Now(), http.MethodDelete, s.url, nil, nil)
	}
}

// readWhole reads a stream from its beginning and checks that all is there. Requests that
// fail are noted, and no error.
func (l *load) readWhole(ctx context.Context, s *life, url string) error {
	c := newChecker(s)
	for offset := "-1"; ; {
		answer, err := l.timed(ctx, catchUp, s, time.Now(), http.MethodGet, url+"?offset="+offset, nil, nil)
		if err != nil {
			return nil
		}
		if _, err := c.page(answer.body); err != nil {
			return err
		}
		if answer.upToDate() {
			return c.complete()
		}
		offset = answer.next()
	}
}

// forkIt forks a stream at its end, appends to the fork, reads it and deletes it.
func (l *load) forkIt(ctx context.Context, s *life, due time.Time) {
	url := l.streams + "soak/" + rand.Text()
	source := s.url[strings.Index(s.url, streamsPath):]
	if _, err := l.timed(ctx, fork, s, due, http.MethodPut, url, nil, headers{"Stream-Forked-From": source, "Stream-TTL": timeToLive}); err != nil {
		return
	}
	own := []byte(`{"w":-1,"n":0}`)
	if _, err := l.timed(ctx, appendPlain, s, time.Now(), http.MethodPost, url, own, headers{"Content-Type": "application/json"}); err == nil {
		c, answer := newChecker(s), response{}
		for offset := "-1"; !answer.upToDate(); offset = answer.next() {
			if answer, err = l.timed(ctx, catchUp, s, time.Now(), http.MethodGet, url+"?offset="+offset, nil, nil); err != nil {
				break
			}
			if _, err = c.page(answer.body); err != nil {
				l.record.sawWrong(fmt.Errorf("fork of %s: %w", s.url, err))
				break
			}
		}
		if err == nil && !c.own {
			l.record.sawWrong(fmt.Errorf("fork of %s: its own message is missing", s.url))
		}
	}
	_, _ = l.timed(ctx, deletion, s, time.Now(), http.MethodDelete, url, nil, nil)
}
