package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// message is what crash-test writers append: who wrote it, and its number.
type message struct {
	Writer  int    `json:"w"`
	Number  int    `json:"n"`
	Padding string `json:"p"`
}

// crashWriter appends numbered messages to one stream, across crashes of the
// server. Its record of what was acknowledged is what the server is held to.
type crashWriter struct {
	id       int
	stream   string
	producer bool
	// acked and sent hold message numbers; those sent and not acked have an
	// unknown outcome. A producer repeats a request until it is acknowledged.
	acked, sent map[int]bool
	next        int
}

// run appends until the server is gone, and tells of each append that is acknowledged.
func (w *crashWriter) run(client *http.Client, base string, acknowledged func()) error {
	for {
		// Now and then a record too large for the head's buffer.
		padding := strings.Repeat("x", 20+200*(w.next%3))
		switch w.next % 50 {
		case 49:
			padding = strings.Repeat("y", 100_000)
		case 24: // and one that is put into an object
			padding = strings.Repeat("z", 300_000)
		}
		body, err := json.Marshal(message{w.id, w.next, padding})
		if err != nil {
			return err
		}
		r, err := http.NewRequest("POST", base+w.stream, bytes.NewReader(body))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/json")
		if w.producer {
			r.Header.Set("Producer-Id", fmt.Sprintf("producer-%d", w.id))
			r.Header.Set("Producer-Epoch", "0")
			r.Header.Set("Producer-Seq", strconv.Itoa(w.next))
		}
		w.sent[w.next] = true
		resp, err := client.Do(r)
		if err != nil {
			if !w.producer {
				w.next++ // never sent again: its outcome stays unknown
			}
			return nil
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusNoContent && resp.StatusCode != http.StatusOK {
			return fmt.Errorf("writer %d, message %d: %s: %s", w.id, w.next, resp.Status, text)
		}
		w.acked[w.next] = true
		w.next++
		acknowledged()
	}
}

// readAll reads a JSON stream page by page.
func readAll(base, stream string) ([]message, error) {
	var all []message
	offset := "-1"
	for {
		resp, err := http.Get(base + stream + "?offset=" + offset)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			return nil, errors.Join(err, fmt.Errorf("read from %s: %s", offset, resp.Status))
		}
		var page []message
		if err := json.Unmarshal(body, &page); err != nil {
			return nil, fmt.Errorf("torn page at %s: %w", offset, err)
		}
		all = append(all, page...)
		offset = resp.Header.Get("Stream-Next-Offset")
		if resp.Header.Get("Stream-Up-To-Date") == "true" {
			return all, nil
		}
	}
}

// check holds what is read against what the writers were told.
func check(writers []*crashWriter, stream string, read []message) error {
	last := map[int]int{}
	seen := map[int]map[int]bool{}
	for _, m := range read {
		if previous, ok := last[m.Writer]; ok && m.Number <= previous {
			return fmt.Errorf("%s: writer %d's message %d comes after %d", stream, m.Writer, m.Number, previous)
		}
		last[m.Writer] = m.Number
		if seen[m.Writer] == nil {
			seen[m.Writer] = map[int]bool{}
		}
		seen[m.Writer][m.Number] = true
	}
	for _, w := range writers {
		if w.stream != stream {
			continue
		}
		for n := range w.acked {
			if !seen[w.id][n] {
				return fmt.Errorf("%s: writer %d's message %d was acknowledged and is lost", stream, w.id, n)
			}
		}
		for n := range seen[w.id] {
			if !w.sent[n] {
				return fmt.Errorf("%s: writer %d's message %d was never sent", stream, w.id, n)
			}
		}
	}
	return nil
}

// TestAcknowledgedAppendsSurviveCrashes kills the server with SIGKILL, again and
// again, under 16 writers: after each restart every acknowledged append is there
// exactly once and in order. The kills are counted, and come at counted appends, so that
// some certainly meet a compaction; localstack/kill goes on for as long as one likes, with
// all other requests.
func TestAcknowledgedAppendsSurviveCrashes(t *testing.T) {
	crashTest{crashes: 20, segment: 100}.run(t)
}

// TestAcknowledgedAppendsSurviveCrashesDuringCompaction does the same with segments so
// small that some are on their way into objects at any time.
func TestAcknowledgedAppendsSurviveCrashesDuringCompaction(t *testing.T) {
	crashTest{crashes: 12, segment: 7}.run(t)
}

// crashTest is how often a server is killed, and how many messages its segments have.
type crashTest struct{ crashes, segment int }

const crashWriters, crashStreams = 16, 4

func crashStream(i int) string { return fmt.Sprintf("crash/%d", i%crashStreams) }

func (c crashTest) run(t *testing.T) {
	bin, dir := serverBinary(), t.TempDir()
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	writers := make([]*crashWriter, crashWriters)
	for i := range writers {
		writers[i] = &crashWriter{
			id: i, stream: crashStream(i), producer: i >= crashWriters/2,
			acked: map[int]bool{}, sent: map[int]bool{},
		}
	}
	// owed counts the crashes that left segments on their way into objects.
	owed, moved := 0, 0
	for crash := range c.crashes + 1 {
		p := mustStart(t, bin, "DATA_DIR="+dir, fmt.Sprint("SEGMENT_MAX_MESSAGES=", c.segment), "ADMIN_TOKEN="+adminToken)
		if crash == 0 {
			for s := range crashStreams {
				request(t, "PUT", p.url+crashStream(s), "application/json", "")
			}
		}
		if slices.ContainsFunc(streamsOf(t, p), func(s listed) bool { return s.CompactionOwed }) {
			owed++
		}
		c.check(t, p, writers, crash)
		if crash == c.crashes {
			// The sweep finds what the crashes left undone.
			eventually(t, "all compacted", compacted(t, p, 1))
			c.check(t, p, writers, crash)
			for _, s := range streamsOf(t, p) {
				moved += s.Segments.InObjects
			}
			if err := p.stop(t); err != nil {
				t.Error(err)
			}
			break
		}
		// The kill comes at a random moment of the load, which is the point: so many
		// appends after the start, however fast the machine is, and a little later.
		left, later := atomic.Int64{}, time.Duration(random.IntN(20))*time.Millisecond
		left.Store(int64(40 + random.IntN(80)))
		acknowledged := func() {
			if left.Add(-1) == 0 {
				time.AfterFunc(later, func() { p.cmd.Process.Kill() })
			}
		}
		transport := &http.Transport{MaxIdleConnsPerHost: crashWriters}
		var group sync.WaitGroup
		for _, w := range writers {
			group.Go(func() {
				if err := w.run(&http.Client{Transport: transport}, p.url, acknowledged); err != nil {
					t.Error(err)
					p.cmd.Process.Kill() // the others would wait for acknowledgements in vain
				}
			})
		}
		group.Wait()
		p.kill()
		transport.CloseIdleConnections()
	}
	var acked, unknown int
	for _, w := range writers {
		acked += len(w.acked)
		unknown += len(w.sent) - len(w.acked)
	}
	t.Logf("%d appends acknowledged, %d of unknown outcome, %d crashes, %d of them with compaction owed, %d segments in objects", acked, unknown, c.crashes, owed, moved)
	if acked < c.crashes*crashWriters {
		t.Errorf("only %d appends in %d rounds: the test did not load the server", acked, c.crashes)
	}
	// After a start, the sweep may be done with it before we ask.
	if c.segment < 10 && owed < c.crashes/4 {
		t.Errorf("only %d crashes met a compaction", owed)
	}
}

// check reads all streams and holds them against what the writers were told.
func (c crashTest) check(t *testing.T, p *process, writers []*crashWriter, crash int) {
	t.Helper()
	for s := range crashStreams {
		read, err := readAll(p.url, crashStream(s))
		if err == nil {
			err = check(writers, crashStream(s), read)
		}
		if err != nil {
			t.Fatalf("after crash %d: %v\n%s", crash, err, p.stderr)
		}
	}
}
