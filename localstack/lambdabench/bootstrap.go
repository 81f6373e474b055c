package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// binarySize prints the size of a bootstrap.
func binarySize(_ context.Context, r *report, o options) error {
	info, err := os.Stat(o.size)
	if err != nil {
		return err
	}
	t := r.table("size", "The bootstrap for linux/arm64", "", column{"size", "MB", 2})
	t.row("api", float64(info.Size())/1e6)
	t.end()
	return nil
}

// start prints how long the bootstrap takes to its first request and to the first byte of
// an answer, and how much memory it has had by then and later.
func start(ctx context.Context, r *report, o options) (err error) {
	s, err := openStores(ctx)
	defer func() { err = errors.Join(err, s.close(context.WithoutCancel(ctx))) }()
	if err != nil {
		return err
	}
	if err := startTimes(ctx, r, o, s.env("LOG_LEVEL=warn")); err != nil {
		return err
	}
	return peakMemory(ctx, r, o.bootstrap, s.env("LOG_LEVEL=warn"))
}

// startTimes prints what a process takes to its first poll of the runtime, and from there
// to the first byte of its first answer.
func startTimes(ctx context.Context, r *report, o options, env []string) error {
	const starts = 20
	var polled, answered, initCPU, firstCPU times
	for i := range starts {
		f, err := startFunction(ctx, o.bootstrap, env)
		if err != nil {
			return err
		}
		polled = append(polled, f.init)
		used, err := f.processor()
		if err != nil {
			return err
		}
		initCPU = append(initCPU, used)
		begin := time.Now()
		got := beginning{began: begin}
		if err := (client{f, "/v1/stream/start", "text/plain"}).send(ctx, call{method: "PUT"}, &got); err != nil {
			return fmt.Errorf("start %d: %w", i, err)
		}
		answered = append(answered, got.first)
		after, err := f.processor()
		if err != nil {
			return err
		}
		firstCPU = append(firstCPU, after-used)
		if err := f.stop(); err != nil {
			return err
		}
	}
	t := r.table("start", fmt.Sprintf("The start of a process (%d starts; on this machine, with a whole processor; the first answer is to a PUT, and has a round trip to the stand-in and a new connection in it, but no TLS)", starts), "",
		column{"median", "ms", 1}, column{"slowest", "ms", 1}, column{"processor", "ms", 1})
	t.row("from exec to the first poll", milliseconds(polled.at(50)), milliseconds(polled.at(100)), milliseconds(initCPU.at(50)))
	t.row("from there to the first byte", milliseconds(answered.at(50)), milliseconds(answered.at(100)), milliseconds(firstCPU.at(50)))
	t.end()
	return nil
}

// peakMemory prints the most memory that one process has had, as it does more and more.
func peakMemory(ctx context.Context, r *report, bootstrap string, env []string) (err error) {
	const appends, large = 100, 4 << 20
	batch := messages(large)
	f, err := startFunction(ctx, bootstrap, env)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.stop()) }()
	small := client{f, "/v1/stream/memory/small", "application/octet-stream"}
	big := client{f, "/v1/stream/memory/large", "application/octet-stream"}
	lines := client{f, "/v1/stream/memory/messages", "application/json"}
	for _, s := range []client{small, big, lines} {
		if err := s.request(ctx, call{method: "PUT"}); err != nil {
			return err
		}
	}
	t := r.table("memory", "Peak memory of one process (VmHWM)", "after", column{"peak", "MB", 1})
	for _, step := range []struct {
		name  string
		times int
		do    func() error
	}{
		{"the start and three creates", 1, func() error { return nil }},
		{"appends of 100 bytes", appends, func() error { return small.request(ctx, call{method: "POST", body: make([]byte, 100)}) }},
		{"appends of 4 MiB, as base64", 1, func() error { return big.request(ctx, call{method: "POST", body: make([]byte, large)}) }},
		{"reads of 4 MiB", 1, func() error { return big.request(ctx, call{method: "GET", least: large}) }},
		{"appends of 4 MiB of small JSON messages", 1, func() error { return lines.request(ctx, call{method: "POST", body: batch}) }},
		{"reads of 4 MiB of JSON messages", 1, func() error { return lines.request(ctx, call{method: "GET", least: len(batch) / 2}) }},
		{"appends and reads of 4 MiB, all again", 10, func() error {
			return errors.Join(
				big.request(ctx, call{method: "POST", body: make([]byte, large)}), big.request(ctx, call{method: "GET", least: large}),
				lines.request(ctx, call{method: "POST", body: batch}), lines.request(ctx, call{method: "GET", least: len(batch) / 2}))
		}},
	} {
		for range step.times {
			if err := step.do(); err != nil {
				return fmt.Errorf("%s: %w", step.name, err)
			}
		}
		peak, err := f.peak()
		if err != nil {
			return err
		}
		t.row(fmt.Sprintf("%d %s", step.times, step.name), float64(peak)/1e6)
	}
	t.end()
	return nil
}

// messages is a JSON array of small messages, of about so many bytes.
func messages(size int) []byte {
	const message = `{"from":"ann","text":"hello"}`
	return []byte("[" + strings.Repeat(message+",", max(0, size/(len(message)+1)-1)) + message + "]")
}
