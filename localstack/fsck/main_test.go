package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/commoncurriculum/durable-streams-aws/functions/boot"
	s3standin "github.com/commoncurriculum/durable-streams-aws/localstack/s3"
	"github.com/commoncurriculum/durable-streams-aws/localstack/standin"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/fsck"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

func TestSoundStore(t *testing.T) {
	l := openLocal(t, t.TempDir())
	fill(t, l.log, "a")
	fill(t, l.log, "b/c")
	l.close()
	env := []string{"DATA_DIR=" + l.dir}
	check(t, env).expect(t, 0, "2 streams: 20 records, 180 bytes", "4 segments in objects", "4 objects looked at\n", "\nsound\n")
	check(t, env, "-v", "b/c").expect(t, 0, "1 streams: 10 records", `sound: "b/c": 10 records, 90 bytes, 2 segments in objects`)
	check(t, env, "a", "d").expect(t, 2, `problem: stream "d": stream: no head`, "1 streams")
}

func TestDamagedStore(t *testing.T) {
	l := openLocal(t, t.TempDir())
	fill(t, l.log, "a")
	fill(t, l.log, "b")
	key := stream.SegmentKey(l.life("b"), 1)
	l.close()
	path := l.file(key)
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	body[20] ^= 1
	if err := os.WriteFile(path, body, 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"DATA_DIR=" + l.dir}
	check(t, env).expect(t, 1, `stream "b", life `, "segment 1, object "+key+": segment: corrupt", "DAMAGED: 1", "1 streams: 10 records")
	check(t, env, "-v", "b").expect(t, 1, `damaged: fsck: stream "b"`)
	check(t, env, "a").expect(t, 0)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	check(t, env).expect(t, 1, "object "+key+": stream: no such item")
}

func TestLitter(t *testing.T) {
	l := openLocal(t, t.TempDir())
	fill(t, l.log, "a")
	put := func(ago time.Duration) {
		id := stream.StagedID{Commit: 1, At: time.Now().Add(-ago).Unix()}
		if err := l.PutStaged(t.Context(), l.life("a"), id, stream.AppendFrame(nil, []byte("x"))); err != nil {
			t.Fatal(err)
		}
	}
	put(2 * time.Hour)
	l.close()
	env := []string{"DATA_DIR=" + l.dir}
	check(t, env).expect(t, 0, "litter: 1 staged items that nothing links\n  stream/", "\nsound\n")
	l = openLocal(t, l.dir)
	put(25 * time.Hour)
	l.close()
	check(t, env).expect(t, 3, "litter: 2 staged items that nothing links, 1 of them older than a day")
	check(t, env, "a").expect(t, 0)
}

func TestWhatCannotBeChecked(t *testing.T) {
	l := openLocal(t, t.TempDir())
	fill(t, l.log, "a")
	check(t, []string{"DATA_DIR=" + l.dir}).expect(t, 2, "in use by another process", "Stop the server")
	empty := t.TempDir()
	check(t, []string{"DATA_DIR=" + empty}).expect(t, 2, "there is no store in it")
	if files, err := os.ReadDir(empty); err != nil || len(files) > 0 {
		t.Errorf("it left %v, %v", files, err)
	}
	check(t, []string{"DATA_DIR=" + filepath.Join(empty, "none")}).expect(t, 2, "DATA_DIR")
	check(t, []string{"STORE=memory"}).expect(t, 2, "STORE")
	check(t, []string{"STORE=dynamodb"}).expect(t, 2, "TABLE_NAME")
	check(t, nil, "-unknown").expect(t, 2, "usage: fsck")
	check(t, nil, "-h").expect(t, 0, "usage: fsck")
}

// TestServersBucket: the objects of a local server may be in a bucket.
func TestServersBucket(t *testing.T) {
	s3, err := s3standin.Start(t.TempDir(), "records")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s3.Stop(context.Background()) })
	dir := "DATA_DIR=" + t.TempDir()
	bucket := []string{"S3_ENDPOINT=" + s3.Endpoint(), "BUCKET_NAME=records", "S3_ACCESS_KEY_ID=any", "S3_SECRET_ACCESS_KEY=any"}
	serve(t, append(bucket, dir, "REGISTRY=off"), func(url string) { putStream(t, url+"large", strings.Repeat("x", 300_000)) })
	check(t, append(bucket, dir)).expect(t, 0, "1 streams", "and 1 objects looked at")
	check(t, []string{dir}).expect(t, 2, "are in a bucket: set S3_ENDPOINT")

	other := "DATA_DIR=" + t.TempDir()
	serve(t, []string{other, "REGISTRY=off"}, func(url string) { putStream(t, url+"large", strings.Repeat("x", 300_000)) })
	check(t, []string{other}).expect(t, 0, "1 streams", "and 1 objects looked at")
	check(t, append(bucket, other)).expect(t, 2, "are in no bucket")
	second, err := s3standin.Start(t.TempDir(), "records")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { second.Stop(context.Background()) })
	bucket[0] = "S3_ENDPOINT=" + second.Endpoint()
	check(t, append(bucket, dir)).expect(t, 2, "are in another bucket")
}

// TestFunctionsStores: a table and a bucket are checked as the functions find them.
func TestFunctionsStores(t *testing.T) {
	db, err := standin.Dynoxide(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Stop() })
	s3, err := s3standin.Start(t.TempDir(), "records")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s3.Stop(context.Background()) })
	environ := map[string]string{
		"TABLE_NAME": "streams", "DYNAMODB_ENDPOINT": db.Endpoint, "BUCKET_NAME": "records", "S3_ENDPOINT": s3.Endpoint(),
		"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "STORE": "dynamodb",
	}
	var env []string
	for name, value := range environ {
		env = append(env, name+"="+value)
	}
	check(t, env).expect(t, 2, "streams")
	own := credentials.NewStaticCredentialsProvider("local", "local", "")
	if _, err := dynamo.EnsureTable(t.Context(), dynamo.NewClient("us-east-1", db.Endpoint, own), "streams"); err != nil {
		t.Fatal(err)
	}
	c, err := config.ReadFunction(environ)
	if err != nil {
		t.Fatal(err)
	}
	driver, err := boot.Driver(c)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := boot.Objects(c)
	if err != nil {
		t.Fatal(err)
	}
	log := newLog(t, driver, objects)
	fill(t, log, "a")
	fill(t, log, "b")
	if err := log.Delete(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	r := check(t, env)
	// The chunks of what is in objects stay for a while, marked.
	r.expect(t, 0, "1 streams: 10 records", "2 segments in objects", "the data of 1 streams that are gone, and ", "\nsound\n")
	if strings.Contains(r.stdout, "litter") {
		t.Error(r.stdout)
	}
	head, err := driver.Head(t.Context(), "a", stream.Strong)
	if err != nil {
		t.Fatal(err)
	}
	if err := objects.RemoveObjects(t.Context(), []string{stream.SegmentKey(head.Life("a"), 0)}); err != nil {
		t.Fatal(err)
	}
	check(t, env).expect(t, 1, "segment 0, object ")
}

func TestReport(t *testing.T) {
	for _, c := range []struct {
		summary fsck.Summary
		status  int
	}{
		{fsck.Summary{}, 0},
		{fsck.Summary{Damaged: 1, Unchecked: 1}, 1},
		{fsck.Summary{Unchecked: 1, Litter: map[fsck.Litter]*fsck.Found{fsck.UnlinkedItem: {Count: 1, Old: 1}}}, 2},
		{fsck.Summary{Litter: map[fsck.Litter]*fsck.Found{fsck.UnlinkedItem: {Count: 1, Old: 1}}}, 3},
		{fsck.Summary{Litter: map[fsck.Litter]*fsck.Found{fsck.OrphanChunk: {Count: 1}}}, 0},
	} {
		var out strings.Builder
		if status := report(&out, &c.summary); status != c.status {
			t.Errorf("%d, want %d: %s", status, c.status, &out)
		}
	}
	for n, want := range map[int64]string{0: "0 bytes", 999: "999 bytes", 1000: "1.0 kB", 4_200_000: "4.2 MB", 7e15: "7000.0 TB"} {
		if got := size(n); got != want {
			t.Errorf("%d is %q", n, got)
		}
	}
}
