package main

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/functions/boot"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

// TestReadersShareAWatcher: however many wait for a stream, its head is polled as if it
// were one.
func TestReadersShareAWatcher(t *testing.T) {
	t.Parallel()
	const interval, wait = 20 * time.Millisecond, time.Second
	s := startStores(t)
	r := start(t, command(append(s.env, "LONG_POLL_WAIT="+wait.String(), "POLL_FAST="+interval.String(), "POLL_IDLE="+interval.String())...))
	must(t, 201, "PUT", r.streams+"a", "")
	for _, readers := range []int{1, 100} {
		s.reset(nil)
		begin := time.Now()
		c := client(t)
		var group sync.WaitGroup
		for range readers {
			group.Go(func() {
				if status, body := ask(t, c, "GET", r.streams+"a?offset=now&live=long-poll", ""); status != http.StatusNoContent {
					t.Errorf("a long-poll was answered with %d %s", status, body)
				}
			})
		}
		group.Wait()
		_, polls := s.counted("GetItem")
		// One watcher polls no more often than this, on a machine of any speed.
		if most := int(time.Since(begin)/interval) + 1; polls < 1 || polls > most {
			t.Errorf("for %d readers the head was polled %d times, and should be at most %d times", readers, polls, most)
		}
		t.Logf("%d readers: %d polls in %v", readers, polls, time.Since(begin))
	}
}

// TestAppendsShareWrites: appends to a stream that meet are one write.
func TestAppendsShareWrites(t *testing.T) {
	t.Parallel()
	const writers = 32
	s := startStores(t)
	r := start(t, command(s.env...))
	must(t, 201, "PUT", r.streams+"a", "")
	// The first write is not let through before all requests are on their way.
	sent := make(chan struct{}, writers)
	var first sync.Once
	s.reset(func() {
		first.Do(func() {
			for range writers {
				<-sent
			}
		})
	})
	c := client(t)
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
				WroteRequest: func(httptrace.WroteRequestInfo) { sent <- struct{}{} },
			})
			q, err := http.NewRequestWithContext(ctx, http.MethodPost, r.streams+"a", strings.NewReader("x"))
			if err != nil {
				t.Error(err)
				return
			}
			q.Header.Set("Content-Type", "text/plain")
			resp, err := c.Do(q)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			if resp.StatusCode != http.StatusNoContent {
				t.Errorf("an append was answered with %s", resp.Status)
			}
		})
	}
	group.Wait()
	// Two are enough; some more are for flushes, and for requests that were slow to arrive.
	writes, _ := s.counted("UpdateItem")
	if writes > writers/4 {
		t.Errorf("%d appends needed %d writes", writers, writes)
	}
	t.Logf("%d appends: %d writes", writers, writes)
	if got := must(t, 200, "GET", r.streams+"a?offset=-1", ""); got != strings.Repeat("x", writers) {
		t.Errorf("read back: %q", got)
	}
}

// TestStop: when an orchestrator ends it, a hundred live readers are ended where an event
// ends, an append under way is answered, and nothing is left.
func TestStop(t *testing.T) {
	t.Parallel()
	s := startStores(t)
	r := start(t, command(s.env...))
	must(t, 201, "PUT", r.streams+"a", "first")
	c := client(t)
	var ended sync.WaitGroup
	for range 50 {
		for _, read := range []func(*testing.T, *http.Client, chan<- struct{}){r.events, r.longPoll} {
			waiting := make(chan struct{})
			ended.Go(func() { read(t, c, waiting) })
			<-waiting
		}
	}
	arrived, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.reset(func() {
		once.Do(func() { close(arrived); <-release })
	})
	appended := make(chan int, 1)
	go func() {
		status, _ := ask(t, client(t), "POST", r.streams+"a", "last")
		appended <- status
	}()
	<-arrived
	r.terminate(t)
	ended.Wait() // while the append is held up
	select {
	case <-r.ended:
		t.Fatalf("it ended with an append under way: %s", r.lines())
	default:
	}
	close(release)
	if status := <-appended; status != http.StatusNoContent {
		t.Errorf("the append under way was answered with %d", status)
	}
	r.mustEnd(t)

	r = start(t, command(s.env...))
	if got := must(t, 200, "GET", r.streams+"a?offset=-1", ""); got != "firstlast" {
		t.Errorf("the next one reads %q", got)
	}
}

// events reads a stream's events until they end. waiting is closed when they have begun.
func (r *running) events(t *testing.T, c *http.Client, waiting chan<- struct{}) {
	resp, err := c.Get(r.streams + "a?offset=-1&live=sse")
	close(waiting)
	if err != nil {
		t.Error(err)
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if text := string(body); err != nil || !strings.HasSuffix(text, "\n\n") || !strings.Contains(text, "first") {
		t.Errorf("the events end with %q, %v", text, err)
	}
}

// longPoll waits for more of a stream. waiting is closed when the request is on its way.
func (r *running) longPoll(t *testing.T, c *http.Client, waiting chan<- struct{}) {
	q, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { close(waiting) },
	}), http.MethodGet, r.streams+"a?offset=now&live=long-poll", nil)
	if err != nil {
		t.Error(err)
		return
	}
	resp, err := c.Do(q)
	if err != nil {
		t.Error(err)
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		t.Errorf("a long-poll was answered with %s", resp.Status)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	s := startStores(t)
	r := start(t, command(s.env...))
	s.reset(nil)
	if got := must(t, 200, "GET", r.url+boot.HealthPath, ""); got != "ok\n" {
		t.Errorf("health is %q", got)
	}
	if gets, _ := s.counted("GetItem"); gets != 0 {
		t.Errorf("being asked whether it is well, it asked the table %d times", gets)
	}
	must(t, 404, "GET", r.url+boot.HealthPath+"/", "")
	// One line says where it is and what it works on.
	if log := r.lines(); !strings.Contains(log, `"bucket":"objects"`) || !strings.Contains(log, s.endpoint) {
		t.Errorf("it logged %s", log)
	}
}

// TestOpenAddressIsWarnedOf: where others than this machine can come, it says that it lets
// everybody in. It never tells its secrets.
func TestOpenAddressIsWarnedOf(t *testing.T) {
	c, err := config.ReadContainer(map[string]string{
		"TABLE_NAME": "t", "BUCKET_NAME": "b", "AWS_REGION": "r", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "hunter2",
	})
	if err != nil {
		t.Fatal(err)
	}
	for ip, open := range map[string]bool{"127.0.0.2": false, "::1": false, "0.0.0.0": true, "::": true} {
		var log strings.Builder
		announce(slog.New(slog.NewJSONHandler(&log, nil)), c, &net.TCPAddr{IP: net.ParseIP(ip), Port: 1})
		if warned := strings.Contains(log.String(), "no authentication"); warned != open || strings.Contains(log.String(), "hunter2") {
			t.Errorf("%s: %s", ip, log.String())
		}
	}
}

// TestMistakes: what cannot work ends at once, with the variable in the reason.
func TestMistakes(t *testing.T) {
	t.Parallel()
	s := startStores(t)
	for env, want := range map[string]string{
		"PORT=http":                            "PORT",
		"TABLE_NAME=":                          "TABLE_NAME",
		"TABLE_NAME=another":                   "TABLE_NAME is another",
		"DYNAMODB_ENDPOINT=http://127.0.0.1:1": "TABLE_NAME",
		"DYNAMODB_ENDPOINT=nowhere":            "DYNAMODB_ENDPOINT",
		"BUCKET_NAME=another":                  "BUCKET_NAME is another",
		"HOST=192.0.2.1":                       "HOST",
		"AWS_SECRET_ACCESS_KEY=":               "AWS_SECRET_ACCESS_KEY",
	} {
		cmd := command(append(s.env, env)...)
		out, err := cmd.CombinedOutput()
		if _, exited := err.(*exec.ExitError); !exited || !strings.Contains(string(out), want) || !strings.HasPrefix(string(out), "{") {
			t.Errorf("%s: %v, %s", env, err, out)
		}
	}
	// A bucket that does not answer is no reason not to serve the rest.
	r := start(t, command(append(s.env, "S3_ENDPOINT=http://127.0.0.1:1")...))
	must(t, 201, "PUT", r.streams+"a", "small")
	if log := r.lines(); !strings.Contains(log, "BUCKET_NAME is objects") {
		t.Errorf("it does not say that the bucket does not answer: %s", log)
	}
}
