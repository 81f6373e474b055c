package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/infra/cost/price"
)

// kind is a kind of request, as the function's process meets it.
type kind struct {
	name        string
	contentType string
	times       int
	// filled is what the stream has beforehand.
	filled [][]byte
	// fresh says that each request is to a stream of its own, which it creates.
	fresh bool
	call  func(n int) call
	// trips and bucketTrips are the calls to the stores that it waits for, one after the
	// other, by the part latency; waits is what it waits for besides.
	trips, bucketTrips int
	waits              time.Duration
}

func kinds() []kind {
	post := func(body []byte) func(int) call {
		return func(int) call { return call{method: "POST", body: body} }
	}
	get := func(query string, least int, headers map[string]string) func(int) call {
		return func(int) call { return call{method: "GET", query: query, least: least, headers: headers} }
	}
	const mebibyte = 1 << 20
	gzip := map[string]string{"accept-encoding": "gzip"}
	return []kind{
		{name: "create", contentType: "text/plain", times: 500, fresh: true, trips: 1, call: func(int) call { return call{method: "PUT"} }},
		{name: "append of 100 bytes", contentType: "text/plain", times: 1000, trips: 1, call: post(make([]byte, 100))},
		{name: "append of 100 bytes, with a producer", contentType: "text/plain", times: 1000, trips: 1, call: func(n int) call {
			return call{method: "POST", body: make([]byte, 100), headers: map[string]string{"producer-id": "p", "producer-epoch": "0", "producer-seq": fmt.Sprint(n)}}
		}},
		{name: "append of 100 small JSON messages", contentType: "application/json", times: 300, trips: 2, call: post(messages(3000))},
		{name: "append of 100 KB of small JSON messages", contentType: "application/json", times: 50, trips: 1, bucketTrips: 1, call: post(messages(100_000))},
		{name: "append of 4 MiB, as base64", contentType: "application/octet-stream", times: 10, trips: 1, bucketTrips: 1, call: post(make([]byte, 4*mebibyte))},
		{name: "HEAD", contentType: "text/plain", times: 1000, trips: 1, call: func(int) call { return call{method: "HEAD"} }},
		{name: "read of 300 bytes at the tail", contentType: "text/plain", times: 1000, filled: [][]byte{make([]byte, 300)}, trips: 1, call: get("offset=-1", 300, nil)},
		{name: "read of 100 KB of small JSON messages", contentType: "application/json", times: 300, filled: [][]byte{messages(100_000)}, trips: 1, bucketTrips: 1, call: get("offset=-1", 90_000, nil)},
		{name: "the same, gzip", contentType: "application/json", times: 300, filled: [][]byte{messages(100_000)}, trips: 1, bucketTrips: 1, call: get("offset=-1", 100, gzip)},
		{name: "read of 4 MiB of small JSON messages", contentType: "application/json", times: 20, filled: [][]byte{messages(4 * mebibyte)}, trips: 1, bucketTrips: 1, call: get("offset=-1", 3*mebibyte, nil)},
		{name: "read of 4 MiB of bytes", contentType: "application/octet-stream", times: 20, filled: [][]byte{make([]byte, 4*mebibyte)}, trips: 1, bucketTrips: 1, call: get("offset=-1", 4*mebibyte, nil)},
		{name: "a live reader of an idle stream, for 2 s", contentType: "text/plain", times: 5, waits: 2 * time.Second, call: get("offset=now&live=sse", 1, nil)},
	}
}

// processor prints what each kind of request takes of the function's process: time of a
// processor, and memory. And what follows for the memory setting: Lambda gives a function
// of 1,769 MB one processor, and others their share.
func processor(ctx context.Context, r *report, o options) (err error) {
	s, err := openStores(ctx)
	defer func() { err = errors.Join(err, s.close(context.WithoutCancel(ctx))) }()
	if err != nil {
		return err
	}
	all, used := kinds(), make([]taken, 0, len(kinds()))
	t := r.table("processor", "What a request takes of the function's process (a process for each kind, with LOG_LEVEL=info and METRICS=emf; time of this machine's processor, by the kernel, without TLS)", "",
		column{"requests", "", 0}, column{"processor", "ms", 2}, column{"peak memory", "MB", 1})
	for i, k := range all {
		got, err := k.measure(ctx, o.bootstrap, fmt.Sprintf("/v1/stream/processor/%d", i), s.env("SSE_LIFETIME=2s"))
		if err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
		used = append(used, got)
		t.row(k.name, float64(k.times), milliseconds(got.processor), float64(got.peak)/1e6)
	}
	t.end()
	sizes := []float64{128, 256, 512, 1024, 1769}
	var columns []column
	for _, mb := range sizes {
		columns = append(columns, column{fmt.Sprintf("%.0f MB", mb), "ms", 1}, column{fmt.Sprintf("%.0f MB", mb), "$/M", 2})
	}
	t = r.table("memory setting", fmt.Sprintf("What follows for the memory of the function: milliseconds a request (its calls at %v and %v, and its processor time at the share of a processor), and dollars a million requests of Lambda", o.roundTrip, o.bucketTrip), "", columns...)
	for i, k := range all {
		var row []float64
		for _, mb := range sizes {
			const whole = 1769 // MB that come with one processor
			d := time.Duration(k.trips)*o.roundTrip + time.Duration(k.bucketTrips)*o.bucketTrip + k.waits + time.Duration(float64(used[i].processor)*max(1, whole/mb))
			row = append(row, milliseconds(d), 1e6*compute(mb, d)+price.List().Lambda.Request.Of(1e6))
		}
		t.row(k.name, row...)
	}
	t.end()
	return nil
}

// taken is what requests took of a process: each of a processor, all of them of memory.
type taken struct {
	processor time.Duration
	peak      int
}

// measure makes requests of a kind in a process of their own.
func (k kind) measure(ctx context.Context, bootstrap, path string, env []string) (got taken, err error) {
	f, err := startFunction(ctx, bootstrap, env)
	if err != nil {
		return got, err
	}
	defer func() { err = errors.Join(err, f.stop()) }()
	stream := client{f, path, k.contentType}
	if !k.fresh {
		if err := stream.request(ctx, call{method: "PUT"}); err != nil {
			return got, err
		}
	}
	for _, body := range k.filled {
		if err := stream.request(ctx, call{method: "POST", body: body}); err != nil {
			return got, err
		}
	}
	warm := max(1, k.times/10)
	var before time.Duration
	for n := range warm + k.times {
		if n == warm {
			if before, err = f.processor(); err != nil {
				return got, err
			}
		}
		of := stream
		if k.fresh {
			of.path = fmt.Sprintf("%s/%d", path, n)
		}
		if err := of.request(ctx, k.call(n)); err != nil {
			return got, err
		}
	}
	after, err := f.processor()
	if err != nil {
		return got, err
	}
	got.processor = (after - before) / time.Duration(k.times)
	got.peak, err = f.peak()
	return got, err
}
