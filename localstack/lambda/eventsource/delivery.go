package eventsource

import (
	"context"
	"slices"
	"time"
)

// Reason says why records were given up.
type Reason string

// The function failed too often, or the records became older than they may be.
const (
	RetryAttemptsExhausted Reason = "RetryAttemptsExhausted"
	RecordAgeExceeded      Reason = "RecordAgeExceeded"
)

// Failure describes records that were given up.
type Failure struct {
	Reason    Reason
	StreamARN string
	Shard     string
	// FirstSequenceNumber and LastSequenceNumber are those of the first and the last
	// of the records, BatchSize is their number.
	FirstSequenceNumber string
	LastSequenceNumber  string
	BatchSize           int
	// FirstArrival and LastArrival are when the first and the last of them were made,
	// as the stream says; zero if it does not.
	FirstArrival, LastArrival time.Time
	// Attempts is how often the function failed with them, without those times
	// after which their batch was split.
	Attempts int
	// Event is what the function was given, or would have been.
	Event []byte
	// Err is why the last attempt failed; nil if there was none.
	Err error
}

// part is a run of records on its way to the function.
type part struct {
	records  []record
	attempts int
	err      error
}

// deliver invokes the function with a batch until every record of it has succeeded
// or was given up, or ctx has ended.
func (r *reader) deliver(ctx context.Context, batch []record) {
	queue := []part{{records: batch}}
	failures := 0
	for len(queue) > 0 {
		p := &queue[0]
		r.dropOld(p)
		if len(p.records) == 0 {
			queue = queue[1:]
			continue
		}
		done, err := r.invoke(ctx, p.records)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			queue, failures = queue[1:], 0
			continue
		}
		failures++
		p.attempts++
		p.err = err
		r.config.Logger.Warn("the function failed", "shard", r.shard, "first", p.records[0].sequence, "records", len(p.records), "succeeded", done, "attempt", p.attempts, "error", err)
		switch {
		case done > 0:
			// The rest is a batch that begins at another record, and has its own
			// attempts.
			*p = part{records: p.records[done:], err: err}
			failures = 1
		case r.config.BisectBatchOnFunctionError && len(p.records) > 1:
			queue = slices.Replace(queue, 0, 1, bisect(*p)...)
		case r.config.MaximumRetryAttempts != Unlimited && p.attempts > r.config.MaximumRetryAttempts:
			r.giveUp(*p, RetryAttemptsExhausted)
			queue, failures = queue[1:], 0
			continue
		}
		if wait(ctx, r.backoff(failures)) != nil {
			return
		}
	}
}

// bisect splits a part that failed. The split is not an attempt, those before it
// count.
func bisect(p part) []part {
	half := (len(p.records) + 1) / 2
	return []part{
		{records: p.records[:half], attempts: p.attempts - 1, err: p.err},
		{records: p.records[half:], attempts: p.attempts - 1, err: p.err},
	}
}

// invoke returns how many of the records, from the first on, succeeded. An error
// says that not all did.
func (r *reader) invoke(ctx context.Context, records []record) (succeeded int, err error) {
	result, err := r.function.Invoke(ctx, payload(records))
	if err != nil {
		return 0, err
	}
	if !r.config.ReportBatchItemFailures {
		return len(records), nil
	}
	return succeededBefore(result, records)
}

// dropOld gives up the records of a part that have become too old. Records are in
// order of time, so these are the first.
func (r *reader) dropOld(p *part) {
	if r.config.MaximumRecordAge == Unlimited {
		return
	}
	oldest := time.Now().Add(-r.config.MaximumRecordAge)
	n := 0
	for n < len(p.records) && !p.records[n].created.IsZero() && p.records[n].created.Before(oldest) {
		n++
	}
	if n == 0 {
		return
	}
	old := *p
	old.records, p.records = p.records[:n], p.records[n:]
	r.giveUp(old, RecordAgeExceeded)
}

// giveUp lets records go that will not be delivered.
func (r *reader) giveUp(p part, reason Reason) {
	first, last := p.records[0], p.records[len(p.records)-1]
	f := Failure{
		Reason:              reason,
		StreamARN:           r.config.StreamARN,
		Shard:               r.shard,
		FirstSequenceNumber: first.sequence,
		LastSequenceNumber:  last.sequence,
		BatchSize:           len(p.records),
		FirstArrival:        first.created,
		LastArrival:         last.created,
		Attempts:            p.attempts,
		Event:               payload(p.records),
		Err:                 p.err,
	}
	r.config.Logger.Error("records are given up", "reason", reason, "shard", r.shard, "first", f.FirstSequenceNumber, "last", f.LastSequenceNumber, "records", f.BatchSize, "error", p.err)
	if r.config.OnFailure != nil {
		r.config.OnFailure(f)
	}
}
