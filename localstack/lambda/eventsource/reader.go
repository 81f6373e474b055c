package eventsource

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// reader reads one shard and delivers what is in it. It is for one goroutine.
type reader struct {
	*Mapping
	shard string
	// from is where to begin if nothing has been read yet.
	from types.ShardIteratorType
	// last is the sequence number of the last record that was read.
	last *string
	// iterator is where to go on; nil means that it must be got.
	iterator *string
	// closed says that the shard has been read to its end.
	closed bool
	// troubles counts the requests that failed in a row.
	troubles int
	// read records wait in pending until they are delivered.
	pending []record
	pace    pace
}

func newReader(m *Mapping, s start) *reader {
	return &reader{Mapping: m, shard: s.shard, from: s.from, pace: newPace()}
}

// run returns when the shard has been read to its end and all of it was delivered
// or given up, or when ctx has ended.
func (r *reader) run(ctx context.Context) {
	for ctx.Err() == nil {
		batch := r.collect(ctx)
		if len(batch) == 0 {
			return
		}
		r.deliver(ctx, batch)
	}
}

// collect returns the next batch, when it is full or its window has passed. None is
// left if it returns none.
func (r *reader) collect(ctx context.Context) []record {
	due := time.Now().Add(r.config.MaximumBatchingWindow)
	for {
		n, full := r.fits()
		if full || n > 0 && (r.closed || !time.Now().Before(due)) {
			batch := r.pending[:n:n]
			r.pending = r.pending[n:]
			return batch
		}
		if r.closed {
			return nil
		}
		was := len(r.pending)
		pause := r.fetch(ctx)
		if was == 0 {
			due = time.Now().Add(r.config.MaximumBatchingWindow)
		}
		if r.closed {
			continue
		}
		if len(r.pending) > 0 {
			pause = min(pause, time.Until(due))
		}
		if wait(ctx, pause) != nil {
			return nil
		}
	}
}

// fits returns how many of the pending records one event holds, and whether there
// is no room in it for another.
func (r *reader) fits() (n int, full bool) {
	size := 0
	for n < len(r.pending) && n < r.config.BatchSize {
		size += len(r.pending[n].json) + 1
		if n > 0 && size > maxPayload {
			return n, true
		}
		n++
	}
	return n, n == r.config.BatchSize
}

// fetch reads what comes next into pending, and returns how long to wait before
// the next time. What fails is tried again then.
func (r *reader) fetch(ctx context.Context) time.Duration {
	err := r.position(ctx)
	var out *dynamodbstreams.GetRecordsOutput
	if err == nil {
		out, err = r.streams.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: r.iterator})
	}
	if err != nil {
		return r.trouble(ctx, err)
	}
	r.troubles = 0
	for _, change := range out.Records {
		if change.Dynamodb == nil || change.Dynamodb.SequenceNumber == nil {
			continue // a service error: it could neither be ordered nor be reported
		}
		r.last = change.Dynamodb.SequenceNumber
		if rec, wanted := r.admit(change); wanted {
			r.pending = append(r.pending, rec)
		}
	}
	r.iterator = out.NextShardIterator
	r.closed = r.iterator == nil
	return r.pace.next(len(out.Records))
}

// position gets an iterator if there is none.
func (r *reader) position(ctx context.Context) error {
	if r.iterator != nil {
		return nil
	}
	in := &dynamodbstreams.GetShardIteratorInput{StreamArn: &r.config.StreamARN, ShardId: &r.shard, ShardIteratorType: r.from}
	if r.last != nil {
		in.ShardIteratorType, in.SequenceNumber = types.ShardIteratorTypeAfterSequenceNumber, r.last
	}
	out, err := r.streams.GetShardIterator(ctx, in)
	if err != nil {
		return err
	}
	r.iterator = out.ShardIterator
	// An end without a start: there is nothing in the shard to be read.
	r.closed = r.iterator == nil
	if !r.closed {
		// Should this iterator expire before it has given a record, another at LATEST
		// could miss some. Rather read records twice than never.
		r.from = types.ShardIteratorTypeTrimHorizon
	}
	return nil
}

// trouble decides how to go on after a failed request, and when.
func (r *reader) trouble(ctx context.Context, err error) time.Duration {
	if ctx.Err() != nil {
		return 0
	}
	r.troubles++
	var api interface{ ErrorCode() string }
	code := ""
	if errors.As(err, &api) {
		code = api.ErrorCode()
	}
	switch code {
	case "ExpiredIteratorException", "ValidationException":
		// The iterator is of no use any more: the next try gets one after the last
		// record that was read.
		r.iterator = nil
	case "TrimmedDataAccessException":
		// What comes after the last record has expired. The rest has not.
		r.iterator, r.last, r.from = nil, nil, types.ShardIteratorTypeTrimHorizon
	case "ResourceNotFoundException":
		// The shard has expired, or the stream was deleted: Run will find out.
		r.closed = true
	}
	pause := r.backoff(r.troubles)
	if code == "ExpiredIteratorException" && r.troubles == 1 {
		pause = 0
	}
	r.config.Logger.Warn("read the stream", "shard", r.shard, "after", aws.ToString(r.last), "error", err, "again in", pause)
	return pause
}
