package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	bulkSize    = 4 << 20
	bulkAppends = 16 // per stream: some servers answer with all of a stream at once
	bulkStreams = 4  // kept for reading; others are deleted as writing goes on
)

// bulk appends 4 MiB of random bytes at a time on one connection, and then
// reads the streams so written over and over. The first figure counts only the
// time within appends and is bounded by the bandwidth of durable writes to the
// disk; the second is bounded by the copies between page cache, server, socket
// and client.
func bulk(ctx context.Context, b *bench, t *target) ([]metric, error) {
	c, err := dial(ctx, t.addr)
	if err != nil {
		return nil, err
	}
	defer c.close()
	w := newBulkWriter(c, b, t)
	written, err := w.write()
	if err != nil {
		return nil, err
	}
	size := 0
	took, err := b.window().repeat(
		func() { size = 0 },
		func() error {
			for _, s := range w.kept {
				before := size
				if err := c.readSink(t, s.id, func(piece []byte) { size += len(piece) }); err != nil {
					return err
				}
				if n := size - before; n != s.appends*bulkSize {
					return fmt.Errorf("GET %s: %d bytes, want %d", t.path(s.id), n, s.appends*bulkSize)
				}
			}
			return nil
		})
	if err != nil {
		return nil, err
	}
	for _, s := range w.kept {
		if err := c.remove(t, s.id); err != nil {
			return nil, err
		}
	}
	return []metric{
		{name: "written", unit: "MB/s", value: written},
		{name: "read", unit: "MB/s", value: float64(size) / 1e6 / took.Seconds()},
	}, nil
}

// bulkWriter fills stream after stream with numbered bodies that are otherwise
// all the same.
type bulkWriter struct {
	c    *conn
	b    *bench
	t    *target
	body []byte
	kept []*bulkStream
}

type bulkStream struct {
	id      string
	req     []byte // ends with the body
	appends int    // acknowledged
}

func newBulkWriter(c *conn, b *bench, t *target) *bulkWriter {
	body := make([]byte, bulkSize)
	rand.NewChaCha8([32]byte{}).Read(body)
	return &bulkWriter{c: c, b: b, t: t, body: body}
}

// write returns the rate of the appends in MB/s. Each stream is checked when
// the next one is begun.
func (w *bulkWriter) write() (float64, error) {
	warm := min(w.b.duration/4, time.Second)
	var spent, measured time.Duration
	var s *bulkStream
	var appends int
	for measured < w.b.duration {
		if s == nil || s.appends == bulkAppends {
			var err error
			if s, err = w.next(s); err != nil {
				return 0, err
			}
		}
		binary.BigEndian.PutUint64(s.req[len(s.req)-bulkSize:], uint64(s.appends))
		begin := time.Now()
		if _, err := w.c.request(s.req, 204); err != nil {
			return 0, err
		}
		took := time.Since(begin)
		s.appends++
		if spent >= warm {
			appends++
			measured += took
		}
		spent += took
	}
	return float64(appends) * bulkSize / 1e6 / measured.Seconds(), w.verify(s)
}

// next begins a new stream, and deletes the oldest if there are enough.
func (w *bulkWriter) next(full *bulkStream) (*bulkStream, error) {
	if full != nil {
		if err := w.verify(full); err != nil {
			return nil, err
		}
	}
	if len(w.kept) == bulkStreams {
		if err := w.c.remove(w.t, w.kept[0].id); err != nil {
			return nil, err
		}
		w.kept = w.kept[1:]
	}
	s := &bulkStream{id: w.b.id()}
	if _, err := w.c.create(w.t, s.id, octets); err != nil {
		return nil, err
	}
	s.req = render("POST", w.t.addr, w.t.path(s.id), w.body, "Content-Type: "+octets)
	w.kept = append(w.kept, s)
	return s, nil
}

// verify reads a stream and compares every byte with what was acknowledged.
func (w *bulkWriter) verify(s *bulkStream) error {
	var at int
	var failed error
	var number [8]byte
	err := w.c.readSink(w.t, s.id, func(piece []byte) {
		for len(piece) > 0 && failed == nil {
			in := at % bulkSize
			want := w.body[in:]
			if in < len(number) {
				binary.BigEndian.PutUint64(number[:], uint64(at/bulkSize))
				want = number[in:]
			}
			n := min(len(piece), len(want))
			if !bytes.Equal(piece[:n], want[:n]) {
				failed = fmt.Errorf("wrong bytes at %d", at)
			}
			at += n
			piece = piece[n:]
		}
	})
	if err == nil {
		err = failed
	}
	if err == nil && at != s.appends*bulkSize {
		err = fmt.Errorf("%d bytes read, %d acknowledged", at, s.appends*bulkSize)
	}
	if err != nil {
		return fmt.Errorf("verifying %s: %w", w.t.path(s.id), err)
	}
	return nil
}
