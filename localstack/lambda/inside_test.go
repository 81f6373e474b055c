//go:build unix

package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/functions/boot"
	"github.com/commoncurriculum/durable-streams-aws/pkg/bucket"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// inside is a host's stores as its functions see them.
type inside struct {
	config  config.Function
	driver  *dynamo.Store
	objects *bucket.Store
}

// inside returns the stores that a host has announced.
func (h *running) inside(t *testing.T) inside {
	t.Helper()
	at := regexp.MustCompile(`DynamoDB: (\S+), table (\S+)\. S3: (\S+), bucket (\S+)\.`).FindStringSubmatch(h.announced)
	if at == nil {
		t.Fatalf("the stores are not announced:\n%s", h.announced)
	}
	c, err := config.ReadFunction(map[string]string{
		"DYNAMODB_ENDPOINT": at[1], "TABLE_NAME": at[2], "S3_ENDPOINT": at[3], "BUCKET_NAME": at[4],
		"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local",
	})
	if err != nil {
		t.Fatal(err)
	}
	in := inside{config: c}
	if in.driver, err = boot.Driver(c); err != nil {
		t.Fatal(err)
	}
	if in.objects, err = boot.Objects(c); err != nil {
		t.Fatal(err)
	}
	return in
}

// head returns a stream's head, or nil if there is none.
func (in inside) head(t *testing.T, name string) *stream.Head {
	t.Helper()
	h, err := in.driver.Head(t.Context(), name, stream.Strong)
	if err == stream.ErrNoHead {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// keys lists the objects of a life.
func (in inside) keys(t *testing.T, life stream.Life) []string {
	t.Helper()
	keys, err := in.objects.ListObjects(t.Context(), stream.ObjectPrefix(life), "", 100)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// chunks counts the chunks of a life.
func (in inside) chunks(t *testing.T, life stream.Life) int {
	t.Helper()
	chunks, err := in.driver.Chunks(t.Context(), life, stream.Offset{}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return len(chunks)
}

// await looks each time when there is something new in the host's log, until what it
// looks for is there.
func (h *running) await(t *testing.T, what string, there func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for {
		_, grown := h.log.state()
		if there() {
			return
		}
		select {
		case <-grown:
		case <-deadline:
			t.Fatalf("%s did not come about", what)
		}
	}
}

// logged is a line of a function's log.
type logged struct {
	Level, Msg, Stream, Error string
	Segments                  int
}

// lines returns what the processes of a function have logged.
func (h *running) lines(function string) []logged {
	var lines []logged
	for line := range strings.Lines(h.log.String()) {
		// compact[3] {"msg":"compacted", ...}
		name, document, _ := strings.Cut(line, "] ")
		var l logged
		if strings.HasPrefix(name, function+"[") && json.Unmarshal([]byte(document), &l) == nil {
			lines = append(lines, l)
		}
	}
	return lines
}
