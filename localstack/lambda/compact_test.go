//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	lambdaevents "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// TestCompaction: a segment that ends is soon an object, readers cross it from anywhere,
// and an append that ends none invokes nothing.
func TestCompaction(t *testing.T) {
	t.Parallel()
	const token = "a-token-of-letters"
	h := startHost(t, "LAMBDA_STREAM_FUNCTION=compact", "SEGMENT_MAX_MESSAGES=3", "LOG_LEVEL=debug", "ADMIN_TOKEN="+token)
	must(t, 201, put, h.url+"plain", "", contentType, text)
	must(t, 204, post, h.url+"plain", "one", contentType, text)
	must(t, 204, post, h.url+"plain", "two", contentType, text)

	must(t, 201, put, h.url+"a", "", contentType, "application/json")
	offsets, want := []string{"-1"}, []string{}
	for i := range 8 {
		a := must(t, 204, post, h.url+"a", fmt.Sprint(i), contentType, "application/json")
		offsets = append(offsets, a.header.Get("Stream-Next-Offset"))
		want = append(want, fmt.Sprint(i))
	}
	in := h.inside(t)
	h.await(t, "the compaction of two segments", func() bool { return in.head(t, "a").Compacted == 2 })
	life := in.head(t, "a").Life("a")
	manifests, err := in.driver.Manifests(t.Context(), life, stream.Offset{}, 10)
	if err != nil || len(manifests) != 2 || manifests[0].Count != 3 || manifests[1].Count != 3 {
		t.Errorf("manifests: %+v, %v", manifests, err)
	}
	if keys := in.keys(t, life); !slices.Equal(keys, []string{stream.SegmentKey(life, 0), stream.SegmentKey(life, 1)}) {
		t.Errorf("objects: %v", keys)
	}
	for i, from := range offsets {
		if got := must(t, 200, get, h.url+"a?offset="+from, "").body; got != "["+strings.Join(want[i:], ",")+"]" {
			t.Errorf("from %s: %s, want %v", from, got, want[i:])
		}
	}
	// The administrators' API knows them, for those who have the token.
	admin := strings.Replace(h.url, "/v1/stream/", "/v1/admin/segments", 1)
	must(t, 401, get, admin, "")
	if got := must(t, 200, get, admin, "", "Authorization", "Bearer "+token).body; strings.Count(got, `"object":`) != 2 {
		t.Errorf("it lists %s", got)
	}
	if strings.Contains(h.log.String()+h.announced, token) || !strings.Contains(h.announced, "/v1/admin/streams") {
		t.Errorf("the token is told, or not how to use it:\n%s", h.announced)
	}
	// The writers' records came before those of the ends, so an invocation with one would
	// have been by now.
	lines := slices.DeleteFunc(h.lines("compact"), func(l logged) bool { return l.Msg == "registered" })
	if len(lines) < 1 || len(lines) > 2 || slices.ContainsFunc(lines, func(l logged) bool { return l.Stream != "a" }) {
		t.Errorf("two segments ended, and compact has logged %+v", lines)
	}
	if plain := in.head(t, "plain"); plain.Compacted != 0 || plain.CompactionOwed() {
		t.Errorf("plain: %+v", plain)
	}
}

// TestDamageEndsInTheDeadLetters: what cannot be compacted, however often it is tried, is
// an error in the log and a line in the dead letters, and does not hold up others.
func TestDamageEndsInTheDeadLetters(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := startHost(t, "DATA_DIR="+dir, "LAMBDA_STREAM_FUNCTION=compact", "LAMBDA_STREAM_RETRIES=1", "SEGMENT_MAX_MESSAGES=3")
	in := h.inside(t)
	fill := func(name string, messages int) {
		for range messages {
			must(t, 204, post, h.url+name, `"`+strings.Repeat("x", 1000)+`"`, contentType, "application/json")
		}
	}
	must(t, 201, put, h.url+"torn", "", contentType, "application/json")
	must(t, 201, put, h.url+"sound", "", contentType, "application/json")
	fill("torn", 2)
	life := in.head(t, "torn").Life("torn")
	h.await(t, "a chunk", func() bool { return in.chunks(t, life) > 0 })
	in.loseChunks(t)
	fill("torn", 2)
	fill("sound", 4)
	file := filepath.Join(dir, "dead-letters.jsonl")
	h.await(t, "the dead letter", func() bool { return strings.Contains(h.log.String(), "in the dead letters") })
	h.await(t, "the other stream's compaction", func() bool { return in.head(t, "sound").Compacted == 1 })
	if !slices.ContainsFunc(h.lines("compact"), func(l logged) bool {
		return l.Level == "ERROR" && l.Stream == "torn" && strings.Contains(l.Error, life.Incarnation.String()) && strings.Contains(l.Error, "segment 0")
	}) {
		t.Error("the log does not say what is damaged")
	}
	var letter deadLetter
	text, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(text, &letter) != nil {
		t.Fatalf("%v, %s", err, text)
	}
	var event lambdaevents.DynamoDBEvent
	if err := json.Unmarshal([]byte(letter.Payload), &event); err != nil || len(event.Records) != letter.Batch.BatchSize {
		t.Fatalf("%v, %s", err, text)
	}
	if name, ok := dynamo.NameOfHead(event.Records[0].Change.Keys["pk"].String(), event.Records[0].Change.Keys["sk"].String()); !ok || name != "torn" {
		t.Errorf("the dead letter is about %q", name)
	}
	if letter.RequestContext.Condition != "RetryAttemptsExhausted" || letter.RequestContext.ApproximateInvokeCount != 2 ||
		letter.ResponseContext.FunctionError != "" || letter.Batch.StartSequenceNumber != event.Records[0].Change.SequenceNumber {
		t.Errorf("%s", text)
	}
}

// loseChunks removes all chunks from the table, which nothing in the server does.
func (in inside) loseChunks(t *testing.T) {
	t.Helper()
	c := in.config
	client := dynamo.NewClient(c.Region, c.DynamoDBEndpoint, credentials.NewStaticCredentialsProvider(c.AccessKey, c.SecretKey, ""))
	out, err := client.Scan(t.Context(), &dynamodb.ScanInput{TableName: &c.Table})
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range out.Items {
		if sort := item["sk"].(*types.AttributeValueMemberS); strings.HasPrefix(sort.Value, "chunk#") {
			_, err := client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &c.Table, Key: map[string]types.AttributeValue{"pk": item["pk"], "sk": sort}})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}
