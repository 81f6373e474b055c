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

// catchUp lets readers, each on a connection of its own, read a stream of 20,000 JSON
// messages from its beginning, again and again. The messages were appended in arrays of 20,
// as a client that batches does. It is bounded by how fast a server gets from stored messages
// to one JSON array: a copy at best. How much a server puts into one answer is its own choice;
// the readers follow Stream-Next-Offset.
func catchUp(readers int) func(context.Context, *bench, *target) ([]metric, error) {
	return func(ctx context.Context, b *bench, t *target) ([]metric, error) {
		g := newGroup(ctx)
		defer g.cancel(nil)
		c, err := dial(g.ctx, t.addr)
		if err != nil {
			return nil, err
		}
		id := b.id()
		if err := c.prepareCatchUp(t, id, b.messages); err != nil {
			return nil, err
		}
		w := b.window()
		cpu := usageDuring(ctx, t, w)
		defer cpu.stop()
		rates := make([]catchUpRate, readers)
		for i := range rates {
			c, err := dial(g.ctx, t.addr)
			if err != nil {
				return nil, err
			}
			g.run(func() (err error) {
				rates[i], err = c.catchUp(b, t, id, w)
				return err
			})
		}
		if err := g.wait(); err != nil {
			return nil, err
		}
		var all catchUpRate
		for _, r := range rates {
			all.messages += r.messages
			all.bytes += r.bytes
		}
		if c, err = dial(ctx, t.addr); err != nil {
			return nil, err
		}
		defer c.close()
		return []metric{
			{name: "messages", unit: "messages/s", value: all.messages},
			{name: "bytes", unit: "MB/s", value: all.bytes / 1e6},
			cpu.each(int(all.bytes/1e6*w.seconds()), "MB"),
		}, c.remove(t, id)
	}
}

// catchUpRate is what readers got a second.
type catchUpRate struct{ messages, bytes float64 }

// catchUp reads the stream over and over for as long as the window is open.
func (c *conn) catchUp(b *bench, t *target, id string, w window) (catchUpRate, error) {
	messages, size := 0, 0
	count := func(piece []byte) {
		messages += bytes.Count(piece, []byte{'{'})
		size += len(piece)
	}
	took, err := w.repeat(
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
	return catchUpRate{float64(messages) / took.Seconds(), float64(size) / took.Seconds()}, err
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
