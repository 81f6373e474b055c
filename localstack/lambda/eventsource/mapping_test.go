package eventsource

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/aws/smithy-go"
)

func TestBatchSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := newFakeStream("a")
		stream.put("a", 7)
		r := startMapping(t, stream, nil, func(c *Config) { c.BatchSize = 3 })
		r.after(t, 0, "1 2 3|4 5|6 7") // pages have five records, and nothing waits
		stream.put("a", 1)
		r.after(t, 2*time.Second, "1 2 3|4 5|6 7|8")
	})
}

func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := newFakeStream("a")
		r := startMapping(t, stream, nil, func(c *Config) { c.BatchSize, c.MaximumBatchingWindow = 4, 5*time.Second })
		r.after(t, 10*time.Second, "")
		stream.put("a", 1)
		r.after(t, 3*time.Second, "")
		stream.put("a", 2)
		r.after(t, 4*time.Second, "1 2 3") // the window began with the first
		stream.put("a", 5)
		r.after(t, 1*time.Second, "1 2 3|4 5 6 7") // full
		r.after(t, 6*time.Second, "1 2 3|4 5 6 7|8")
	})
}

func TestWindowEndsWithShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := newFakeStream("a")
		stream.put("a", 2)
		stream.close("a")
		r := startMapping(t, stream, nil, func(c *Config) { c.MaximumBatchingWindow = time.Minute })
		r.after(t, time.Second, "1 2")
	})
}

func TestPayloadLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := newFakeStream("a")
		stream.putSized("a", 5, 2<<20) // the fake function checks the size of the event
		r := startMapping(t, stream, nil, nil)
		r.after(t, time.Second, "1 2|3 4|5")
	})
}

func TestFilters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := newFakeStream("a")
		stream.put("a", 6)
		r := startMapping(t, stream, nil, func(c *Config) {
			c.Filters = []string{
				`{"dynamodb": {"NewImage": {"parity": {"S": ["odd"]}}}}`,
				`{"dynamodb": {"SequenceNumber": ["4"]}}`,
			}
		})
		r.after(t, time.Second, "1 3 4 5")
	})
}

// A stream of which nothing passes the filters is still read to its end.
func TestFilterNothingPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := newFakeStream("a")
		stream.put("a", 20)
		stream.close("a")
		stream.add("b", "a")
		r := startMapping(t, stream, nil, func(c *Config) { c.Filters = []string{`{"dynamodb": {"SequenceNumber": ["21"]}}`} })
		stream.put("b", 1)
		r.after(t, time.Second, "21")
	})
}

func TestLatest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := newFakeStream("closed", "open")
		stream.add("child", "closed")
		stream.put("closed", 2)
		stream.put("open", 2)
		stream.put("child", 2)
		stream.close("closed")
		r := startMapping(t, stream, nil, func(c *Config) { c.StartingPosition = types.ShardIteratorTypeLatest })
		r.after(t, time.Second, "")
		stream.put("child", 1)
		r.after(t, 2*time.Second, "7")
		stream.put("open", 1)
		stream.close("open")
		stream.add("grandchild", "open")
		stream.put("grandchild", 1) // a shard that comes later is read from its start
		r.after(t, 2*time.Second, "7|8|9")
	})
}

// An iterator at LATEST that expires before it has given a record must not be
// replaced by a later one.
func TestLatestIsNotMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := newFakeStream("a")
		r := startMapping(t, stream, nil, func(c *Config) { c.StartingPosition = types.ShardIteratorTypeLatest })
		r.after(t, time.Second, "")
		stream.expire()
		stream.put("a", 1)
		r.after(t, 2*time.Second, "1")
	})
}

func TestParentBeforeChild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := newFakeStream()
		stream.add("child", "parent") // listed before its parent
		stream.add("parent", "expired")
		stream.add("grandchild", "child")
		stream.add("other", "")
		stream.put("parent", 2)
		stream.put("child", 2)
		stream.put("grandchild", 1)
		stream.close("parent")
		stream.close("child")
		var healthy atomic.Bool
		r := startMapping(t, stream, func(_ int, batch []string) (string, error) {
			if batch[0] == "1" && !healthy.Load() {
				return "", errFunction
			}
			return "null", nil
		}, func(c *Config) { c.BatchSize = 1 })
		time.Sleep(time.Minute)
		synctest.Wait()
		if seen := r.function.seen(); strings.Trim(seen, "1|") != "" || seen == "" {
			t.Fatalf("a batch went past the one that fails: %s", seen)
		}
		stream.put("other", 1) // another shard is not held up
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if seen := r.function.seen(); !strings.Contains(seen, "6") {
			t.Fatalf("a failing shard holds up another: %s", seen)
		}
		healthy.Store(true)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if seen := r.function.seen(); !strings.HasSuffix(seen, "1|2|3|4|5") {
			t.Errorf("the order is %s", seen)
		}
	})
}

func TestNewShardsAreFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := newFakeStream("a")
		stream.put("a", 1)
		r := startMapping(t, stream, nil, nil)
		r.after(t, time.Second, "1")
		stream.add("b", "") // without a parent: nothing ends that would make us look
		stream.put("b", 1)
		r.after(t, discoverEvery, "1|2")
		stream.add("c", "a")
		stream.put("c", 1)
		stream.close("a")
		r.after(t, 1100*time.Millisecond, "1|2|3") // the end of its parent does
	})
}

func TestManyShards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := newFakeStream("a", "b", "c", "d", "e") // three pages of the list
		for _, id := range []string{"a", "b", "c", "d", "e"} {
			stream.put(id, 1)
		}
		r := startMapping(t, stream, nil, nil)
		time.Sleep(time.Second)
		synctest.Wait()
		seen := strings.Split(r.function.seen(), "|")
		slices.Sort(seen)
		if got := strings.Join(seen, " "); got != "1 2 3 4 5" {
			t.Errorf("the function has seen %s", got)
		}
	})
}

// What goes wrong with the stream neither loses records nor repeats those that
// were read.
func TestStreamTroubles(t *testing.T) {
	throttled := &smithy.GenericAPIError{Code: "ProvisionedThroughputExceededException"}
	invalid := &smithy.GenericAPIError{Code: "ValidationException", Message: "Invalid ShardIterator"}
	internal := &types.InternalServerError{Message: aws.String("oh")}
	refused := errors.New("connect: connection refused")
	expired := &types.ExpiredIteratorException{Message: aws.String("expired")}
	for _, call := range []string{"DescribeStream", "GetShardIterator", "GetRecords"} {
		for name, err := range map[string]error{"throttled": throttled, "invalid": invalid, "internal": internal, "refused": refused, "expired": expired} {
			t.Run(call+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					stream := newFakeStream("a")
					stream.put("a", 7)
					stream.failures[call] = []error{err, err, err}
					r := startMapping(t, stream, nil, nil)
					r.after(t, 2*time.Second, "1 2 3 4 5|6 7")
					stream.mu.Lock()
					stream.failures[call] = []error{err, err, err}
					stream.mu.Unlock()
					stream.put("a", 1)
					r.after(t, 4*time.Second, "1 2 3 4 5|6 7|8")
				})
			})
		}
	}
}

func TestExpiredIterator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := newFakeStream("a")
		stream.put("a", 3)
		r := startMapping(t, stream, nil, nil)
		r.after(t, time.Second, "1 2 3")
		stream.expire()
		stream.put("a", 1)
		r.after(t, 2*time.Second, "1 2 3|4")
	})
}

func TestTrimmedData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := newFakeStream("a")
		stream.put("a", 2)
		r := startMapping(t, stream, nil, nil)
		r.after(t, time.Second, "1 2")
		stream.mu.Lock()
		stream.shard("a").trimmed = 4
		stream.mu.Unlock()
		stream.put("a", 5)
		r.after(t, 3*time.Second, "1 2|5 6 7")
	})
}

func TestStreamIsDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := newFakeStream("a")
		m, err := New(DefaultConfig(testARN, types.ShardIteratorTypeTrimHorizon), stream, &fakeFunction{t: t})
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Minute, func() {
			stream.mu.Lock()
			stream.deleted = true
			stream.mu.Unlock()
		})
		begun := time.Now()
		if err := m.Run(t.Context()); !errors.Is(err, ErrNoStream) || !strings.Contains(err.Error(), testARN) {
			t.Errorf("Run: %v", err)
		}
		if took := time.Since(begun); took < time.Minute || took > time.Minute+2*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestIdleIsCheapAndActivityIsQuick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := newFakeStream("a")
		r := startMapping(t, stream, nil, nil)
		r.after(t, time.Minute, "")
		before := stream.count("GetRecords")
		r.after(t, 100*time.Second, "")
		if n := stream.count("GetRecords") - before; n > 101 || n < 50 {
			t.Errorf("%d looks at an idle stream in 100 s", n)
		}
		if n := stream.count("DescribeStream"); n > 17 {
			t.Errorf("%d lists of shards in 160 s", n)
		}
		stream.put("a", 1)
		r.after(t, time.Second, "1")
		stream.put("a", 1)
		r.after(t, 800*time.Millisecond, "1|2")
		stream.put("a", 1)
		r.after(t, 500*time.Millisecond, "1|2|3")
	})
}

// Run returns at once, whatever it is doing.
func TestStop(t *testing.T) {
	tests := map[string]struct {
		answer func(int, []string) (string, error)
		set    func(*Config)
	}{
		"idle":            {},
		"in the window":   {set: func(c *Config) { c.MaximumBatchingWindow = time.Minute }},
		"between retries": {answer: failFor("1")},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stream := newFakeStream("a")
				stream.put("a", 1)
				r := startMapping(t, stream, tt.answer, tt.set)
				time.Sleep(30 * time.Second)
				begun := time.Now()
				if err := r.stop(); err != nil {
					t.Errorf("Run: %v", err)
				}
				if took := time.Since(begun); took > 0 {
					t.Errorf("it took %v to stop", took)
				}
			})
		})
	}
}

// hanging is a function that runs until it is cancelled.
type hanging struct{ entered chan struct{} }

func (h hanging) Invoke(ctx context.Context, _ []byte) ([]byte, error) {
	close(h.entered)
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestStopDuringInvocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stream := newFakeStream("a")
		stream.put("a", 1)
		c := DefaultConfig(testARN, types.ShardIteratorTypeTrimHorizon)
		c.MaximumRetryAttempts = 0
		c.OnFailure = func(f Failure) { t.Errorf("a cancelled invocation is not a failure: %+v", f) }
		function := hanging{make(chan struct{})}
		m, err := New(c, stream, function)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- m.Run(ctx) }()
		<-function.entered
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestConfigIsChecked(t *testing.T) {
	tests := map[string]func(*Config){
		"StreamARN":             func(c *Config) { c.StreamARN = "" },
		"StartingPosition":      func(c *Config) { c.StartingPosition = types.ShardIteratorTypeAtSequenceNumber },
		"BatchSize":             func(c *Config) { c.BatchSize = 0 },
		"BatchSize is 10001":    func(c *Config) { c.BatchSize = 10_001 },
		"MaximumBatchingWindow": func(c *Config) { c.MaximumBatchingWindow = 6 * time.Minute },
		"MaximumRetryAttempts":  func(c *Config) { c.MaximumRetryAttempts = -2 },
		"MaximumRecordAge":      func(c *Config) { c.MaximumRecordAge = 0 },
		"filter pattern":        func(c *Config) { c.Filters = []string{`{"a": "b"}`} },
	}
	for name, change := range tests {
		c := DefaultConfig(testARN, types.ShardIteratorTypeLatest)
		if _, err := New(c, nil, nil); err != nil {
			t.Fatalf("the defaults: %v", err)
		}
		change(&c)
		if _, err := New(c, nil, nil); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
