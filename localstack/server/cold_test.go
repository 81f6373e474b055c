package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	s3standin "github.com/commoncurriculum/durable-streams-aws/localstack/s3"
)

const adminToken = "test-0123456789abcdef"

// adminGet asks the admin API of a server, and decodes the answer.
func adminGet(t *testing.T, p *process, target string, into any) {
	t.Helper()
	r := request(t, "GET", p.admin(target), "", "", "Authorization", "Bearer "+adminToken)
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s, %v", target, r.Status, body, err)
	}
	if text, ok := into.(*string); ok {
		*text = string(body)
		return
	}
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatal(err)
	}
}

func (p *process) admin(target string) string {
	return strings.TrimSuffix(p.url, "stream/") + "admin/" + target
}

// listed is a stream as the admin API tells of it.
type listed struct {
	Name           string
	Segments       struct{ InObjects, Others int }
	CompactionOwed bool
	BufferedBytes  int
}

func streamsOf(t *testing.T, p *process) []listed {
	t.Helper()
	var a struct{ Streams []listed }
	adminGet(t, p, "streams?limit=1000", &a)
	return a.Streams
}

// eventually asks until what the server does in the background is done. It is another
// process, so there is nothing to wait for but its answers.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for !done() {
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("after a minute: not %s", what)
		}
	}
}

// compacted reports whether nothing is owed, and there are so many segments in objects.
func compacted(t *testing.T, p *process, atLeast int) func() bool {
	return func() bool {
		segments, owed := 0, false
		for _, s := range streamsOf(t, p) {
			segments += s.Segments.InObjects
			owed = owed || s.CompactionOwed
		}
		return !owed && segments >= atLeast
	}
}

// objectFiles returns the keys of the objects in a data directory.
func objectFiles(t *testing.T, dir string) []string {
	t.Helper()
	root := filepath.Join(dir, "objects")
	// Names of files do not depend on case: an upper-case letter is + and the lower one.
	upper := regexp.MustCompile(`\+[a-z]`)
	var keys []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // deleted while it was listed
		}
		if err == nil && !d.IsDir() {
			key, relErr := filepath.Rel(root, path)
			keys = append(keys, upper.ReplaceAllStringFunc(filepath.ToSlash(key), func(s string) string { return strings.ToUpper(s[1:]) }))
			return relErr
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(keys)
	return keys
}

func segmentObjects(t *testing.T, p *process) []string {
	t.Helper()
	var a struct{ Segments []struct{ Object string } }
	adminGet(t, p, "segments?limit=1000", &a)
	var keys []string
	for _, s := range a.Segments {
		keys = append(keys, s.Object)
	}
	slices.Sort(keys)
	return keys
}

// wantText reads a text stream from an offset to its end.
func wantText(t *testing.T, p *process, name, from, want string) {
	t.Helper()
	var all strings.Builder
	for {
		r := request(t, "GET", p.url+name+"?offset="+from, "", "")
		body, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != http.StatusOK {
			t.Fatalf("read %s from %s: %s %s, %v", name, from, r.Status, body, err)
		}
		all.Write(body)
		if from = r.Header.Get("Stream-Next-Offset"); r.Header.Get("Stream-Up-To-Date") == "true" {
			break
		}
	}
	if got := all.String(); got != want {
		t.Errorf("%s from %s: got %d bytes, %.80q, want %d, %.80q", name, from, len(got), got, len(want), want)
	}
}

// fill creates a text stream and appends numbered lines. It returns the offsets before
// each, and the text.
func fill(t *testing.T, p *process, name string, lines int) (offsets []string, text string) {
	t.Helper()
	r := request(t, "PUT", p.url+name, "text/plain", "")
	for i := range lines {
		if r.StatusCode >= 300 {
			t.Fatalf("write %d to %s: %s", i, name, r.Status)
		}
		offsets = append(offsets, r.Header.Get("Stream-Next-Offset"))
		line := fmt.Sprintf("%s line %d\n%099d\n", name, i, i)
		r = request(t, "POST", p.url+name, "text/plain", line)
		text += line
	}
	return offsets, text
}

func TestSegmentsMoveIntoFiles(t *testing.T) {
	bin, dir := serverBinary(), t.TempDir()
	env := []string{"DATA_DIR=" + dir, "SEGMENT_MAX_MESSAGES=10", "PAGE_BYTES=3000", "ADMIN_TOKEN=" + adminToken}
	p := mustStart(t, bin, env...)
	offsets, text := fill(t, p, "a", 95)
	if r := request(t, "PUT", p.url+"big", "text/plain", strings.Repeat("b", 600_000)); r.StatusCode != http.StatusCreated {
		t.Fatal(r.Status)
	}
	eventually(t, "all compacted", compacted(t, p, 9))
	for range 2 {
		// A record of 600 kB is an object as well, since it was put.
		files, segments := objectFiles(t, dir), segmentObjects(t, p)
		staged := slices.DeleteFunc(slices.Clone(files), func(key string) bool { return slices.Contains(segments, key) })
		if len(segments) != 9 || len(files) != len(segments)+len(staged) || len(staged) == 0 || !strings.Contains(staged[0], "/staged-") {
			t.Errorf("segments %v, and files %v", segments, files)
		}
		wantText(t, p, "a", "-1", text)
		for _, i := range []int{3, 9, 10, 55, 89, 90, 94} {
			wantText(t, p, "a", offsets[i], text[strings.Index(text, fmt.Sprintf("a line %d\n", i)):])
		}
		wantText(t, p, "big", "-1", strings.Repeat("b", 600_000))
		if err := p.stop(t); err != nil {
			t.Fatalf("%v\n%s", err, p.stderr)
		}
		p = mustStart(t, bin, env...)
	}
	// What a stream had is gone with it, files included.
	for _, name := range []string{"a", "big"} {
		if r := request(t, "DELETE", p.url+name, "", ""); r.StatusCode != http.StatusNoContent {
			t.Fatal(r.Status)
		}
	}
	eventually(t, "all files gone", func() bool { return len(objectFiles(t, dir)) == 0 })
}

func TestIdleStreamsAreSealedAndCounted(t *testing.T) {
	p := mustStart(t, serverBinary(), "STORE=memory", "SEAL_IDLE_AFTER=1ms", "SWEEP_EVERY=10ms", "ADMIN_TOKEN="+adminToken, "LOG_LEVEL=info")
	_, text := fill(t, p, "idle", 70) // more than stays in the head
	eventually(t, "sealed", compacted(t, p, 1))
	wantText(t, p, "idle", "-1", text)
	var metrics string
	adminGet(t, p, "metrics", &metrics)
	for _, name := range []string{"segments_sealed_total", "segments_compacted_total", "sweeps_total"} {
		if strings.Contains(metrics, "\ndurable_streams_"+name+" 0\n") || !strings.Contains(metrics, "\ndurable_streams_"+name+" ") {
			t.Errorf("%s is not counted in:\n%s", name, metrics)
		}
	}
	if err := p.stop(t); err != nil {
		t.Fatal(err)
	}
	if log := p.stderr.String(); !strings.Contains(log, `"msg":"sweep"`) || !strings.Contains(log, `"msg":"admin request"`) || strings.Contains(log, adminToken) {
		t.Errorf("the log is %.2000s", log)
	}
}

func TestAdminNeedsAToken(t *testing.T) {
	bin := serverBinary()
	p := mustStart(t, bin, "STORE=memory")
	if r := request(t, "GET", p.admin("streams"), "", "", "Authorization", "Bearer "); r.StatusCode != http.StatusNotFound {
		t.Errorf("without ADMIN_TOKEN: %s", r.Status)
	}
	p = mustStart(t, bin, "STORE=memory", "ADMIN_TOKEN="+adminToken)
	if r := request(t, "GET", p.admin("streams"), "", ""); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token: %s", r.Status)
	}
}

func TestSegmentsMoveIntoABucket(t *testing.T) {
	s3, err := s3standin.Start(t.TempDir(), "segments")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s3.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	bin, dir := serverBinary(), t.TempDir()
	place := []string{"S3_ENDPOINT=" + s3.Endpoint(), "BUCKET_NAME=segments", "S3_ACCESS_KEY_ID=any", "S3_SECRET_ACCESS_KEY=any"}
	env := append([]string{"DATA_DIR=" + dir, "SEGMENT_MAX_MESSAGES=10", "ADMIN_TOKEN=" + adminToken}, place...)
	p := mustStart(t, bin, env...)
	offsets, text := fill(t, p, "a", 45)
	request(t, "PUT", p.url+"big", "text/plain", strings.Repeat("b", 600_000))
	eventually(t, "all compacted", compacted(t, p, 4))
	for range 2 {
		if files := objectFiles(t, dir); len(files) > 0 {
			t.Errorf("files %v", files)
		}
		wantText(t, p, "a", "-1", text)
		wantText(t, p, "a", offsets[25], text[strings.Index(text, "a line 25\n"):])
		wantText(t, p, "big", "-1", strings.Repeat("b", 600_000))
		if err := p.stop(t); err != nil {
			t.Fatalf("%v\n%s", err, p.stderr)
		}
		p = mustStart(t, bin, env...)
	}
	p.kill()

	// The sweep of another server would take all of it for litter.
	used := t.TempDir()
	p = mustStart(t, bin, "DATA_DIR="+used)
	if r := request(t, "PUT", p.url+"big", "text/plain", strings.Repeat("b", 600_000)); r.StatusCode != http.StatusCreated {
		t.Fatal(r.Status)
	}
	if err := p.stop(t); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what, variable string
		env            []string
	}{
		{"another DATA_DIR", "BUCKET_NAME", append([]string{"DATA_DIR=" + t.TempDir()}, place...)},
		{"no bucket any more", "S3_ENDPOINT", []string{"DATA_DIR=" + dir}},
		{"a bucket for a directory that has files", "S3_ENDPOINT", append([]string{"DATA_DIR=" + used}, place...)},
		{"a bucket that is not there", "BUCKET_NAME", append(append([]string{"DATA_DIR=" + t.TempDir()}, place...), "BUCKET_NAME=nowhere")},
	} {
		other, err := start(bin, c.env...)
		if err == nil {
			other.kill()
		}
		if err == nil || !strings.Contains(err.Error(), c.variable) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}
