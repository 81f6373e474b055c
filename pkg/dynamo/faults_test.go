package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/localstack/faults"
	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// write is a write of the driver that is ready to be made.
type write struct {
	name string
	// op is the request that changes something.
	op   string
	make func(ctx context.Context, d stream.Driver) error
}

var (
	errNotDone  = errors.New("nothing was discarded")
	errReleased = errors.New("the fork was released before")
)

// writes prepares all writes of the driver in a table, each of a stream or life of
// its own. As long as they have no effect they can be made again.
func writes(t *testing.T, d stream.Driver) []write {
	t.Helper()
	ctx := t.Context()
	stored := func(name string, n int) *stream.Head {
		h := aHead(byte(n))
		check(t, d.Create(ctx, name, h, nil))
		h, err := d.Commit(ctx, name, aBatch(1, body(10)), limits)
		check(t, err)
		return h
	}
	dead := func(name string, n int) stream.Life {
		h := stored(name, n)
		check(t, d.Delete(ctx, name, h.Incarnation))
		return h.Life(name)
	}
	update, trim, del, replace := stored("update", 1), stored("trim", 2), stored("delete", 3), stored("replace", 4)
	for i := range stream.MaxTrim - 1 {
		var err error
		trim, err = d.Commit(ctx, "trim", aBatch(stream.CommitID(i+2), body(10)), limits)
		check(t, err)
	}
	stored("commit", 5)
	dead("tombstone", 6)
	settle, discard := dead("settle", 7), aLife(8)
	chunk := aChunk(0, "some records")
	check(t, d.PutChunk(ctx, discard, chunk))
	retire, compact := aLife(10), stored("compact", 11).Life("compact")
	check(t, d.PutChunk(ctx, retire, chunk))
	next := update.Clone()
	next.Version++
	fresh := aHead(9)
	source, lineage := aSource(t, d, "source", 20)
	dead("fork over a tombstone", 21)
	forkReplaces := stored("fork in place of a head", 22)
	released := aFork(23, source).Life("released")
	check(t, d.Fork(ctx, released.Name, aFork(23, source), nil, lineage, clock))
	// The source of another one is gone, against all rules.
	lonely, _ := aSource(t, d, "lonely", 24)
	alone := aFork(25, lonely).Life("released alone")
	check(t, d.Fork(ctx, alone.Name, aFork(25, lonely), nil, lineage, clock))
	uncounted, err := d.Head(ctx, lonely.Name, stream.Strong)
	check(t, err)
	uncounted = uncounted.Clone()
	uncounted.Forks, uncounted.Version = 0, uncounted.Version+1
	check(t, d.Update(ctx, lonely.Name, uncounted))
	check(t, d.Delete(ctx, lonely.Name, lonely.Incarnation))
	release := func(ctx context.Context, d stream.Driver, source, fork stream.Life) error {
		noted, err := d.Forks(ctx, source, stream.Life{}, 10)
		if err == nil && !slices.Contains(noted, fork) {
			return errReleased
		}
		if err == nil {
			_, err = d.Release(ctx, source, fork)
		}
		return err
	}
	return []write{
		{"Create", "PutItem", func(ctx context.Context, d stream.Driver) error { return d.Create(ctx, "create", fresh, nil) }},
		{"Create over a tombstone", "UpdateItem", func(ctx context.Context, d stream.Driver) error { return d.Create(ctx, "tombstone", fresh, nil) }},
		{"Create in place of a head", "UpdateItem", func(ctx context.Context, d stream.Driver) error { return d.Create(ctx, "replace", fresh, replace) }},
		{"Commit", "UpdateItem", func(ctx context.Context, d stream.Driver) error {
			_, err := d.Commit(ctx, "commit", aBatch(2, body(10)), limits)
			return err
		}},
		{"Update", "UpdateItem", func(ctx context.Context, d stream.Driver) error { return d.Update(ctx, "update", next) }},
		{"Trim", "UpdateItem", func(ctx context.Context, d stream.Driver) error {
			_, err := d.Trim(ctx, "trim", trim, trim.Tail, limits)
			return err
		}},
		{"Compact", "UpdateItem", func(ctx context.Context, d stream.Driver) error {
			_, err := d.Compact(ctx, compact, 1)
			return err
		}},
		{"Delete", "UpdateItem", func(ctx context.Context, d stream.Driver) error { return d.Delete(ctx, "delete", del.Incarnation) }},
		{"Fork", "TransactWriteItems", func(ctx context.Context, d stream.Driver) error {
			return d.Fork(ctx, "fork", aFork(9, source), nil, lineage, clock)
		}},
		{"Fork over a tombstone", "TransactWriteItems", func(ctx context.Context, d stream.Driver) error {
			return d.Fork(ctx, "fork over a tombstone", aFork(9, source), nil, lineage, clock)
		}},
		{"Fork in place of a head", "TransactWriteItems", func(ctx context.Context, d stream.Driver) error {
			return d.Fork(ctx, "fork in place of a head", aFork(9, source), forkReplaces, lineage, clock)
		}},
		{"Release", "TransactWriteItems", func(ctx context.Context, d stream.Driver) error { return release(ctx, d, source, released) }},
		{"Release of a fork whose source is gone", "BatchWriteItem", func(ctx context.Context, d stream.Driver) error {
			return release(ctx, d, lonely, alone)
		}},
		{"PutChunk", "PutItem", func(ctx context.Context, d stream.Driver) error { return d.PutChunk(ctx, aLife(9), chunk) }},
		{"PutStaged", "PutItem", func(ctx context.Context, d stream.Driver) error {
			return d.PutStaged(ctx, aLife(9), stream.StagedID{Commit: 1}, chunk.Frames)
		}},
		{"Retire", "UpdateItem", func(ctx context.Context, d stream.Driver) error {
			return d.Retire(ctx, retire, []stream.Offset{chunk.To}, nil)
		}},
		{"SetCursor", "PutItem", func(ctx context.Context, d stream.Driver) error { return d.SetCursor(ctx, "k", "v") }},
		{"SpillProducer", "PutItem", func(ctx context.Context, d stream.Driver) error {
			return d.SpillProducer(ctx, aLife(9), "p", stream.Producer{Seq: 1})
		}},
		{"PutManifest", "PutItem", func(ctx context.Context, d stream.Driver) error {
			return d.PutManifest(ctx, aLife(9), stream.Manifest{To: stream.Offset{Position: 1}, Count: 1, Object: "o", Size: 1})
		}},
		{"Settle", "UpdateItem", func(ctx context.Context, d stream.Driver) error { return d.Settle(ctx, settle) }},
		{"Discard", "BatchWriteItem", func(ctx context.Context, d stream.Driver) error {
			for range 2 {
				done, err := d.Discard(ctx, discard, 100)
				if done || err != nil {
					return err
				}
			}
			return errNotDone
		}},
	}
}

var limits = dynamo.Limits(stream.DefaultLimits())

func aHead(life byte) *stream.Head {
	return &stream.Head{
		Incarnation: stream.Incarnation{life}, Version: 1, Commits: 1, CreatedAt: clock,
		Config: stream.Config{ContentType: "text/plain"},
		Recent: []stream.CommitMark{{ID: stream.NewCommitID(clock, 1<<39)}},
	}
}

func aLife(life byte) stream.Life { return aHead(life).Life("s") }

func aBatch(id stream.CommitID, appends ...*stream.Append) *stream.Batch {
	return &stream.Batch{ID: id, Appends: appends, Now: clock.Add(time.Second)}
}

func aChunk(from uint64, record string) stream.Chunk {
	var r stream.Records
	r.Add([]byte(record))
	return stream.Chunk{
		From: stream.Offset{Position: from}, To: stream.Offset{Position: from + uint64(r.Size)},
		Count: r.Count, Size: r.Size, Frames: r.Frames,
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// outcome is what the caller of a failed write is told.
type outcome string

const (
	notApplied outcome = "not applied"
	rejected   outcome = "rejected"
	unknown    outcome = "unknown"
	refused    outcome = "refused"
	done       outcome = "done"
)

func outcomeOf(err error) outcome {
	var no *stream.RefusedError
	switch {
	case err == nil:
		return done
	case errors.As(err, &no), errors.Is(err, stream.ErrNoHead):
		return refused
	case errors.Is(err, stream.ErrNotApplied) && errors.Is(err, stream.ErrRejected):
		return "two things at once"
	case errors.Is(err, stream.ErrNotApplied):
		return notApplied
	case errors.Is(err, stream.ErrRejected):
		return rejected
	}
	return unknown
}

// What each write says when its request fails, and that it is made only once. Last,
// each is let through, which shows that the failures had no effect.
func TestFailedWrites(t *testing.T) {
	direct := sdk(t, processes.dynoxide)
	table := newTable(t, direct)
	ready := writes(t, newStore(t, direct, table))
	d := newDoor(t)
	s := d.store(t, table)
	for _, f := range []struct {
		name  string
		fails faults.Fault
		want  outcome
	}{
		{"throughput", faults.Error(400, "ProvisionedThroughputExceededException"), notApplied},
		{"throttled", faults.Error(400, "ThrottlingException"), notApplied},
		{"request limit", faults.Error(400, "RequestLimitExceeded"), notApplied},
		{"conflict", faults.Error(400, "TransactionConflictException"), notApplied},
		{"replica conflict", faults.Error(400, "ReplicatedWriteConflictException"), notApplied},
		{"not allowed", faults.Error(400, "AccessDeniedException"), rejected},
		{"not allowed by a gateway", faults.Page(403), rejected},
		{"invalid, or too large", faults.Error(400, "ValidationException"), rejected},
		{"no table", faults.Error(400, "ResourceNotFoundException"), rejected},
		{"collection too large", faults.Error(400, "ItemCollectionSizeLimitExceededException"), rejected},
		{"expired credentials", faults.Error(400, "ExpiredTokenException"), rejected},
		{"request too large for a gateway", faults.Page(413), rejected},
		{"internal error", faults.Error(500, "InternalServerError"), unknown},
		{"unavailable", faults.Error(503, "ServiceUnavailable"), unknown},
		{"bad gateway", faults.Page(502), unknown},
		{"request timeout", faults.Page(408), unknown},
		{"reset", faults.Of(faults.NotSent), unknown},
		{"torn answer", faults.Of(faults.TornAnswer), unknown},
	} {
		for _, w := range ready {
			d.breaking(f.fails, w.op)
			err := w.make(within(t), s)
			if got := outcomeOf(err); got != f.want {
				t.Errorf("%s: %s is %s, want %s: %v", f.name, w.name, got, f.want, err)
			}
			if n := d.Came(w.op); n != 1 {
				t.Errorf("%s: %s made %d requests of %s", f.name, w.name, n, w.op)
			}
		}
	}
	gone := refusedConnection(t, table)
	for _, w := range ready {
		if err := w.make(within(t), gone); outcomeOf(err) != notApplied {
			t.Errorf("no connection: %s is %s: %v", w.name, outcomeOf(err), err)
		}
	}
	d.Use(nil)
	for _, w := range ready {
		if err := w.make(within(t), s); err != nil {
			t.Errorf("%s had an effect, although it failed: %v", w.name, err)
		}
	}
}

// Every request ends, also where nobody answers.
func TestSilence(t *testing.T) {
	const timeout = time.Second // what precedes the write is answered in time
	direct := sdk(t, processes.dynoxide)
	table := newTable(t, direct)
	ready := writes(t, newStore(t, direct, table))
	for _, w := range ready {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			d := newDoor(t)
			d.breaking(faults.Of(faults.Silent), w.op)
			s := newStore(t, d.client(timeout), table)
			began := time.Now()
			if err := w.make(within(t), s); outcomeOf(err) != unknown {
				t.Errorf("it is %s: %v", outcomeOf(err), err)
			}
			if took := time.Since(began); took < timeout || took > patience/2 {
				t.Errorf("it took %v", took)
			}
			if n := d.Came(w.op); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestDeadlines(t *testing.T) {
	c := dynamo.NewClient("us-east-1", "", nil)
	hc, ok := c.Options().HTTPClient.(interface{ GetTimeout() time.Duration })
	if !ok {
		t.Fatalf("an HTTP client of another kind: %T", c.Options().HTTPClient)
	}
	if got := hc.GetTimeout(); got <= 0 || got > dynamo.AttemptTimeout {
		t.Errorf("a request may take %v", got)
	}
	if dynamo.AttemptTimeout >= stream.DefaultLimits().WriteTimeout {
		t.Error("one lost request uses up the time of a whole commit")
	}
}

// Reads are repeated by the SDK.
func TestFailedReads(t *testing.T) {
	direct := sdk(t, processes.dynoxide)
	table := newTable(t, direct)
	writes(t, newStore(t, direct, table))
	life := aLife(8)
	for _, r := range []struct {
		name, op string
		read     func(ctx context.Context, d stream.Driver) error
	}{
		{"Head", "GetItem", func(ctx context.Context, d stream.Driver) error {
			_, err := d.Head(ctx, "commit", stream.Strong)
			return err
		}},
		{"Staged", "GetItem", func(ctx context.Context, d stream.Driver) error {
			_, err := d.Staged(ctx, life, stream.StagedID{Commit: 1})
			return err
		}},
		{"SpilledProducer", "GetItem", func(ctx context.Context, d stream.Driver) error {
			_, _, err := d.SpilledProducer(ctx, life, "p")
			return err
		}},
		{"Chunks", "Query", func(ctx context.Context, d stream.Driver) error {
			_, err := d.Chunks(ctx, life, stream.Offset{}, 1)
			return err
		}},
		{"Manifests", "Query", func(ctx context.Context, d stream.Driver) error {
			_, err := d.Manifests(ctx, life, stream.Offset{}, 1)
			return err
		}},
		{"Lineage", "GetItem", func(ctx context.Context, d stream.Driver) error {
			_, err := d.Lineage(ctx, life)
			return err
		}},
		{"Forks", "Query", func(ctx context.Context, d stream.Driver) error {
			_, err := d.Forks(ctx, life, stream.Life{}, 1)
			return err
		}},
		{"Owed", "Query", func(ctx context.Context, d stream.Driver) error {
			_, err := d.Owed(ctx, 1)
			return err
		}},
		{"Unsettled", "GetItem", func(ctx context.Context, d stream.Driver) error {
			_, err := d.Unsettled(ctx, life)
			return err
		}},
		{"Cursor", "GetItem", func(ctx context.Context, d stream.Driver) error {
			_, err := d.Cursor(ctx, "k")
			return err
		}},
		{"Streams", "Query", func(ctx context.Context, d stream.Driver) error {
			_, err := d.Streams(ctx, "", "", 1)
			return err
		}},
		{"Segments", "Query", func(ctx context.Context, d stream.Driver) error {
			_, err := d.Segments(ctx, "", stream.Life{}, 0, 1)
			return err
		}},
		{"Inventory", "Scan", func(ctx context.Context, d stream.Driver) error {
			found, next, err := d.Inventory(ctx, `["a","b"]`, 1)
			if found != nil || next != `["a","b"]` {
				return fmt.Errorf("it failed, and returns %v, %q", found, next)
			}
			return err
		}},
	} {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			for _, f := range []struct {
				fails    faults.Fault
				want     outcome
				attempts int
			}{
				{faults.Error(500, "InternalServerError"), unknown, dynamo.ReadAttempts},
				{faults.Of(faults.NotSent), unknown, dynamo.ReadAttempts},
				{faults.Error(400, "ProvisionedThroughputExceededException"), notApplied, dynamo.ReadAttempts},
				{faults.Error(400, "AccessDeniedException"), rejected, 1},
				{faults.Error(400, "ResourceNotFoundException"), rejected, 1},
			} {
				t.Run(fmt.Sprint(f.want, f.attempts), func(t *testing.T) {
					t.Parallel()
					d := newDoor(t)
					d.breaking(f.fails, r.op)
					err := r.read(within(t), d.store(t, table))
					if got := outcomeOf(err); got != f.want {
						t.Errorf("it is %s, want %s: %v", got, f.want, err)
					}
					want := f.attempts
					if r.name == "Streams" || r.name == "Segments" {
						want *= 16 // shards, all asked at once
					}
					if n := d.Came(r.op); n != want {
						t.Errorf("%d requests, want %d", n, want)
					}
				})
			}
		})
	}
}
