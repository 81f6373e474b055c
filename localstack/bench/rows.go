package main

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"
)

// row is one line, or a few related lines, of the table: a load that is put
// on one server at a time.
type row struct {
	name string
	run  func(ctx context.Context, b *bench, t *target) ([]metric, error)
}

// rows are all rows, in the order of the table. The one on memory has to be
// the last, since it shows what the others have left behind.
func rows() []row {
	const w = 32
	return []row{
		{"floor, one synced write, 100 B", floor},
		{"append latency, 1 connection, 100 B", appendLatency},
		{"append, 32 writers on 32 streams, 100 B", appendRate(load{writers: w, streams: w})},
		{"append, 32 writers on 1 stream, 100 B", appendRate(load{writers: w, streams: 1})},
		{"append, 32 producers on 32 streams, 100 B", appendRate(load{writers: w, streams: w, producers: true})},
		{"append, 32 producers on 1 stream, 100 B", appendRate(load{writers: w, streams: 1, producers: true})},
		{"catch-up, 20,000 JSON messages, 1 reader", catchUp(1)},
		{"catch-up, 20,000 JSON messages, 8 readers", catchUp(8)},
		{"live, 100 SSE readers, 50 messages/s", live(readEvents)},
		{"live, 100 long-poll readers, 50 messages/s", live(readPolls)},
		{"churn, create+append+delete, 8 workers", churn},
		{"bulk, 4 MiB appends, 1 connection", bulk},
		{"server memory", memory},
	}
}

// bench is what all rows of a run share.
type bench struct {
	duration time.Duration // measured, per row and server
	messages int           // read by the row on catching up
	dir      string        // on the disk that servers write to
	run      string        // part of every stream's name, so that no two runs meet
	streams  atomic.Int64
}

func newBench(duration time.Duration, dir string) *bench {
	return &bench{duration: duration, dir: dir, messages: catchUpMessages, run: strconv.FormatInt(time.Now().UnixNano(), 36)}
}

// id names a stream that has not existed before.
func (b *bench) id() string {
	return fmt.Sprintf("bench-%s-%d", b.run, b.streams.Add(1))
}

// limit is how long a row may take on one server, everything included. It is
// there for servers that stop answering.
func (b *bench) limit() time.Duration { return 4*b.duration + time.Minute }

// memory reports the resident size of the server's process after all the
// rows before it, and the greatest it ever had. For the other rows it is what
// their figures were bought with.
func memory(_ context.Context, _ *bench, t *target) ([]metric, error) {
	ms := []metric{none("resident", "MB"), none("peak", "MB")}
	if t.pid() == 0 {
		return ms, nil
	}
	rss, peak, err := memoryOf(t.pid())
	if err == nil {
		ms[0].value, ms[1].value = float64(rss)/1e6, float64(peak)/1e6
	}
	return ms, nil
}
