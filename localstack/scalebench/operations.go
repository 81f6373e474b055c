package main

import (
	"context"
	"fmt"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// operations are what is done to a stream, whose name is the size. Each is done by a
// process that has never seen it.
func (w *world) operations() []operation {
	return []operation{
		w.operation("append", add),
		w.operation("read the tail", func(ctx context.Context, log *stream.Log, name string) error {
			h, err := log.Head(ctx, name)
			if err != nil {
				return err
			}
			from := h.Tail
			from.Position--
			return read(ctx, log, name, stream.At(from), 1)
		}),
		w.operation("read from the start", func(ctx context.Context, log *stream.Log, name string) error {
			return read(ctx, log, name, stream.Start(), 1)
		}),
		w.operation("HEAD", func(ctx context.Context, log *stream.Log, name string) error {
			_, err := log.Head(ctx, name)
			return err
		}),
		{
			name: "create",
			do: func(ctx context.Context, size int) error {
				return w.in(ctx, size, func(ctx context.Context, log *stream.Log, _ string) error {
					_, _, err := log.Create(ctx, made(size), &stream.Create{Config: config})
					return err
				})
			},
			undo: w.drop,
		},
		w.forking("fork", nil),
		w.operation("list 100 streams", func(ctx context.Context, log *stream.Log, _ string) error {
			_, _, err := log.Streams(ctx, "", "", 100)
			return err
		}),
	}
}

// ofMany are what is done to streams with many segments, besides.
func (w *world) ofMany() []operation {
	half := func(h *stream.Head) stream.Offset {
		if h.Tail.Segment == 0 {
			return stream.Offset{}
		}
		return stream.Offset{Segment: h.Tail.Segment / 2, Position: perSegment / 2}
	}
	return []operation{
		w.operation("read from the middle", func(ctx context.Context, log *stream.Log, name string) error {
			h, err := log.Head(ctx, name)
			if err != nil {
				return err
			}
			return read(ctx, log, name, stream.At(half(h)), 0)
		}),
		w.forking("fork in the middle", half),
		w.operation("list 100 segments", func(ctx context.Context, log *stream.Log, name string) error {
			_, _, err := log.Segments(ctx, name, stream.SegmentPlace{}, 100)
			return err
		}),
	}
}

// deleting is the deletion of a stream. Its data is discarded later.
func (w *world) deleting() operation {
	op := w.operation("delete", func(ctx context.Context, log *stream.Log, name string) error { return log.Delete(ctx, name) })
	op.once = true
	return op
}

// forking forks the stream at a place, by default at its tail.
func (w *world) forking(name string, at func(*stream.Head) stream.Offset) operation {
	return operation{
		name: name,
		do: func(ctx context.Context, size int) error {
			return w.in(ctx, size, func(ctx context.Context, log *stream.Log, name string) error {
				f := &stream.Fork{Source: name}
				if at != nil {
					h, err := log.Head(ctx, name)
					if err != nil {
						return err
					}
					f.At, f.HasAt = at(h), true
				}
				_, _, err := log.Create(ctx, made(size), &stream.Create{Fork: f})
				return err
			})
		},
		undo: w.drop,
	}
}

// operation is one that leaves nothing behind.
func (w *world) operation(name string, do func(ctx context.Context, log *stream.Log, name string) error) operation {
	return operation{name: name, do: func(ctx context.Context, size int) error { return w.in(ctx, size, do) }}
}

func (w *world) in(ctx context.Context, size int, do func(ctx context.Context, log *stream.Log, name string) error) error {
	log, err := w.process()
	if err != nil {
		return err
	}
	return do(ctx, log, fmt.Sprint(size))
}

// made is the name of what an operation makes of a size.
func made(size int) string { return fmt.Sprint("made/", size) }

// drop deletes it, and has its data discarded.
func (w *world) drop(ctx context.Context, size int) error {
	log, err := w.process()
	if err != nil {
		return err
	}
	return log.Delete(ctx, made(size))
}

// read reads a page, which has so many messages at least.
func read(ctx context.Context, log *stream.Log, name string, from stream.Position, least int) error {
	p, err := log.Read(ctx, name, from)
	if err == nil && p.Count < least {
		err = fmt.Errorf("a page of %d messages", p.Count)
	}
	return err
}
