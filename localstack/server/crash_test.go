package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
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

// run appends until the server is gone.
func (w *crashWriter) run(client *http.Client, base string) error {
	for {
		// Now and then a record too large for the head's buffer.
		padding := strings.Repeat("x", 20+200*(w.next%3))
		if w.next%50 == 49 {
			padding = strings.Repeat("y", 100_000)
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
// exactly once and in order.
func TestAcknowledgedAppendsSurviveCrashes(t *testing.T) {
	const crashes, writerCount, streams = 20, 16, 4
	bin, dir := serverBinary(), t.TempDir()
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	writers := make([]*crashWriter, writerCount)
	for i := range writers {
		writers[i] = &crashWriter{
			id: i, stream: fmt.Sprintf("crash/%d", i%streams), producer: i >= writerCount/2,
			acked: map[int]bool{}, sent: map[int]bool{},
		}
	}
	for crash := range crashes + 1 {
		p := mustStart(t, bin, "DATA_DIR="+dir, "SEGMENT_MAX_MESSAGES=100")
		for s := range streams {
			name := fmt.Sprintf("crash/%d", s)
			if crash == 0 {
				request(t, "PUT", p.url+name, "application/json", "")
				continue
			}
			read, err := readAll(p.url, name)
			if err == nil {
				err = check(writers, name, read)
			}
			if err != nil {
				t.Fatalf("after crash %d: %v", crash, err)
			}
		}
		if crash == crashes {
			if err := p.stop(t); err != nil {
				t.Error(err)
			}
			break
		}
		// The kill comes at a random moment of the load, which is the point.
		time.AfterFunc(time.Duration(100+random.IntN(200))*time.Millisecond, func() { p.cmd.Process.Kill() })
		transport := &http.Transport{MaxIdleConnsPerHost: writerCount}
		var group sync.WaitGroup
		for _, w := range writers {
			group.Go(func() {
				if err := w.run(&http.Client{Transport: transport}, p.url); err != nil {
					t.Error(err)
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
	t.Logf("%d appends acknowledged, %d of unknown outcome, %d crashes", acked, unknown, crashes)
	if acked < crashes*writerCount {
		t.Errorf("only %d appends in %d rounds: the test did not load the server", acked, crashes)
	}
}
