package main

import (
	"bufio"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// result is what a row measured, by the names that the table knows.
type result map[string]float64

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func mib(n int64) float64 { return float64(n) / (1 << 20) }

// percentile sorts all in place.
func percentile(all []time.Duration, p int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(len(all)*p/100, len(all)-1)]
}

// cpuTime is what this process has taken of the CPUs so far. Other processes
// disturb it less than they do the clock.
func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// diskUse counts the blocks that the files of dir take, because engines make
// files longer than what is in them, and also the reverse.
func diskUse(dir string) (n int64) {
	filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		// Engines delete files while this walks.
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			n += info.Sys().(*syscall.Stat_t).Blocks * 512
		}
		return nil
	})
	return n
}

// procField returns the number after a label of a file of /proc/self.
func procField(file, label string) int64 {
	b, err := os.ReadFile("/proc/self/" + file)
	if err != nil {
		return 0
	}
	for sc := bufio.NewScanner(bytes.NewReader(b)); sc.Scan(); {
		f := bytes.Fields(sc.Bytes())
		if len(f) > 1 && string(f[0]) == label {
			n, _ := strconv.ParseInt(string(f[1]), 10, 64)
			return n
		}
	}
	return 0
}

// load is the machine's load average: above the load of the benchmark itself it
// says how much to believe the numbers.
func load() string {
	b, _ := os.ReadFile("/proc/loadavg")
	one, _, _ := strings.Cut(string(b), " ")
	return one
}

// writtenBytes is what this process has made the kernel write so far.
func writtenBytes() int64 { return procField("io", "write_bytes:") }

// watcher keeps the peak of the disk use of a directory, and of the memory of
// this process that the kernel cannot take back by dropping file pages.
type watcher struct {
	dir        string
	mu         sync.Mutex
	disk, anon int64
	quit       chan struct{}
	wg         sync.WaitGroup
}

func watch(dir string) *watcher {
	w := &watcher{dir: dir, quit: make(chan struct{})}
	w.wg.Go(func() {
		for {
			w.look()
			select {
			case <-w.quit:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
	return w
}

func (w *watcher) look() {
	disk, anon := diskUse(w.dir), procField("status", "RssAnon:")<<10
	w.mu.Lock()
	defer w.mu.Unlock()
	w.disk, w.anon = max(w.disk, disk), max(w.anon, anon)
}

// resetDisk returns the peak of the disk use since the last time.
func (w *watcher) resetDisk() int64 {
	w.look()
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.disk
	w.disk = 0
	return n
}

// stop returns the peaks of all resident memory and of the anonymous part.
func (w *watcher) stop() (rss, anon int64) {
	close(w.quit)
	w.wg.Wait()
	return procField("status", "VmHWM:") << 10, w.anon
}
