package eventsource

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// ErrNoStream says that the stream does not exist, or no more.
var ErrNoStream = errors.New("eventsource: there is no such stream")

// discoverEvery is how often new shards are looked for. Shards that continue one
// which has been read to its end are found at once.
const discoverEvery = 10 * time.Second

// Mapping connects a stream to a function.
type Mapping struct {
	config   Config
	streams  Streams
	function Invoker
	filters  []Pattern
}

// New returns a mapping that does nothing yet. It fails if a setting is wrong.
func New(c Config, streams Streams, function Invoker) (*Mapping, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	m := &Mapping{config: c, streams: streams, function: function}
	for _, text := range c.Filters {
		p, err := CompilePattern(text)
		if err != nil {
			return nil, err
		}
		m.filters = append(m.filters, p)
	}
	return m, nil
}

// Run delivers records until ctx ends, and returns nil then, when no invocation is
// under way any more. It fails with [ErrNoStream]; all other troubles of the
// stream are waited out. It may be called again, which begins anew, but not twice
// at once.
func (m *Mapping) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var readers sync.WaitGroup
	defer readers.Wait()
	defer cancel()
	lineage := newLineage(m.config.StartingPosition)
	finished := make(chan string)
	for troubles := 0; ; {
		listed, err := m.listShards(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if _, ok := errors.AsType[*types.ResourceNotFoundException](err); ok {
			return fmt.Errorf("%w: %s: %w", ErrNoStream, m.config.StreamARN, err)
		}
		again := discoverEvery
		if err != nil {
			troubles++
			again = m.backoff(troubles)
			m.config.Logger.Warn("list the shards of the stream", "stream", m.config.StreamARN, "error", err, "again in", again)
		} else {
			troubles = 0
			for _, start := range lineage.ready(listed) {
				readers.Go(func() {
					newReader(m, start).run(ctx)
					select {
					case finished <- start.shard:
					case <-ctx.Done():
					}
				})
			}
		}
		timer := time.NewTimer(again)
		select {
		case shard := <-finished:
			lineage.finish(shard)
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// wait waits for a time, or until ctx ends, which is its error.
func wait(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// backoff is how long to wait after so many failures in a row: twice as long each
// time, up to ten seconds, of which a random half is taken off.
func (m *Mapping) backoff(failures int) time.Duration {
	const first, longest = 100 * time.Millisecond, 10 * time.Second
	d := longest
	if doubled := failures - 1; doubled < 10 {
		d = min(first<<doubled, longest)
	}
	return d - time.Duration(m.config.Jitter()*float64(d)/2)
}
