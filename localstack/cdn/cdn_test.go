package cdn

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
)

var (
	readers = flag.Int("readers", 40, "long-poll readers of one stream")
	events  = flag.Int("events", 10, "events that they wait for")
)

// event is a message of the stream; it knows when it was sent.
type event struct {
	N  int
	At time.Time
}

// Many long-poll readers of one stream, who come at different times, cost the origin few
// requests an event, and each gets every event once, in order.
func TestLongPollReadersShareRequests(t *testing.T) {
	o := startOrigin(t, 4<<20, nil)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: *readers}}
	front := proxy(t, o.addr()) + "/v1/stream/live"
	back := o.server.URL + "/v1/stream/live"
	send(t, "PUT", back, "", 201)

	var all sync.WaitGroup
	var mu sync.Mutex
	var delays []time.Duration
	answers, most := 0, 0
	follow := func(after time.Duration) error {
		time.Sleep(after) // who comes when is what is tested
		r := newReader(client, front)
		for seen := 0; ; {
			body, closed, err := r.next()
			if err != nil {
				return err
			}
			var batch []event
			if len(body) > 0 {
				if err := json.Unmarshal(body, &batch); err != nil {
					return err
				}
			}
			mu.Lock()
			for _, e := range batch {
				if e.N != seen {
					mu.Unlock()
					return fmt.Errorf("event %d comes after %d events", e.N, seen)
				}
				seen++
				if r.answers > 1 { // what was there before is not delayed
					delays = append(delays, time.Since(e.At))
				}
			}
			mu.Unlock()
			if !closed {
				continue
			}
			if seen != *events {
				return fmt.Errorf("it got %d of %d events", seen, *events)
			}
			mu.Lock()
			defer mu.Unlock()
			answers, most = answers+r.answers, max(most, r.answers-r.empty)
			return nil
		}
	}
	// Half of them are there from the beginning, the others come while events do.
	spread := time.Duration(*events) * 200 * time.Millisecond
	errs := make(chan error, *readers)
	for i := range *readers {
		late := time.Duration(0)
		if i%2 == 1 {
			late = rand.N(spread)
		}
		all.Go(func() { errs <- follow(late) })
	}
	// A pause in which nothing comes, for longer than a long-poll lasts; then events, some
	// of them in quick succession.
	time.Sleep(2500 * time.Millisecond)
	for n := range *events {
		message, err := json.Marshal(event{n, time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		send(t, "POST", back, string(message), 204)
		time.Sleep(rand.N(2 * spread / time.Duration(*events)))
	}
	send(t, "POST", back, "", 204, "Stream-Closed", "true")
	all.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	polls := o.count("live=long-poll")
	each := float64(polls) / float64(*events)
	query, times := o.most()
	slices.Sort(delays)
	t.Logf("%d readers, %d events: they got %d answers; the origin was asked %d times, %.1f an event and 1 for %.0f answers; most often, %d times, for %s",
		*readers, *events, answers, polls, each, float64(answers)/float64(polls), times, query)
	t.Logf("an event reached readers after p50 %v, p99 %v", at(delays, 50), at(delays, 99))
	if each > 3 {
		t.Errorf("the origin was asked %.1f times an event, want a handful", each)
	}
	// One answer an event, one each for what was there and for the end.
	if most > *events+2 {
		t.Errorf("a reader got %d answers with something in them, for %d events", most, *events)
	}
}

func at(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)-1)*percent/100].Round(100 * time.Microsecond)
}

// Readers who catch up at the same time, and those who come later, cost the origin one
// request a page.
func TestCatchUpReadersShareRequests(t *testing.T) {
	const catchUp, page, messages = 100, 64 << 10, 500
	o := startOrigin(t, page, nil)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: catchUp}}
	front := proxy(t, o.addr()) + "/v1/stream/cold"
	var want []string
	for n := range messages {
		want = append(want, fmt.Sprintf(`{"n":%d,"pad":"%s"}`, n, strings.Repeat("x", 1000)))
	}
	whole := "[" + strings.Join(want, ",") + "]"
	send(t, "PUT", o.server.URL+"/v1/stream/cold", whole, 201)
	errs := make(chan error, catchUp)
	var all sync.WaitGroup
	for range catchUp {
		all.Go(func() { errs <- catchUpWith(newReader(client, front), whole) })
	}
	all.Wait()
	for range catchUp {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	pages := (len(whole)-messages)/page + 1
	query, times := o.most()
	t.Logf("%d readers of %d pages: the origin was asked %d times", catchUp, pages, o.count("offset="))
	if asked := o.count("offset="); asked > pages+1 || times > 1 {
		t.Errorf("the origin was asked %d times for %d pages, %d times for %s", asked, pages, times, query)
	}
}

// catchUpWith reads all that is there.
func catchUpWith(r *reader, want string) error {
	var got []string
	for closed := false; !closed && !r.live; {
		var body []byte
		var err error
		if body, closed, err = r.next(); err != nil {
			return err
		}
		got = append(got, strings.TrimSuffix(strings.TrimPrefix(string(body), "["), "]"))
	}
	if "["+strings.Join(got, ",")+"]" != want {
		return errors.New("what was read is not what was written")
	}
	return nil
}

// What depends on the moment, on who asks, or failed, is asked of the origin each time.
func TestNotShared(t *testing.T) {
	o := startOrigin(t, 4<<20, func(c *protocol.Config) { c.Private = true })
	front := proxy(t, o.addr()) + "/v1/stream/"
	send(t, "PUT", front+"s", "[1]", 201, "Stream-Closed", "true")
	for query, status := range map[string]int{"s?offset=now": 200, "s?offset=-1": 200, "s?offset=-1&live=long-poll": 200, "none?offset=-1": 404} {
		const times = 4
		before := o.count("offset=")
		for range times {
			send(t, "GET", front+query, "", status)
		}
		if n := o.count("offset=") - before; n != times {
			t.Errorf("%s: the origin was asked %d times, want %d", query, n, times)
		}
	}
}
