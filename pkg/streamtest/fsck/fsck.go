// Package fsck checks that what a store holds for a stream makes sense, below
// the code that reads and writes it. It changes nothing.
package fsck

import (
	"context"
	"errors"
	"fmt"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// ErrBusy says that a stream kept changing while it was looked at, so that
// nothing can be said about it.
var ErrBusy = errors.New("fsck: the stream changed while it was checked")

// Report is what a sound stream consists of.
type Report struct {
	Head *stream.Head
	// Records are all records from the start to the tail.
	Records [][]byte
	// Chunks counts the stream's chunks.
	Chunks int
}

// Text returns all records, joined.
func (r *Report) Text() string {
	var all []byte
	for _, record := range r.Records {
		all = append(all, record...)
	}
	return string(all)
}

// attempts is how often a stream is looked at again because it changed.
const attempts = 5

// Stream checks the head and all data of a stream: that the head is consistent in
// itself, that every record is in at least one place, and that all copies of a
// record agree. It returns [stream.ErrNoHead] if there is no such stream.
//
// It does not look into sealed segments yet: there are none.
func Stream(ctx context.Context, d stream.Driver, name string) (*Report, error) {
	for range attempts {
		r, found := look(ctx, d, name)
		if found == nil {
			return r, nil
		}
		if r == nil {
			return nil, found
		}
		// A head that moved explains everything: data was not where it was any more.
		after, err := d.Head(ctx, name, stream.Strong)
		if err != nil {
			return nil, err
		}
		if after.Incarnation == r.Head.Incarnation && after.Version == r.Head.Version {
			return nil, fmt.Errorf("fsck: stream %q, life %v, version %d: %w", name, after.Incarnation, after.Version, found)
		}
	}
	return nil, ErrBusy
}

// look reads everything once. The report is nil if not even the head was read.
func look(ctx context.Context, d stream.Driver, name string) (*Report, error) {
	h, err := d.Head(ctx, name, stream.Strong)
	if err != nil {
		return nil, err
	}
	r, life := &Report{Head: h}, h.Life(name)
	problems := []error{checkHead(h)}
	l := newLayout(h.Unit())
	var at stream.Offset
	for {
		chunks, err := d.Chunks(ctx, life, at, 1<<20)
		if err != nil {
			return r, err
		}
		if len(chunks) == 0 {
			break
		}
		for _, c := range chunks {
			r.Chunks++
			if !at.Before(c.To) {
				return r, fmt.Errorf("chunk to %v comes after one to %v", c.To, at)
			}
			at = c.To
			if h.Tail.Before(c.To) {
				problems = append(problems, fmt.Errorf("chunk to %v is beyond the tail %v", c.To, h.Tail))
			}
			problems = append(problems, place(ctx, d, life, l, stream.Entry(c)))
		}
	}
	if l.end.Before(h.BufferFrom()) {
		problems = append(problems, fmt.Errorf("records between the last chunk, to %v, and the buffer, from %v, are lost", l.end, h.BufferFrom()))
	}
	for _, e := range h.Buffer {
		problems = append(problems, place(ctx, d, life, l, e))
	}
	problems = append(problems, l.checkTail(h))
	r.Records = l.records()
	return r, errors.Join(problems...)
}

// place fetches the records of an entry or chunk and puts them into the layout.
func place(ctx context.Context, d stream.Driver, life stream.Life, l *layout, e stream.Entry) error {
	frames := e.Frames
	if e.Staged != (stream.StagedID{}) {
		if len(frames) > 0 {
			return fmt.Errorf("entry to %v has both frames and a staged item", e.To)
		}
		var err error
		if frames, err = d.Staged(ctx, life, e.Staged); err != nil {
			return fmt.Errorf("entry to %v: staged item: %w", e.To, err)
		}
	}
	return l.place(e, frames)
}
