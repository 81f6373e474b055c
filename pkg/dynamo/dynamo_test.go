package dynamo_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/commoncurriculum/durable-streams-aws/localstack/standin"
	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
	"github.com/commoncurriculum/durable-streams-aws/pkg/streamtest"
)

// standIns are started by the first test that needs them, and stopped at the end.
type standIns struct {
	mu       sync.Mutex
	started  []*standin.Process
	dynoxide func() (*standin.Process, error)
	official func() (*standin.Process, error)
}

var processes standIns

func (s *standIns) once(start func(context.Context) (*standin.Process, error)) func() (*standin.Process, error) {
	return sync.OnceValues(func() (*standin.Process, error) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		p, err := start(ctx)
		if err == nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.started = append(s.started, p)
		}
		return p, err
	})
}

func TestMain(m *testing.M) {
	processes.dynoxide = processes.once(standin.DynamoDB)
	processes.official = processes.once(standin.Official)
	code := m.Run()
	for _, p := range processes.started {
		if err := p.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// sdk returns a client of a stand-in. It is more patient than others: on a busy machine
// a stand-in's first answers take seconds.
func sdk(t *testing.T, process func() (*standin.Process, error)) *dynamodb.Client {
	t.Helper()
	p, err := process()
	if err != nil {
		t.Fatal(err)
	}
	return dynamo.NewClientWithin("us-east-1", p.Endpoint, credentials.NewStaticCredentialsProvider("local", "local", ""), patience)
}

// newTable creates a table that is dropped at the end of the test. The suites do not
// look at the change stream, and a stand-in gets slower the longer it is.
func newTable(t *testing.T, c *dynamodb.Client) string {
	t.Helper()
	name := "t" + rand.Text()
	definition := dynamo.Table(name)
	definition.StreamSpecification = nil
	if _, err := c.CreateTable(t.Context(), definition); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := c.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &name}); err != nil {
			t.Error(err)
		}
	})
	return name
}

func newStore(t *testing.T, c dynamo.Client, table string) *dynamo.Store {
	t.Helper()
	s, err := dynamo.New(c, dynamo.Options{Table: table})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func onDynoxide(t *testing.T) stream.Driver {
	t.Helper()
	c := sdk(t, processes.dynoxide)
	return newStore(t, c, newTable(t, c))
}

func onOfficial(t *testing.T) stream.Driver {
	t.Helper()
	c := sdk(t, processes.official)
	return newStore(t, c, newTable(t, c))
}

// slowly lets the exhaustive suites sample their cases. Objects are the core's business.
func slowly(open func(*testing.T) stream.Driver) func(*testing.T) (stream.Driver, stream.Objects) {
	return func(t *testing.T) (stream.Driver, stream.Objects) {
		t.Helper()
		return streamtest.Slow{Driver: open(t), OneIn: 24}, new(memory.Objects)
	}
}

// On the other stand-in: official_test.go.
func TestDriver(t *testing.T)   { streamtest.RunDriver(t, onDynoxide) }
func TestLog(t *testing.T)      { streamtest.RunLog(t, slowly(onDynoxide)) }
func TestModel(t *testing.T)    { streamtest.RunModel(t, slowly(onDynoxide)) }
func TestForest(t *testing.T)   { streamtest.RunForest(t, slowly(onDynoxide)) }
func TestRegistry(t *testing.T) { streamtest.RunRegistry(t, slowly(onDynoxide)) }
func TestFaults(t *testing.T)   { streamtest.RunFaults(t, slowly(onDynoxide)) }

// expiring is a store whose table removes at once what it is marked to remove: stand-ins
// never do, and Amazon's takes its time.
type expiring struct {
	*dynamo.Store
	client *dynamodb.Client
}

func (e expiring) Retire(ctx context.Context, life stream.Life, chunks []stream.Offset, staged []stream.StagedID) error {
	if err := e.Store.Retire(ctx, life, chunks, staged); err != nil {
		return err
	}
	var sorts []string
	for _, to := range chunks {
		sorts = append(sorts, dynamo.ChunkSort(to))
	}
	for _, id := range staged {
		sorts = append(sorts, dynamo.StagedSort(id))
	}
	for _, sort := range sorts {
		in := &dynamodb.DeleteItemInput{TableName: &e.Table, Key: dynamo.DataKey(life, sort)}
		in.ConditionExpression = aws.String("attribute_exists(#ttl) OR attribute_not_exists(pk)")
		in.ExpressionAttributeNames = map[string]string{"#ttl": "ttl"}
		if _, err := e.client.DeleteItem(ctx, in); err != nil {
			return fmt.Errorf("it was not marked: %w", err)
		}
	}
	return nil
}

// Each trial has a table of its own, so few of them are tried here. Memory tries all.
func TestBackground(t *testing.T) {
	streamtest.RunBackground(t, func(t *testing.T) (stream.Driver, stream.Objects) {
		t.Helper()
		c := sdk(t, processes.dynoxide)
		return streamtest.Slow{Driver: expiring{newStore(t, c, newTable(t, c)), c}, OneIn: 100}, new(memory.Objects)
	})
}
