package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// pauseAfterFailure keeps a reader whose server fails from asking without pause.
const pauseAfterFailure = time.Second

// follow reads one stream of a slot after the other, each from its beginning to its end.
func (l *load) follow(ctx context.Context, s *slot, read func(context.Context, *follower) error) {
	var before *life
	for ctx.Err() == nil {
		f := &follower{checker: newChecker(s.current()), offset: "-1"}
		if f.of == before {
			// The next one has not begun yet, or this one ended in a failure.
			pause(ctx, pauseAfterFailure)
			continue
		}
		before = f.of
		for ctx.Err() == nil && !f.ended {
			err := read(ctx, f)
			switch {
			case err == nil || ctx.Err() != nil:
			case missing(err) && f.of.isOver():
				f.ended = true
			case errors.Is(err, errData):
				l.record.sawWrong(fmt.Errorf("%s: %w", f.of.url, err))
				f.ended = true
			default:
				l.record.failed("live reader", err)
				pause(ctx, pauseAfterFailure)
			}
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// follower is one live reader of one stream.
type follower struct {
	*checker
	// offset is where it goes on; current says that it had all that there was then.
	offset  string
	current bool
	ended   bool
}

// errData is what is wrong with what a live reader got.
var errData = errors.New("a live reader")

// take checks a page that a reader got, and notes how late it was, if the reader was
// waiting for it.
func (l *load) take(f *follower, kind string, body []byte) error {
	sent, err := f.page(body)
	if err != nil {
		return fmt.Errorf("%w: %w", errData, err)
	}
	if f.current && !sent.IsZero() {
		l.record.done(kind, sent)
	}
	return nil
}

// finish ends a reader at the end of its stream, where all must have come.
func (f *follower) finish() error {
	f.ended = true
	if err := f.complete(); err != nil {
		return fmt.Errorf("%w: %w", errData, err)
	}
	return nil
}

// followByPoll makes one long-poll.
func (l *load) followByPoll(ctx context.Context, f *follower) error {
	limited, cancel := context.WithTimeout(ctx, liveLimit)
	defer cancel()
	answer, err := l.ask(limited, http.MethodGet, f.of.url+"?live=long-poll&offset="+f.offset, nil, nil)
	if err != nil {
		return err
	}
	if err := l.take(f, longPoll, answer.body); err != nil {
		return err
	}
	f.offset, f.current = answer.next(), answer.upToDate()
	if answer.closed() && answer.upToDate() {
		return f.finish()
	}
	return nil
}

// followBySSE reads one SSE response to its end.
func (l *load) followBySSE(ctx context.Context, f *follower) error {
	limited, cancel := context.WithTimeout(ctx, liveLimit)
	defer cancel()
	r, err := http.NewRequestWithContext(limited, http.MethodGet, f.of.url+"?live=sse&offset="+f.offset, nil)
	if err != nil {
		return err
	}
	answer, err := l.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return &statusError{answer.StatusCode, "SSE"}
	}
	lines := bufio.NewReader(answer.Body)
	kind := ""
	for {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) && line == "" {
			return nil // the response's lifetime is over
		}
		if err != nil {
			return err
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		switch {
		case name == "event":
			kind = strings.TrimSpace(value)
		case name == "data" && kind == "data":
			// A page of JSON is one line.
			if err := l.take(f, sse, []byte(value)); err != nil {
				return err
			}
		case name == "data" && kind == "control":
			if err := f.control(value); err != nil || f.ended {
				return err
			}
		}
	}
}

// control notes a control event of SSE.
func (f *follower) control(data string) error {
	var c struct {
		StreamNextOffset       string
		UpToDate, StreamClosed bool
	}
	if err := json.Unmarshal([]byte(data), &c); err != nil {
		return fmt.Errorf("%w: control event %q: %w", errData, data, err)
	}
	f.offset, f.current = c.StreamNextOffset, c.UpToDate
	if c.StreamClosed {
		return f.finish()
	}
	return nil
}
