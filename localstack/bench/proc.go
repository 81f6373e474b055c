package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// What the operating system knows of the processes and of the disk. All of it
// is read from Linux' /proc and simply missing elsewhere.

// memoryOf returns a process' present and greatest resident size in bytes.
func memoryOf(pid int) (rss, peak int64, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) != 3 || f[2] != "kB" {
			continue
		}
		n, _ := strconv.ParseInt(f[1], 10, 64)
		switch f[0] {
		case "VmRSS:":
			rss = n << 10
		case "VmHWM:":
			peak = n << 10
		}
	}
	return rss, peak, nil
}

// cpuOf returns the processor time that a process has used so far, or 0.
func cpuOf(pid int) time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The command's name may hold blanks; the fields after it may not.
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * (time.Second / 100)
}

// machineOf describes the machine and what else it is doing.
func machineOf() string {
	load := "unknown"
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		load, _, _ = strings.Cut(string(b), " ")
	}
	return fmt.Sprintf("%d cores, shared with the client; load before the run %s; %s, %s/%s",
		runtime.NumCPU(), load, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// diskOf describes the disk that the servers' data is on.
func diskOf(dir string) (string, error) {
	l, err := syncLatency(dir, false, 100*time.Millisecond)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s on %s, %d B write+fdatasync p50 %s ms, p99 %s ms", dir, filesystemOf(dir),
		messageSize, number(l.quantile(0.5)), number(l.quantile(0.99))), nil
}

// filesystemOf names the type of the filesystem that dir is on.
func filesystemOf(dir string) string {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "unknown"
	}
	f, err := os.Open("/proc/mounts")
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	best, kind := "", "unknown"
	for s := bufio.NewScanner(f); s.Scan(); {
		m := strings.Fields(s.Text())
		if len(m) < 3 || len(m[1]) < len(best) {
			continue
		}
		if m[1] == "/" || dir == m[1] || strings.HasPrefix(dir, m[1]+"/") {
			best, kind = m[1], m[2]
		}
	}
	return kind
}
