package main

import (
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/localstack/standin"
	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
)

// TestMemoryOfTheFunction: a body of 4 MiB, which is 5.6 MB in its event, takes a function
// no further than half of the smallest memory that Lambda gives; and whatever comes after
// it, there is room left. The times that start
// prints are the machine's as much as the function's; they are not judged here.
func TestMemoryOfTheFunction(t *testing.T) {
	bootstrap := filepath.Join(t.TempDir(), "bootstrap")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-tags", "lambda.norpc", "-o", bootstrap, "../../functions/api")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	db, err := standin.DynamoDB(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Stop(); err != nil {
			t.Error(err)
		}
	}()
	s := &site{endpoint: db.Endpoint, table: "bench" + rand.Text()}
	if _, err := dynamo.NewClient(region, db.Endpoint, anybody()).CreateTable(t.Context(), dynamo.Table(s.table)); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := start(t.Context(), &out, bootstrap, s); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	t.Log(out.String())
	rows := regexp.MustCompile(`(?m)^\| (.*) \| ([0-9.]+) \|$`).FindAllStringSubmatch(out.String(), -1)
	if len(rows) != 7 {
		t.Fatalf("there should be seven rows of memory:\n%s", out.String())
	}
	for i, row := range rows {
		most := 64.0
		if i > 3 {
			most = 84 // batches of 140,000 messages, again and again
		}
		if mb, err := strconv.ParseFloat(row[2], 64); err != nil || mb > most {
			t.Errorf("after %s it has had %s MB, more than %v", row[1], row[2], most)
		}
	}
}
