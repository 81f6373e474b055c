package faults_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/localstack/faults"
)

// request is one of DynamoDB about a stream.
func request(t *testing.T, url, op, name string) *http.Request {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	t.Cleanup(cancel)
	body := fmt.Sprintf(`{"Key":{"pk":{"S":"stream#%s"},"sk":{"S":"head"}}}`, name)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "DynamoDB_20120810."+op)
	return r
}

// TestWhatEachFaultDoes: how often the store gets the request, before its client has an
// answer and in the end, and what the client gets.
func TestWhatEachFaultDoes(t *testing.T) {
	const good = `{"good":"an answer of some length"}`
	var came atomic.Int32
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		came.Add(1)
		_, _ = io.WriteString(w, good)
	}))
	defer store.Close()
	for _, c := range []struct {
		fault         faults.Fault
		before, after int32
		status        int // 0: none
		whole         bool
	}{
		{faults.Of(faults.None), 1, 1, 200, true},
		{faults.Of(faults.Latency), 1, 1, 200, true},
		{faults.Of(faults.Unconnected), 0, 0, 0, false},
		{faults.Of(faults.NotSent), 0, 0, 0, false},
		{faults.Of(faults.Lost), 1, 1, 0, false},
		{faults.Of(faults.Late), 0, 1, 0, false},
		{faults.Of(faults.Twice), 1, 2, 200, true},
		{faults.Of(faults.Silent), 0, 0, 0, false},
		{faults.Error(400, "ThrottlingException"), 0, 0, 400, true},
		{faults.ErrorAfter(500, "InternalServerError"), 1, 1, 500, true},
		{faults.Page(502), 0, 0, 502, true},
		{faults.Of(faults.SlowBody), 1, 1, 200, true},
		{faults.Fault{Kind: faults.TornBody, Draw: 7}, 1, 1, 200, false},
		{faults.Of(faults.TornAnswer), 0, 0, 200, false},
	} {
		t.Run(c.fault.Name(), func(t *testing.T) {
			came.Store(0)
			l := faults.New()
			l.Use(faults.Script{{Operation: "PutItem", Nth: 1, Fault: c.fault}})
			response, err := l.Over(http.DefaultTransport).RoundTrip(request(t, store.URL, "PutItem", "a"))
			if (err == nil) != (c.status > 0) {
				t.Fatalf("%v, %v", response, err)
			}
			if err == nil {
				body, err := io.ReadAll(response.Body)
				response.Body.Close()
				if response.StatusCode != c.status || (err == nil) != c.whole || c.status == 200 && c.whole && string(body) != good {
					t.Errorf("%d %q, %v", response.StatusCode, body, err)
				}
			}
			if n := came.Load(); n != c.before {
				t.Errorf("the store got it %d times before its answer", n)
			}
			l.Stop()
			if n := came.Load(); n != c.after {
				t.Errorf("the store got it %d times in the end", n)
			}
			if n := l.Injected()[c.fault.Name()]; c.fault.Kind != faults.None && n != 1 {
				t.Errorf("counted %d times: %v", n, l.Injected())
			}
		})
	}
}

// TestRefusedOnce: what the store refuses does not come once more.
func TestRefusedOnce(t *testing.T) {
	var came atomic.Int32
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		came.Add(1)
		w.WriteHeader(http.StatusBadRequest)
	}))
	defer store.Close()
	l := faults.New()
	l.Use(faults.Script{{Operation: "UpdateItem", Nth: 1, Fault: faults.Of(faults.Twice)}})
	response, err := l.Over(http.DefaultTransport).RoundTrip(request(t, store.URL, "UpdateItem", "a"))
	if err != nil || response.StatusCode != http.StatusBadRequest {
		t.Fatalf("%v, %v", response, err)
	}
	response.Body.Close()
	if l.Stop(); came.Load() != 1 {
		t.Errorf("the store got it %d times", came.Load())
	}
}

// TestLateIsBeforeALaterRequestOfItsStream: requests of other streams do not bring it.
func TestLateIsBeforeALaterRequestOfItsStream(t *testing.T) {
	var order []string
	store := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		order = append(order, strings.Split(r.Header.Get("X-Amz-Target"), ".")[1]+string(body[len(`{"Key":{"pk":{"S":"stream#`)]))
	}))
	defer store.Close()
	l := faults.New()
	l.Use(faults.Script{{Operation: "PutItem", Nth: 1, Fault: faults.Fault{Kind: faults.Late, Draw: 1}}})
	over := l.Over(http.DefaultTransport)
	for _, r := range []struct{ op, name string }{{"PutItem", "a"}, {"GetItem", "b"}, {"GetItem", "b"}, {"GetItem", "b"}, {"GetItem", "a"}, {"UpdateItem", "a"}} {
		if response, err := over.RoundTrip(request(t, store.URL, r.op, r.name)); err == nil {
			response.Body.Close()
		} else if r.op != "PutItem" {
			t.Fatal(err)
		}
	}
	want := []string{"GetItemb", "GetItemb", "GetItemb", "GetItema", "PutItema", "UpdateItema"}
	if !slices.Equal(order, want) {
		t.Errorf("%v, want %v", order, want)
	}
}

// TestASeedRepeats: what happens to the requests of a stream follows from the seed, whatever
// other streams do, and another seed has other faults.
func TestASeedRepeats(t *testing.T) {
	decide := func(seed uint64) (all []string) {
		p := faults.Random{Seed: seed, Share: 0.5}
		for n := range 100 {
			all = append(all, fmt.Sprintf("%+v", p.Decide(faults.Call{Store: faults.Table, Operation: "UpdateItem", Stream: "a", N: n + 1})))
			p.Decide(faults.Call{Store: faults.Table, Operation: "UpdateItem", Stream: fmt.Sprint(seed, n), N: 1})
		}
		return all
	}
	if !slices.Equal(decide(1), decide(1)) {
		t.Error("a seed does not repeat its faults")
	}
	if slices.Equal(decide(1), decide(2)) {
		t.Error("two seeds have the same faults")
	}
}

// TestProxy: a process that only knows an address meets the same faults, as connections
// that break.
func TestProxy(t *testing.T) {
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "fine") }))
	defer store.Close()
	l := faults.New()
	p, err := faults.NewProxy(store.URL, l)
	if err != nil {
		t.Fatal(err)
	}
	l.Use(faults.Script{
		{Operation: "PutItem", Nth: 1, Fault: faults.Of(faults.Lost)},
		{Operation: "PutItem", Nth: 2, Fault: faults.Fault{Kind: faults.TornBody, Draw: 2}},
		{Operation: "PutItem", Nth: 3, Fault: faults.Of(faults.Silent)},
	})
	for _, want := range []string{"no answer", "torn", "no answer", "fine"} {
		got := "no answer"
		response, err := http.DefaultTransport.RoundTrip(request(t, p.URL, "PutItem", "a"))
		if err == nil {
			body, err := io.ReadAll(response.Body)
			response.Body.Close()
			if got = string(body); err != nil {
				got = "torn"
			}
		}
		if got != want {
			t.Errorf("%s, want %s: %v", got, want, err)
		}
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, err := http.DefaultTransport.RoundTrip(request(t, p.URL, "PutItem", "a")); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after it was closed: %v", err)
	}
}
