package eventsource_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/eventsource"
	"github.com/commoncurriculum/durable-streams-aws/localstack/standin"
)

// deadline bounds what has to happen in the end.
const deadline = 90 * time.Second

// table is a table with a change stream on a stand-in.
type table struct {
	t         *testing.T
	name      string
	db        *dynamodb.Client
	streams   *dynamodbstreams.Client
	streamARN string
}

func onStandIns(t *testing.T, test func(t *testing.T, table table)) {
	t.Helper()
	for name, start := range map[string]func(context.Context) (*standin.Process, error){
		"dynoxide": func(ctx context.Context) (*standin.Process, error) { return standin.Dynoxide(ctx, "") },
		"official": standin.Official,
	} {
		t.Run(name, func(t *testing.T) {
			p, err := start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := p.Stop(); err != nil {
					t.Error(err)
				}
			})
			test(t, newTable(t, p.Endpoint))
		})
	}
}

func newTable(t *testing.T, endpoint string) table {
	t.Helper()
	creds := credentials.NewStaticCredentialsProvider("local", "local", "")
	x := table{
		t: t, name: "changes",
		db:      dynamodb.New(dynamodb.Options{Region: "us-east-1", BaseEndpoint: &endpoint, Credentials: creds}),
		streams: dynamodbstreams.New(dynamodbstreams.Options{Region: "us-east-1", BaseEndpoint: &endpoint, Credentials: creds}),
	}
	out, err := x.db.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &x.name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("pk"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: types.KeyTypeHash}},
		StreamSpecification:  &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewAndOldImages},
	})
	if err != nil {
		t.Fatal(err)
	}
	x.streamARN = *out.TableDescription.LatestStreamArn
	return x
}

// set makes change n of an item.
func (x table) set(item string, n int) {
	x.t.Helper()
	_, err := x.db.PutItem(x.t.Context(), &dynamodb.PutItemInput{TableName: &x.name, Item: map[string]types.AttributeValue{
		"pk":     &types.AttributeValueMemberS{Value: item},
		"n":      &types.AttributeValueMemberN{Value: strconv.Itoa(n)},
		"frames": &types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberB{Value: []byte{0, byte(n)}}}},
	}})
	if err != nil {
		x.t.Error(err)
	}
}

// run runs a mapping until the test ends, and returns what Run returns.
func (x table) run(c eventsource.Config, function eventsource.Invoker) <-chan error {
	x.t.Helper()
	c.Logger = slog.New(slog.NewTextHandler(x.t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
	m, err := eventsource.New(c, x.streams, function)
	if err != nil {
		x.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(x.t.Context())
	ended, stopped := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(stopped)
		ended <- m.Run(ctx)
	}()
	x.t.Cleanup(func() {
		cancel()
		<-stopped
	})
	return ended
}

// consumer is a function that checks the order of what it gets, and fails in every
// way now and then.
type consumer struct {
	mu    sync.Mutex
	calls int
	// processed is the last change of each item that was processed.
	processed map[string]int
	// complete is closed when each of so many items has been processed up to a change.
	items, upTo int
	complete    chan struct{}
	complaints  []string
}

func newConsumer(items, upTo int) *consumer {
	return &consumer{processed: make(map[string]int), items: items, upTo: upTo, complete: make(chan struct{})}
}

func (c *consumer) Invoke(_ context.Context, payload []byte) ([]byte, error) {
	var event events.DynamoDBEvent
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	records := event.Records
	var result []byte
	switch c.calls % 12 {
	case 1:
		return nil, errors.New("a crash")
	case 5:
		half := len(records) / 2
		result = fmt.Appendf(nil, `{"batchItemFailures": [{"itemIdentifier": %q}]}`, records[half].Change.SequenceNumber)
		records = records[:half]
	case 9:
		result = []byte(`{"batchItemFailures": [{"itemIdentifier": ""}]}`) // processed, and to be repeated
	}
	for _, r := range records {
		c.process(r)
	}
	return result, nil
}

func (c *consumer) process(r events.DynamoDBEventRecord) {
	item := r.Change.Keys["pk"].String()
	n64, err := r.Change.NewImage["n"].Integer()
	n := int(n64)
	switch frames := r.Change.NewImage["frames"].List(); {
	case err != nil, len(frames) != 1, frames[0].Binary()[1] != byte(n):
		c.complaints = append(c.complaints, fmt.Sprintf("the image is %+v", r.Change.NewImage))
	case n > c.processed[item]+1:
		c.complaints = append(c.complaints, fmt.Sprintf("item %s: change %d came after %d", item, n, c.processed[item]))
	case n == c.processed[item]+1:
		c.processed[item] = n
	}
	if len(c.processed) < c.items {
		return
	}
	for _, n := range c.processed {
		if n < c.upTo {
			return
		}
	}
	select {
	case <-c.complete:
	default:
		close(c.complete)
	}
}

// Every change is delivered, in the order of its item, and nothing that the filter
// holds back.
func TestStandInsDeliverEverything(t *testing.T) {
	onStandIns(t, func(t *testing.T, x table) {
		const items, changes = 10, 50 // and as many that are not wanted
		function := newConsumer(items, changes)
		c := eventsource.DefaultConfig(x.streamARN, streamtypes.ShardIteratorTypeTrimHorizon)
		c.BatchSize = 20
		c.MaximumBatchingWindow = 20 * time.Millisecond
		c.ReportBatchItemFailures, c.BisectBatchOnFunctionError = true, true
		c.Filters = []string{`{"eventName": ["INSERT", "MODIFY"], "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "wanted"}]}}}}`}
		c.OnFailure = func(f eventsource.Failure) { t.Errorf("given up: %+v", f) }
		var writers sync.WaitGroup
		for i := range items {
			writers.Go(func() {
				for n := 1; n <= changes; n++ {
					x.set(fmt.Sprintf("wanted-%d", i), n)
					if n%10 == 0 {
						x.set(fmt.Sprintf("other-%d", i), n)
					}
				}
			})
		}
		x.run(c, function)
		writers.Wait()
		select {
		case <-function.complete:
		case <-time.After(deadline):
			t.Error("not everything was delivered")
		}
		function.mu.Lock()
		defer function.mu.Unlock()
		if len(function.complaints) > 0 || len(function.processed) != items {
			t.Errorf("the function got %v and complains: %v", function.processed, function.complaints)
		}
		t.Logf("%d changes in %d invocations", items*changes, function.calls)
	})
}

// changeNumbers is a function that passes on the numbers of the changes.
type changeNumbers chan int64

func (c changeNumbers) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event events.DynamoDBEvent
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, err
	}
	for _, r := range event.Records {
		n, err := r.Change.NewImage["n"].Integer()
		if err != nil {
			return nil, err
		}
		select {
		case c <- n:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return nil, nil
}

// LATEST leaves out what is there, and delivers what comes, without a gap.
func TestStandInsFromLatest(t *testing.T) {
	onStandIns(t, func(t *testing.T, x table) {
		const before = 5
		n := 0
		for n < before {
			n++
			x.set("item", n)
		}
		function := make(changeNumbers)
		x.run(eventsource.DefaultConfig(x.streamARN, streamtypes.ShardIteratorTypeLatest), function)
		giveUp := time.After(deadline)
		again := time.NewTicker(20 * time.Millisecond)
		defer again.Stop()
		// Nobody tells when the mapping has begun: changes are made until one arrives.
		var last int64
		for last == 0 {
			select {
			case last = <-function:
			case <-again.C:
				n++
				x.set("item", n)
			case <-giveUp:
				t.Fatal("nothing was delivered")
			}
		}
		if last <= before {
			t.Fatalf("change %d was made before the mapping began", last)
		}
		for last < int64(n) {
			select {
			case next := <-function:
				if next != last+1 {
					t.Fatalf("change %d came after %d", next, last)
				}
				last = next
			case <-giveUp:
				t.Fatalf("the last change was %d of %d", last, n)
			}
		}
	})
}
