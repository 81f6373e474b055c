package dynamo_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/localstack/meter"
	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// counts makes a request of a client in a new process, and expects that its usage says
// what the meter does. The meter knows nothing of indexes: inIndexes are the units of
// those. It returns the usage.
func (s *shop) counts(what string, inIndexes float64, do func(ctx context.Context, log *stream.Log) error) stream.Spent {
	s.Helper()
	log, err := stream.New(s.driver, stream.Options{Limits: s.limits, Objects: new(memory.Objects)})
	if err != nil {
		s.Fatal(err)
	}
	s.meter.Take()
	var u stream.Usage
	if err := do(stream.WithUsage(s.Context(), &u), log); err != nil {
		s.Fatalf("%s: %v", what, err)
	}
	got, metered := u.Spent(), s.meter.Take()
	if got.Requests(stream.Table) != metered.Requests() {
		s.Errorf("%s: %v; the usage is %+v", what, metered, got)
	}
	if got.ReadUnits != metered.ReadUnits || got.WriteUnits != metered.WriteUnits+inIndexes {
		s.Errorf("%s: %v, and %v WU of indexes; the usage is %v RU and %v WU", what, metered, inIndexes, got.ReadUnits, got.WriteUnits)
	}
	if got.Busy <= 0 {
		s.Errorf("%s took no time", what)
	}
	return got
}

// TestUsage holds what a request is told that it took against what passes the client.
func TestUsage(t *testing.T) {
	s := newShop(t)
	s.limits.EarlyWait = 0
	appends := func(a *stream.Append) func(context.Context, *stream.Log) error {
		return func(ctx context.Context, log *stream.Log) error {
			done, err := log.Append(ctx, "s", a)
			if err == nil && done.FlushDue() {
				err = log.Flush(ctx, "s", done)
			}
			return err
		}
	}
	refused := func(do func(context.Context, *stream.Log) error) func(context.Context, *stream.Log) error {
		return func(ctx context.Context, log *stream.Log) error {
			if err := do(ctx, log); err == nil {
				return errors.New("it was not refused")
			}
			return nil
		}
	}
	reads := func(from stream.Position) func(context.Context, *stream.Log) error {
		return func(ctx context.Context, log *stream.Log) error {
			_, err := log.Read(ctx, "s", from)
			return err
		}
	}
	s.counts("create", 1, func(ctx context.Context, log *stream.Log) error {
		_, _, err := log.Create(ctx, "s", &stream.Create{Config: stream.Config{ContentType: "text/plain"}})
		return err
	})
	s.counts("append", 0, appends(produced("p", 0, 0, 10)))
	for what, do := range map[string]func(context.Context, *stream.Log) error{
		"duplicate": appends(produced("p", 0, 0, 10)),
		"gap":       refused(appends(produced("p", 0, 7, 10))),
	} {
		if got := s.counts(what, 0, do); got.Attempts != 1 || got.Conflicts != 1 {
			t.Errorf("%s: %+v", what, got)
		}
	}
	flushed := false
	for range 20 {
		got := s.counts("append, and flush if due", 0, appends(body(100)))
		flushed = flushed || got.Requests(stream.Table) == 3
	}
	if !flushed {
		t.Error("no append flushed")
	}
	got := s.counts("linked append", 0, appends(body(4000)))
	if want := "GetItem PutItem UpdateItem "; operations(got) != want {
		t.Errorf("a linked append made %s", operations(got))
	}
	s.counts("head", 0, func(ctx context.Context, log *stream.Log) error { _, err := log.Head(ctx, "s"); return err })
	s.counts("read at the tail", 0, reads(stream.Now()))
	if got := s.counts("catch-up", 0, reads(stream.Start())); operations(got) != "GetItem Query GetItem " && operations(got) != "GetItem Query " {
		t.Errorf("a catch-up made %s", operations(got))
	}
	// The stand-in charges an index no more in a transaction than alone.
	s.counts("fork", 1, func(ctx context.Context, log *stream.Log) error {
		_, _, err := log.Create(ctx, "fork", &stream.Create{Fork: &stream.Fork{Source: "s"}})
		return err
	})
	deletes := func(name string) func(context.Context, *stream.Log) error {
		return func(ctx context.Context, log *stream.Log) error { return log.Delete(ctx, name) }
	}
	s.counts("delete of what a fork needs", 0, deletes("s"))
	// Both are over then: each leaves the index of names and enters that of work.
	s.counts("delete", 4, deletes("fork"))
}

func operations(s stream.Spent) string {
	all := ""
	for _, c := range s.Calls {
		all += c.Operation + " "
	}
	return all
}

// canned answers every read with the same item.
type canned struct {
	dynamo.Client
	item map[string]types.AttributeValue
}

func (c canned) GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	return &dynamodb.GetItemOutput{Item: c.item}, nil
}

// A live reader pays for the polls, on Lambda at least, where nobody else is there.
func TestUsageOfPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &meter.Client{Client: canned{item: dynamo.EncodeHead("s", aHead(1))}}
		log, err := stream.New(newStore(t, m, "t"), stream.Options{
			Limits: dynamo.Limits(stream.DefaultLimits()), Poll: stream.Poll{Fast: 100 * time.Millisecond},
			Now: func() time.Time { return time.UnixMilli(2000) },
		})
		check(t, err)
		var u stream.Usage
		ctx := stream.WithUsage(t.Context(), &u)
		f, _, err := log.Follow(ctx, "s", stream.Now())
		check(t, err)
		waiting, cancel := context.WithTimeout(ctx, 1050*time.Millisecond)
		defer cancel()
		if _, err := f.Next(waiting); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		f.Close()
		synctest.Wait()
		if got, metered := u.Spent().Requests(stream.Table), m.Take().Requests(); got != metered || got != 11 {
			t.Errorf("%d requests, %d of them metered; want one, and ten polls", got, metered)
		}
	})
}

// A read that the SDK repeats counts as often as it is made.
func TestUsageOfRepeatedReads(t *testing.T) {
	var asked atomic.Int64
	var failures int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) <= failures {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		_, _ = w.Write([]byte(`{"ConsumedCapacity":{"CapacityUnits":1.5}}`)) // the client may be gone
	}))
	defer server.Close()
	store := newStore(t, dynamo.NewClient("us-east-1", server.URL, credentials.NewStaticCredentialsProvider("local", "local", "")), "t")
	for failures = range int64(dynamo.ReadAttempts + 1) {
		asked.Store(0)
		var u stream.Usage
		_, err := store.Head(stream.WithUsage(t.Context(), &u), "s", stream.Strong)
		units := 1.5
		if failures == dynamo.ReadAttempts {
			units = 0
			if errors.Is(err, stream.ErrNoHead) {
				t.Error("it did not fail")
			}
		}
		if got := u.Spent(); int64(got.Requests(stream.Table)) != asked.Load() || got.ReadUnits != units {
			t.Errorf("%d failures: %+v, of %d requests", failures, got, asked.Load())
		}
	}
}
