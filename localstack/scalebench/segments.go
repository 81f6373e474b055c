package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/commoncurriculum/durable-streams-aws/pkg/segment"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// perSegment is how many messages a segment has, and record one of them.
const perSegment = 1000

var record = []byte(`{"message":"of a stream that is long","padding":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}`)

// madeObjects are the objects of all segments. They are made when they are read, as ten
// thousand of them would not fit into memory.
type madeObjects struct {
	stream.Objects // nothing else of it is used
	gets           atomic.Int64
}

// Object implements [stream.Objects].
func (o *madeObjects) Object(_ context.Context, key string, offset, n int64) ([]byte, error) {
	o.gets.Add(1)
	number, err := strconv.ParseUint(key[strings.LastIndexByte(key, '-')+1:], 10, 64)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if _, _, err := makeSegment(&b, number); err != nil {
		return nil, err
	}
	body := b.Bytes()[offset:]
	if n >= 0 {
		body = body[:n]
	}
	return body, nil
}

func makeSegment(w io.Writer, number uint64) (segment.Summary, []byte, error) {
	sw := segment.NewWriter(w, segment.Messages, number)
	frame := stream.AppendFrame(nil, record)
	for range perSegment {
		if err := sw.Write(frame); err != nil {
			return segment.Summary{}, nil, err
		}
	}
	return sw.Close()
}

// manifest is that of a segment as the compaction would have put it.
func manifest(number uint64) (stream.Manifest, error) {
	summary, tail, err := makeSegment(io.Discard, number)
	m := stream.Manifest{
		Segment: number, To: stream.Offset{Segment: number, Position: perSegment}, Count: perSegment,
		Object: fmt.Sprintf("segment-%d", number), Size: summary.Size, CRC: summary.CRC, Tail: tail,
	}
	if number > 0 {
		m.From = stream.Offset{Segment: number - 1, Position: perSegment}
	}
	return m, err
}
