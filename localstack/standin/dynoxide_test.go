package standin

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// keptChanges is how many a file keeps: those before are in no change stream any more.
const keptChanges = 5000

// changing is a table with a change stream.
type changing struct {
	*Process
	// stream is the ARN of its change stream.
	stream string
	// padding makes an item larger.
	padding string
	writes  int
}

func startChanging(t testing.TB, file string) *changing {
	t.Helper()
	p, err := Dynoxide(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	out, err := client(p.Endpoint).CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: aws.String("changing"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("k"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("k"), KeyType: types.KeyTypeHash}},
		StreamSpecification:  &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewAndOldImages},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &changing{Process: p, stream: *out.TableDescription.LatestStreamArn}
}

// batch is how many changes one request makes.
const batch = 100

// write makes changes, batch by batch.
func (c *changing) write(t testing.TB, batches int) {
	t.Helper()
	for range batches {
		var puts []types.TransactWriteItem
		for i := range batch {
			c.writes++
			puts = append(puts, types.TransactWriteItem{Put: &types.Put{TableName: aws.String("changing"), Item: map[string]types.AttributeValue{
				"k":       &types.AttributeValueMemberS{Value: fmt.Sprint(i)},
				"n":       &types.AttributeValueMemberN{Value: fmt.Sprint(c.writes)},
				"padding": &types.AttributeValueMemberS{Value: c.padding},
			}}})
		}
		if _, err := client(c.Endpoint).TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: puts}); err != nil {
			t.Fatal(err)
		}
	}
}

// changes reads the change stream, and returns the numbers that were written.
func (c *changing) changes(t testing.TB) []string {
	t.Helper()
	streams := dynamodbstreams.New(dynamodbstreams.Options{
		Region: "us-east-1", BaseEndpoint: &c.Endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	described, err := streams.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: &c.stream})
	if err != nil {
		t.Fatal(err)
	}
	begin, err := streams.GetShardIterator(t.Context(), &dynamodbstreams.GetShardIteratorInput{
		StreamArn: &c.stream, ShardId: described.StreamDescription.Shards[0].ShardId, ShardIteratorType: streamtypes.ShardIteratorTypeTrimHorizon,
	})
	if err != nil {
		t.Fatal(err)
	}
	var numbers []string
	for iterator := begin.ShardIterator; ; {
		page, err := streams.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: iterator})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Records) == 0 {
			return numbers
		}
		for _, r := range page.Records {
			numbers = append(numbers, r.Dynamodb.NewImage["n"].(*streamtypes.AttributeValueMemberN).Value)
		}
		iterator = page.NextShardIterator
	}
}

// What is kept are the last changes, each once and in order.
func TestDynoxideForgetsChanges(t *testing.T) {
	c := startChanging(t, filepath.Join(t.TempDir(), "tables.db"))
	c.write(t, keptChanges/batch+1)
	got := c.changes(t)
	if len(got) != keptChanges {
		t.Fatalf("%d changes are kept", len(got))
	}
	for i, n := range got {
		if want := fmt.Sprint(batch + 1 + i); n != want {
			t.Fatalf("change %d is that of the write %s, not %s", i, n, want)
		}
	}
}

// The database is what dynoxide.sql makes.
func TestNewDatabase(t *testing.T) {
	script, err := os.ReadFile("dynoxide.sql")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`(?m)^--.*\n`).ReplaceAllString(string(script), "")
	statements := strings.Split(strings.TrimSpace(text), "\n\n")
	if len(statements) != 3 {
		t.Fatalf("dynoxide.sql has %d statements", len(statements))
	}
	for _, s := range statements {
		// A database has the text of each statement that made something in it.
		if !strings.Contains(newDatabase, strings.TrimSuffix(s, ";")) {
			t.Errorf("dynoxide.sqlite was not made by this: %s", s)
		}
	}
}

// BenchmarkWriteAfterChanges writes a hundred items after so many changes were made.
//
//	go test -run x -bench WriteAfterChanges -benchtime 5x ./localstack/standin
func BenchmarkWriteAfterChanges(b *testing.B) {
	for _, file := range []string{"", "tables.db"} {
		for _, before := range []int{0, keptChanges, 2 * keptChanges} {
			b.Run(fmt.Sprintf("file=%t/changes=%d", file != "", before), func(b *testing.B) {
				if file != "" {
					file = filepath.Join(b.TempDir(), "tables.db")
				}
				c := startChanging(b, file)
				c.padding = strings.Repeat("x", 1000) // as heads of streams have
				c.write(b, before/batch)
				for b.Loop() {
					c.write(b, 1)
				}
			})
		}
	}
}
