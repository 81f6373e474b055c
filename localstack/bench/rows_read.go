package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
)

const (
	catchUpMessages = 20_000 // as the row's name says
	catchUpBatch    = 20     // messages per append while preparing
	firstNumber     = 10_000 // so that all messages are of one length
)

// jsonMessage is a JSON message of 100 bytes with exactly one brace each way,
// so that messages can be counted without parsing them.
type jsonMessage struct {
	N    int    `json:"n"`
	Text string `json:"text"`
}

// catchUp reads a stream of 20,000 JSON messages from its beginning, again
// and again on one connection. The messages were appended in arrays of 20, as
// a client that batches does. It is bounded by how fast a server gets from
// stored messages to one JSON array: a copy at best. How much a server puts
// into one answer is its own choice; the reader follows Stream-Next-Offset.
func catchUp(ctx context.Context, b *bench, t *target) ([]metric, error) {
	c, err := dial(ctx, t.addr)
	if err != nil {
		return nil, err
	}
	defer c.close()
	id := b.id()
	if err := c.prepareCatchUp(t, id, b.messages); err != nil {
		return nil, err
	}
	messages, size := 0, 0
	count := func(piece []byte) {
		messages += bytes.Count(piece, []byte{'{'})
		size += len(piece)
	}
	took, err := b.window().repeat(
		func() { messages, size = 0, 0 },
		func() error {
			before := messages
			if err := c.readSink(t, id, count); err != nil {
				return err
			}
			if n := messages - before; n != b.messages {
				return fmt.Errorf("GET %s: %d messages, want %d", t.path(id), n, b.messages)
			}
			return nil
		})
	if err != nil {
		return nil, err
	}
	return []metric{
		{name: "messages", unit: "messages/s", value: float64(messages) / took.Seconds()},
		{name: "bytes", unit: "MB/s", value: float64(size) / 1e6 / took.Seconds()},
	}, c.remove(t, id)
}

// prepareCatchUp fills the stream and reads it once to check every message.
func (c *conn) prepareCatchUp(t *target, id string, messages int) error {
	if _, err := c.create(t, id, jsonMode); err != nil {
		return err
	}
	text := make([]byte, messageSize-len(`{"n":10000,"text":""}`))
	for i := range text {
		text[i] = byte('a' + i%26)
	}
	batch := make([]jsonMessage, catchUpBatch)
	for n := 0; n < messages; n += len(batch) {
		for i := range batch {
			batch[i] = jsonMessage{N: firstNumber + n + i, Text: string(text)}
		}
		body, err := json.Marshal(batch)
		if err != nil {
			return err
		}
		req := render("POST", t.addr, t.path(id), body, "Content-Type: "+jsonMode)
		if _, err := c.request(req, 204); err != nil {
			return err
		}
	}
	next := firstNumber
	err := c.readAll(t, id, func(body []byte) error {
		var page []jsonMessage
		if err := json.Unmarshal(body, &page); err != nil {
			return fmt.Errorf("GET %s: %w", t.path(id), err)
		}
		for _, m := range page {
			if m.N != next || m.Text != string(text) {
				return fmt.Errorf("GET %s: message %d where %d was due", t.path(id), m.N, next)
			}
			next++
		}
		return nil
	})
	if n := next - firstNumber; err == nil && n != messages {
		err = fmt.Errorf("GET %s: %d messages, want %d", t.path(id), n, messages)
	}
	return err
}
