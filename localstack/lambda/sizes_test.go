//go:build unix

package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/commoncurriculum/durable-streams-aws/pkg/bucket"
)

// TestSizes: an append is kept in the head, in an item of its own, in one object or in
// several, by its size. Every way it comes back identical, from processes that have
// never seen the stream.
func TestSizes(t *testing.T) {
	t.Parallel()
	h := startHost(t, "LAMBDA_MAX_REQUESTS=1", "LAMBDA_SPREAD=0")
	for _, c := range []struct {
		name        string
		size        int
		least, most int // objects that it takes
	}{
		{"in the head", 100, 0, 0},
		{"in an item", 3 << 10, 0, 0},
		{"in an object", 100 << 10, 1, 1},
		{"in several objects", 4 << 20, 4, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := h.url + strings.ReplaceAll(c.name, " ", "-")
			must(t, 201, put, url, "before", contentType, binary)
			before := objects(t, h)
			large := random(c.size)
			must(t, 204, post, url, large, contentType, binary)
			if n := objects(t, h) - before; n < c.least || n > c.most {
				t.Errorf("it took %d objects, want %d to %d", n, c.least, c.most)
			}
			must(t, 204, post, url, "after", contentType, binary)
			if got := readAll(t, url); got != "before"+large+"after" {
				t.Errorf("%d bytes are back, or others", len(got))
			}
			// From an offset inside it, too.
			from := fmt.Sprintf("%016d_%016d", 0, 6+c.size/2)
			if a := do(t, get, url+"?offset="+from, ""); a.status != 200 || !strings.HasPrefix(large[c.size/2:]+"after", a.body) {
				t.Errorf("from %s: %d, %d bytes", from, a.status, len(a.body))
			}
		})
	}
	t.Run("batch", func(t *testing.T) {
		// 20,000 messages in one append are more than a segment takes.
		messages := make([]string, 20_000)
		for i := range messages {
			messages[i] = fmt.Sprintf(`{"number":%d,"text":"%040d"}`, i, i)
		}
		url := h.url + "batch"
		must(t, 201, put, url, "", contentType, "application/json")
		must(t, 204, post, url, "["+strings.Join(messages, ",")+"]", contentType, "application/json")
		must(t, 204, post, url, `"after"`, contentType, "application/json")
		if got := readAll(t, url); got != "["+strings.Join(messages, ",")+`,"after"]` {
			t.Errorf("%d bytes are back, or others", len(got))
		}
	})
	made := h.requests(t, "batch", 4)
	if processes(made) != len(made) {
		t.Errorf("%d requests were served by %d processes", len(made), processes(made))
	}
}

// objects counts what is in the bucket.
func objects(t *testing.T, h *running) int {
	t.Helper()
	endpoint := regexp.MustCompile(`S3: (\S+),`).FindStringSubmatch(h.announced)
	if endpoint == nil {
		t.Fatalf("S3 is not announced:\n%s", h.announced)
	}
	client, err := bucket.NewClient(bucket.Endpoint{URL: endpoint[1], Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("local", "local", "")})
	if err != nil {
		t.Fatal(err)
	}
	name := "durable-streams"
	out, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &name})
	if err != nil {
		t.Fatal(err)
	}
	return len(out.Contents)
}
