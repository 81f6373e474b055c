//go:build unix

package main

import (
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// TestSweepFindsWhatNoEventTold: a segment whose event was lost with a host is moved to
// the bucket by the sweep of the next one.
func TestSweepFindsWhatNoEventTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := startHost(t, "DATA_DIR="+dir, "SEGMENT_MAX_MESSAGES=3")
	must(t, 201, put, h.url+"a", "", contentType, "application/json")
	for _, message := range []string{"0", "1", "2", "3"} {
		must(t, 204, post, h.url+"a", message, contentType, "application/json")
	}
	if head := h.inside(t).head(t, "a"); !head.CompactionOwed() {
		t.Fatalf("no segment has ended: %+v", head)
	}
	if state := h.end(t, syscall.SIGTERM); !state.Success() {
		t.Fatalf("the host ended with %s: %s", state, h.log)
	}
	h = startHost(t, "DATA_DIR="+dir, "SEGMENT_MAX_MESSAGES=3", "LAMBDA_SWEEP_EVERY=1s")
	in := h.inside(t)
	h.await(t, "the compaction", func() bool { return in.head(t, "a").Compacted == 1 })
	if keys := in.keys(t, in.head(t, "a").Life("a")); len(keys) != 1 {
		t.Errorf("objects: %v", keys)
	}
	if a := must(t, 200, get, h.url+"a?offset=-1", ""); a.body != "[0,1,2,3]" {
		t.Errorf("read %s", a.body)
	}
}

// TestSweepClearsAway: the head of a stream that expired, the data of one that was
// deleted, and data that belongs to none.
func TestSweepClearsAway(t *testing.T) {
	t.Parallel()
	h := startHost(t, "LAMBDA_SWEEP_EVERY=1s")
	in := h.inside(t)
	must(t, 201, put, h.url+"kept", "x", contentType, text)
	// The first sweep marks the bucket as its own, unless it finds objects of a stranger.
	h.await(t, "the first sweep", func() bool { return len(h.lines("sweep")) > 0 })

	expired := time.Now().Add(-10 * time.Minute)
	head := func(inc byte) *stream.Head {
		return &stream.Head{Incarnation: stream.Incarnation{inc}, Version: 1, Config: stream.Config{ContentType: text}, CreatedAt: expired, UsedAt: expired}
	}
	over := head(1)
	over.ExpiresAt, over.Deadline = expired, expired
	if err := in.driver.Create(t.Context(), "over", over, nil); err != nil {
		t.Fatal(err)
	}
	// Data is left alone for five minutes after a deletion: this one was earlier.
	c := in.config
	past, err := dynamo.New(dynamo.NewClient(c.Region, c.DynamoDBEndpoint, credentials.NewStaticCredentialsProvider(c.AccessKey, c.SecretKey, "")),
		dynamo.Options{Table: c.Table, CollectAfter: 5 * time.Minute, Now: func() time.Time { return expired }})
	if err != nil {
		t.Fatal(err)
	}
	deleted, orphan := head(2).Life("deleted"), head(3).Life("orphan")
	if err := past.Create(t.Context(), "deleted", head(2), nil); err != nil {
		t.Fatal(err)
	}
	for _, life := range []stream.Life{deleted, orphan} {
		chunk := stream.Chunk{To: stream.Offset{Position: 1}, Count: 1, Size: 1, Frames: stream.Frames{0, 0, 0, 1, 'x'}}
		if err := in.driver.PutChunk(t.Context(), life, chunk); err != nil {
			t.Fatal(err)
		}
		body := io.NewSectionReader(strings.NewReader("segment"), 0, 7)
		if err := in.objects.PutObject(t.Context(), stream.SegmentKey(life, 0), body); err != nil {
			t.Fatal(err)
		}
	}
	if err := past.Delete(t.Context(), "deleted", deleted.Incarnation); err != nil {
		t.Fatal(err)
	}
	h.await(t, "the end of the expired stream", func() bool { return in.head(t, "over") == nil })
	for _, life := range []stream.Life{deleted, orphan} {
		h.await(t, "the end of what was "+life.Name, func() bool {
			return in.chunks(t, life) == 0 && len(in.keys(t, life)) == 0
		})
	}
	h.await(t, "the end of what is owed", func() bool {
		owed, err := in.driver.Owed(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(owed) == 0
	})
	if a := must(t, 200, get, h.url+"kept?offset=-1", ""); a.body != "x" {
		t.Errorf("kept: %q", a.body)
	}
	for _, l := range h.lines("sweep") {
		if l.Level != "INFO" {
			t.Errorf("%+v", l)
		}
	}
}
