package main

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
)

// The protocol operations that are not themselves what a row times, each with
// its status checked.

// expect turns an answer with another status than wanted into an error that
// shows its body.
func expect(r *response, what string, want ...int) error {
	if slices.Contains(want, r.status) {
		return nil
	}
	return fmt.Errorf("%s: status %d, want %v: %q", what, r.status, want, r.body[:min(len(r.body), maxErrBody)])
}

// request does one request and checks its status.
func (c *conn) request(req []byte, want ...int) (*response, error) {
	r, err := c.do(req)
	if err != nil {
		return nil, err
	}
	return r, expect(r, firstLine(req), want...)
}

// create makes a stream and returns its tail offset.
func (c *conn) create(t *target, id, contentType string) (string, error) {
	r, err := c.request(render("PUT", t.addr, t.path(id), []byte{}, "Content-Type: "+contentType), 201)
	if err != nil {
		return "", err
	}
	return string(r.nextOffset), nil
}

// remove deletes streams, outside of anything timed, so that no row leaves
// its data behind for the next one.
func (c *conn) remove(t *target, ids ...string) error {
	for _, id := range ids {
		if _, err := c.request(render("DELETE", t.addr, t.path(id), nil), 204, 200); err != nil {
			return err
		}
	}
	return nil
}

// readAll reads a stream from its beginning until the server says that the
// answer was up to date, and hands the body of each answer to page.
func (c *conn) readAll(t *target, id string, page func(body []byte) error) error {
	for offset := "-1"; ; {
		r, err := c.request(render("GET", t.addr, readPath(t, id, offset), nil), 200)
		if err != nil {
			return err
		}
		if err = page(r.body); err != nil {
			return err
		}
		if r.upToDate {
			return nil
		}
		next := string(r.nextOffset)
		if next == "" || next == offset {
			return fmt.Errorf("GET %s: offset %q leads to %q and is not up to date", t.path(id), offset, next)
		}
		offset = next
	}
}

// readSink is readAll for bodies that go to the connection's sink.
func (c *conn) readSink(t *target, id string, sink func([]byte)) error {
	c.sink = sink
	defer func() { c.sink = nil }()
	return c.readAll(t, id, func([]byte) error { return nil })
}

func readPath(t *target, id, offset string) string {
	return t.path(id) + "?offset=" + url.QueryEscape(offset)
}

// verifyRecords reads a stream of small messages and checks that it holds
// exactly the acknowledged ones: acked maps each writer of the stream to the
// number of its appends that were acknowledged, and each writer's messages
// have to come in the order it sent them, since it never had two in flight.
func (c *conn) verifyRecords(t *target, id string, acked map[int]int) error {
	got := make(map[int]int)
	var rest []byte
	err := c.readAll(t, id, func(body []byte) error {
		rest = append(rest, body...)
		for len(rest) >= messageSize {
			writer, seq, err := parseRecord(rest[:messageSize])
			if err != nil {
				return err
			}
			if seq != got[writer] {
				return fmt.Errorf("writer %d: message %d where %d was due", writer, seq, got[writer])
			}
			got[writer]++
			rest = rest[messageSize:]
		}
		rest = bytes.Clone(rest)
		return nil
	})
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes after the last whole message", len(rest))
	}
	for writer, n := range acked {
		if err == nil && got[writer] != n {
			err = fmt.Errorf("writer %d: %d messages read, %d acknowledged", writer, got[writer], n)
		}
	}
	for writer := range got {
		if _, ok := acked[writer]; err == nil && !ok {
			err = fmt.Errorf("writer %d: messages read, none sent", writer)
		}
	}
	if err != nil {
		return fmt.Errorf("verifying %s: %w", t.path(id), err)
	}
	return nil
}
