package eventsource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

const testARN = "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026-01-01T00:00:00.000"

// fakeStream is a stream in memory. Its sequence numbers are those of the stream,
// not of a shard, and only the shard that they are in knows them.
type fakeStream struct {
	mu       sync.Mutex
	shards   []*fakeShard
	sequence int
	// validFrom is the generation of the oldest iterators that have not expired.
	generation, validFrom int
	// failures are returned by the next calls, by the name of the call.
	failures map[string][]error
	calls    map[string]int
	// deleted says that the stream is gone; pageSize limits DescribeStream.
	deleted  bool
	pageSize int
}

type fakeShard struct {
	id, parent string
	records    []types.Record
	// trimmed is how many records, from the first on, have expired.
	trimmed int
	closed  bool
}

func newFakeStream(shards ...string) *fakeStream {
	f := &fakeStream{failures: make(map[string][]error), calls: make(map[string]int), pageSize: 2}
	for _, id := range shards {
		f.add(id, "")
	}
	return f
}

func (f *fakeStream) add(id, parent string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shards = append(f.shards, &fakeShard{id: id, parent: parent})
}

func (f *fakeStream) shard(id string) *fakeShard {
	for _, s := range f.shards {
		if s.id == id {
			return s
		}
	}
	return nil
}

// put adds n inserts to a shard, each with one attribute, and returns their
// sequence numbers.
func (f *fakeStream) put(shard string, n int) []string {
	return f.putSized(shard, n, 1)
}

func (f *fakeStream) putSized(shard string, n, size int) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.shard(shard)
	var sequences []string
	for range n {
		f.sequence++
		sequence := strconv.Itoa(f.sequence)
		sequences = append(sequences, sequence)
		s.records = append(s.records, types.Record{
			EventID: aws.String("event-" + sequence), EventName: types.OperationTypeInsert, EventVersion: aws.String("1.1"), AwsRegion: aws.String("us-east-1"),
			Dynamodb: &types.StreamRecord{
				SequenceNumber: &sequence, ApproximateCreationDateTime: aws.Time(time.Now()), StreamViewType: types.StreamViewTypeNewImage,
				NewImage: map[string]types.AttributeValue{
					"parity": &types.AttributeValueMemberS{Value: []string{"even", "odd"}[f.sequence%2]},
					"filler": &types.AttributeValueMemberS{Value: strings.Repeat("x", size)},
				},
			},
		})
	}
	return sequences
}

func (f *fakeStream) close(shard string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shard(shard).closed = true
}

// expire makes all iterators expire that have been handed out.
func (f *fakeStream) expire() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.generation++
	f.validFrom = f.generation
}

func (f *fakeStream) count(call string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[call]
}

// called counts a call and returns the failure that it is to have.
func (f *fakeStream) called(ctx context.Context, name string) error {
	f.calls[name]++
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if f.deleted {
		return &types.ResourceNotFoundException{Message: aws.String("no stream")}
	}
	if queued := f.failures[name]; len(queued) > 0 {
		f.failures[name] = queued[1:]
		return queued[0]
	}
	return nil
}

func (f *fakeStream) DescribeStream(ctx context.Context, in *dynamodbstreams.DescribeStreamInput, _ ...func(*dynamodbstreams.Options)) (*dynamodbstreams.DescribeStreamOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.called(ctx, "DescribeStream"); err != nil {
		return nil, err
	}
	first := 0
	if in.ExclusiveStartShardId != nil {
		first = 1 + slices.IndexFunc(f.shards, func(s *fakeShard) bool { return s.id == *in.ExclusiveStartShardId })
	}
	out := &types.StreamDescription{}
	for i := first; i < min(len(f.shards), first+f.pageSize); i++ {
		s := f.shards[i]
		// As one of the stand-ins has it, open shards have an end too.
		shard := types.Shard{ShardId: &s.id, SequenceNumberRange: &types.SequenceNumberRange{EndingSequenceNumber: aws.String("1")}}
		if s.parent != "" {
			shard.ParentShardId = &s.parent
		}
		out.Shards = append(out.Shards, shard)
	}
	if first+f.pageSize < len(f.shards) {
		out.LastEvaluatedShardId = out.Shards[len(out.Shards)-1].ShardId
	}
	return &dynamodbstreams.DescribeStreamOutput{StreamDescription: out}, nil
}

func (f *fakeStream) iterator(shard string, at int) *string {
	return aws.String(fmt.Sprintf("%s %d %d", shard, at, f.generation))
}

func (f *fakeStream) GetShardIterator(ctx context.Context, in *dynamodbstreams.GetShardIteratorInput, _ ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetShardIteratorOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.called(ctx, "GetShardIterator"); err != nil {
		return nil, err
	}
	s := f.shard(*in.ShardId)
	if s == nil {
		return nil, &types.ResourceNotFoundException{Message: aws.String("no shard")}
	}
	at := s.trimmed
	switch in.ShardIteratorType {
	case types.ShardIteratorTypeLatest:
		at = len(s.records)
	case types.ShardIteratorTypeAfterSequenceNumber:
		at = 1 + slices.IndexFunc(s.records, func(r types.Record) bool { return *r.Dynamodb.SequenceNumber == *in.SequenceNumber })
		if at == 0 || at < s.trimmed {
			return nil, &types.TrimmedDataAccessException{Message: aws.String("trimmed")}
		}
	}
	return &dynamodbstreams.GetShardIteratorOutput{ShardIterator: f.iterator(s.id, at)}, nil
}

func (f *fakeStream) GetRecords(ctx context.Context, in *dynamodbstreams.GetRecordsInput, _ ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetRecordsOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.called(ctx, "GetRecords"); err != nil {
		return nil, err
	}
	var id string
	var at, generation int
	if _, err := fmt.Sscanf(*in.ShardIterator, "%s %d %d", &id, &at, &generation); err != nil {
		return nil, err
	}
	s := f.shard(id)
	switch {
	case s == nil:
		return nil, &types.ResourceNotFoundException{Message: aws.String("no shard")}
	case generation < f.validFrom:
		return nil, &types.ExpiredIteratorException{Message: aws.String("expired")}
	case at < s.trimmed:
		return nil, &types.TrimmedDataAccessException{Message: aws.String("trimmed")}
	}
	const page = 5
	end := min(len(s.records), at+page)
	out := &dynamodbstreams.GetRecordsOutput{Records: s.records[at:end], NextShardIterator: f.iterator(id, end)}
	if s.closed && end == len(s.records) {
		out.NextShardIterator = nil
	}
	return out, nil
}

// fakeFunction remembers its invocations. It returns null, unless answer is set.
type fakeFunction struct {
	t      *testing.T
	answer func(call int, sequences []string) (string, error)

	mu      sync.Mutex
	begun   time.Time
	batches [][]string
	at      []time.Duration
}

func (f *fakeFunction) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event events.DynamoDBEvent
	if err := json.Unmarshal(payload, &event); err != nil {
		f.t.Errorf("the event cannot be decoded: %v", err)
	}
	if len(event.Records) == 0 || len(payload) > 6<<20 {
		f.t.Errorf("an event of %d records and %d bytes", len(event.Records), len(payload))
	}
	var sequences []string
	for _, r := range event.Records {
		sequences = append(sequences, r.Change.SequenceNumber)
	}
	f.mu.Lock()
	f.batches = append(f.batches, sequences)
	f.at = append(f.at, time.Since(f.begun))
	call := len(f.batches)
	f.mu.Unlock()
	if f.answer == nil {
		return []byte("null"), nil
	}
	result, err := f.answer(call, sequences)
	return []byte(result), err
}

// seen returns the batches so far, "1 2|3" for one of two records and one of one.
func (f *fakeFunction) seen() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for _, b := range f.batches {
		all = append(all, strings.Join(b, " "))
	}
	return strings.Join(all, "|")
}

func (f *fakeFunction) times() []time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.at)
}

// rig is a running mapping.
type rig struct {
	stream   *fakeStream
	function *fakeFunction
	failures []Failure
	stop     func() error
}

// start runs a mapping until the test ends. It must be called in a bubble.
func startMapping(t *testing.T, stream *fakeStream, answer func(int, []string) (string, error), set func(*Config)) *rig {
	t.Helper()
	r := &rig{stream: stream, function: &fakeFunction{t: t, answer: answer, begun: time.Now()}}
	c := DefaultConfig(testARN, types.ShardIteratorTypeTrimHorizon)
	c.Jitter = func() float64 { return 0 }
	c.OnFailure = func(f Failure) { r.failures = append(r.failures, f) }
	if set != nil {
		set(&c)
	}
	m, err := New(c, stream, r.function)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	r.stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return r
}

// after lets a time pass, and checks what the function has seen by then.
func (r *rig) after(t *testing.T, d time.Duration, want string) {
	t.Helper()
	time.Sleep(d) // in a bubble: no time passes outside
	synctest.Wait()
	if got := r.function.seen(); got != want {
		t.Errorf("after %v the function has seen\n%s, want\n%s", time.Since(r.function.begun), got, want)
	}
}

var errFunction = errors.New("the function failed")

// failFor returns an answer that fails when one of the records is in the batch.
func failFor(sequences ...string) func(int, []string) (string, error) {
	return func(_ int, batch []string) (string, error) {
		for _, s := range batch {
			if slices.Contains(sequences, s) {
				return "", errFunction
			}
		}
		return "null", nil
	}
}
