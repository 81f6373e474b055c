package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// raw returns how long it takes to write size bytes and fdatasync them. A file
// that grows costs the file system's journal as well; one that does not is what
// a recycled or preallocated log can reach.
func raw(dir string, size int, grow bool, seconds float64) ([]time.Duration, error) {
	f, err := os.Create(filepath.Join(dir, "raw"))
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	const room = 1 << 20
	if !grow {
		if _, err := f.Write(noise[:room]); err != nil {
			return nil, err
		}
		if err := f.Sync(); err != nil {
			return nil, err
		}
	}
	var took []time.Duration
	at := int64(0)
	for start := time.Now(); time.Since(start).Seconds() < seconds; {
		t := time.Now()
		if _, err := f.WriteAt(noise[:size], at); err != nil {
			return nil, err
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			return nil, err
		}
		took = append(took, time.Since(t))
		at += int64(size)
		if !grow {
			at %= room
		}
	}
	return took, nil
}

// printRaw prints what the disk allows, which bounds every row that writes.
func printRaw(dir, when string) error {
	for _, c := range []struct {
		what string
		size int
		grow bool
	}{
		{"append 512 B + fdatasync", 512, true},
		{"overwrite 512 B + fdatasync", 512, false},
		{"append 4 MiB + fdatasync", 4 << 20, true},
	} {
		took, err := raw(dir, c.size, c.grow, 1)
		if err != nil {
			return err
		}
		p50 := percentile(took, 50)
		fmt.Printf("raw, %s: %-28s p50 %.3f ms  p99 %.3f ms  (%.0f/s, %.0f MB/s at p50)\n", when, c.what,
			ms(p50), ms(percentile(took, 99)), 1/p50.Seconds(), float64(c.size)/1e6/p50.Seconds())
	}
	return nil
}
