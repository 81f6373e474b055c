package main

import (
	"context"
	"os"
	"syscall"
	"time"
)

// floorSize is how long the file of the floor is that has its length already.
const floorSize = 1 << 20

// floor times writes of a small message to a file, each made durable by fdatasync: what the
// disk takes of a durable append, whatever the server is. It asks nothing of the server, and
// is measured beside each because a disk's speed depends on who else uses it. A file that
// grows is what a simple log has; one that has its length already is the least that can be
// had of the disk.
func floor(_ context.Context, b *bench, _ *target) ([]metric, error) {
	var ms []metric
	for _, f := range []struct {
		name    string
		written bool
	}{{"growing file", false}, {"written file", true}} {
		l, err := syncLatency(b.dir, f.written, b.duration/2)
		if err != nil {
			return nil, err
		}
		for _, m := range percentiles(l) {
			m.name = f.name + " " + m.name
			ms = append(ms, m)
		}
	}
	return ms, nil
}

// syncLatency times writes to a new file in dir, which may have been written before, for a
// while, and a few in any case.
func syncLatency(dir string, written bool, during time.Duration) (latencies, error) {
	f, err := os.CreateTemp(dir, "streams-bench-sync-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if written {
		if _, err := f.Write(make([]byte, floorSize)); err != nil {
			return nil, err
		}
		if err := f.Sync(); err != nil {
			return nil, err
		}
	}
	message := make([]byte, messageSize)
	var l latencies
	at := 0
	for end := time.Now().Add(during); len(l) < 10 || time.Now().Before(end); at += messageSize {
		if written && at+messageSize > floorSize {
			at = 0
		}
		begin := time.Now()
		if _, err := f.WriteAt(message, int64(at)); err != nil {
			return nil, err
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			return nil, err
		}
		l = append(l, time.Since(begin))
	}
	return l, nil
}
