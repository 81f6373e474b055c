package main

import (
	"context"
	"log/slog"
	"maps"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/functions/boot"
	s3standin "github.com/commoncurriculum/durable-streams-aws/localstack/s3"
	"github.com/commoncurriculum/durable-streams-aws/localstack/standin"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

// TestStores: what it makes is what the functions need, and making it again changes
// nothing.
func TestStores(t *testing.T) {
	database, err := standin.DynamoDB(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = database.Stop() })
	objects, err := s3standin.Start(t.TempDir(), "another")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = objects.Stop(context.WithoutCancel(t.Context())) })
	environ := map[string]string{
		"DYNAMODB_ENDPOINT": database.Endpoint, "S3_ENDPOINT": objects.Endpoint(),
		"TABLE_NAME": "stores-test", "BUCKET_NAME": "stores-test",
	}
	var out strings.Builder
	for range 2 {
		if err := run(t.Context(), environ, &out); err != nil {
			t.Fatal(err)
		}
	}
	// The functions find them by what was printed.
	for _, setting := range regexp.MustCompile(`([A-Z_0-9]+)=(\S+)`).FindAllStringSubmatch(out.String(), -1) {
		environ[setting[1]] = setting[2]
	}
	maps.Copy(environ, map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"})
	c, err := config.ReadFunction(environ)
	if err != nil {
		t.Fatal(err)
	}
	handler, err := boot.Handler(c, slog.New(slog.DiscardHandler), false)
	if err != nil {
		t.Fatal(err)
	}
	// A record of this size is put into the bucket.
	request := httptest.NewRequest("PUT", "/v1/stream/a", strings.NewReader(strings.Repeat("x", 100_000)))
	request.Header.Set("Content-Type", "text/plain")
	answer := httptest.NewRecorder()
	if handler.ServeHTTP(answer, request); answer.Code != 201 {
		t.Errorf("a stream is created with %d %s", answer.Code, answer.Body)
	}
}

func TestMistakesNameTheVariable(t *testing.T) {
	for variable, environ := range map[string]map[string]string{
		"DYNAMODB_ENDPOINT": {"S3_ENDPOINT": "http://127.0.0.1:1"},
		"S3_ENDPOINT":       {"DYNAMODB_ENDPOINT": "http://127.0.0.1:1"},
		"TABLE_NAME":        {"DYNAMODB_ENDPOINT": "http://127.0.0.1:1", "S3_ENDPOINT": "http://127.0.0.1:1"},
	} {
		if err := run(t.Context(), environ, &strings.Builder{}); err == nil || !strings.Contains(err.Error(), variable) {
			t.Errorf("%v: %v", environ, err)
		}
	}
}
