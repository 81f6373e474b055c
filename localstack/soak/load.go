package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

const (
	streamsPath = "/v1/stream/"
	// lifetime is how long a stream is written before another one takes its place.
	lifetime = 90 * time.Second
	// maxWaiting is how many requests may be under way before further ones are given up,
	// which counts as failures: the server cannot keep up with the rate.
	maxWaiting = 2000
	// idleLimit is how long a connection is kept between requests: less than servers keep
	// theirs, as a request that meets the end of one fails.
	idleLimit = 30 * time.Second
)

// load is what is done to a server.
type load struct {
	config  config.Soak
	streams string
	client  *http.Client
	record  *record
	// slots are the streams of the moment.
	slots []*slot
	// waiting has a token for each request under way.
	waiting chan struct{}
	group   sync.WaitGroup
}

// slot holds one stream after the other.
type slot struct {
	mu      sync.Mutex
	life    *life
	ends    time.Time
	removes bool
}

func newLoad(c config.Soak) *load {
	return &load{
		config: c, streams: strings.TrimRight(c.BaseURL, "/") + streamsPath, record: newRecord(),
		client:  &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256, IdleConnTimeout: idleLimit, DisableCompression: true}},
		waiting: make(chan struct{}, maxWaiting),
	}
}

// createAll makes the first streams. Their ends are spread over a lifetime.
func (l *load) createAll(ctx context.Context) error {
	for n := range l.config.Streams {
		first, err := l.newLife(ctx, time.Now())
		if err != nil {
			return err
		}
		age := lifetime * time.Duration(n) / time.Duration(l.config.Streams)
		l.slots = append(l.slots, &slot{life: first, ends: time.Now().Add(lifetime - age), removes: n%2 == 0})
	}
	return nil
}

func (s *slot) current() *life {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.life
}

// errOverload says that requests could not even be begun.
var errOverload = errors.New("not sent: too many requests are under way")

// run loads until ctx ends, and returns when nothing is under way.
func (l *load) run(ctx context.Context) {
	for n := range l.config.Readers {
		follow := l.followByPoll
		if n%2 == 1 {
			follow = l.followBySSE
		}
		l.group.Go(func() { l.follow(ctx, l.slots[n%len(l.slots)], follow) })
	}
	begun, pause := time.Now(), time.Second/time.Duration(l.config.Rate)
	wake := time.NewTimer(0)
	defer wake.Stop()
	for n := 0; ; n++ {
		due := begun.Add(time.Duration(n) * pause)
		wake.Reset(time.Until(due))
		select {
		case <-ctx.Done():
			l.group.Wait()
			l.client.CloseIdleConnections()
			return
		case <-wake.C:
		}
		select {
		case l.waiting <- struct{}{}:
			l.group.Go(func() {
				defer func() { <-l.waiting }()
				l.one(ctx, due)
			})
		default:
			l.record.failed("load", errOverload)
		}
	}
}

// one makes the request that was due at a time; its kind is left to chance.
func (l *load) one(ctx context.Context, due time.Time) {
	s := l.slots[rand.IntN(len(l.slots))]
	if old, removes := s.turn(due); old != nil {
		l.turnOver(ctx, s, old, removes, due)
		return
	}
	of := s.current()
	switch dice := rand.IntN(200); {
	case dice < 70:
		l.append(ctx, of, 0, due)
	case dice < 115:
		l.append(ctx, of, 1, due)
	case dice < 135:
		l.append(ctx, of, 2, due)
	case dice < 137:
		l.append(ctx, of, 3, due)
	case dice < 195:
		l.look(ctx, of, due, dice)
	default:
		l.forkIt(ctx, of, due)
	}
}

// turn returns the life of a slot if it is time for the next one, to one caller.
func (s *slot) turn(now time.Time) (old *life, removes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.ends) {
		return nil, false
	}
	s.ends = now.Add(lifetime)
	s.removes = !s.removes
	return s.life, s.removes
}

// turnOver puts a new life in the place of an old one, and ends that.
func (l *load) turnOver(ctx context.Context, s *slot, old *life, removes bool, due time.Time) {
	fresh, err := l.newLife(ctx, due)
	if err != nil {
		return // noted; the old one goes on for another lifetime
	}
	s.mu.Lock()
	s.life = fresh
	s.mu.Unlock()
	l.end(ctx, old, removes, time.Now())
}

// look reads without waiting: mostly the end of a stream, sometimes its beginning.
func (l *load) look(ctx context.Context, s *life, due time.Time, dice int) {
	if s.isOver() {
		return
	}
	if dice%4 == 0 {
		_, _ = l.timed(ctx, head, s, due, http.MethodHead, s.url, nil, nil)
		return
	}
	offset := "now"
	if dice%8 == 1 {
		offset = "-1"
	}
	answer, err := l.timed(ctx, catchUp, s, due, http.MethodGet, s.url+"?offset="+offset, nil, nil)
	if err != nil || offset == "now" {
		return
	}
	if _, err := newChecker(s).page(answer.body); err != nil {
		l.record.sawWrong(err)
	}
}
