package main

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
)

// usage is what a server takes of the machine at one time. What is not known is -1.
type usage struct {
	// Memory is the resident size in bytes, Processes and Files count, all of the
	// server's process and of those that it started.
	Memory, Processes, Files int
	// Goroutines are those of the server itself, as its admin API tells.
	Goroutines int
	// Data is the size of the files in the data directory, in bytes.
	Data int
}

// sample looks at the server. What cannot be looked at is not known: the load matters more.
func (l *load) sample(ctx context.Context) usage {
	u := usage{Memory: -1, Processes: -1, Files: -1, Goroutines: l.goroutines(ctx), Data: -1}
	if l.config.ServerPID > 0 {
		u.Memory, u.Processes, u.Files = processes(l.config.ServerPID)
	}
	if l.config.ServerData != "" {
		u.Data = size(l.config.ServerData)
	}
	return u
}

// processes adds up a process and all that come from it. Processes that end meanwhile are
// left out.
func processes(pid int) (memory, count, files int) {
	all, err := procfs.AllProcs()
	if err != nil {
		return -1, -1, -1
	}
	parents, stats := map[int]int{}, map[int]procfs.ProcStat{}
	for _, p := range all {
		if s, err := p.Stat(); err == nil {
			parents[p.PID], stats[p.PID] = s.PPID, s
		}
	}
	for _, p := range all {
		if !comesFrom(p.PID, pid, parents) {
			continue
		}
		open, err := p.FileDescriptorsLen()
		if err != nil {
			continue
		}
		memory += stats[p.PID].ResidentMemory()
		count++
		files += open
	}
	if count == 0 {
		return -1, -1, -1
	}
	return memory, count, files
}

// comesFrom says whether a process is another one or was started by it, directly or not.
func comesFrom(pid, ancestor int, parents map[int]int) bool {
	// A process that is its own ancestor cannot be, but the table was not read at once.
	for range len(parents) + 1 {
		if pid == ancestor {
			return true
		}
		parent, known := parents[pid]
		if !known {
			return false
		}
		pid = parent
	}
	return false
}

// size adds up the files in a directory. Those that vanish meanwhile are left out.
func size(dir string) int {
	total := 0
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			var info fs.FileInfo
			if info, err = d.Info(); err == nil {
				total += int(info.Size())
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		return -1
	}
	return total
}

var goroutineGauge = regexp.MustCompile(`(?m)^go_goroutines (\d+)$`)

// goroutines asks the server for its goroutines.
func (l *load) goroutines(ctx context.Context) int {
	if l.config.AdminToken == "" {
		return -1
	}
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	url := strings.TrimSuffix(l.streams, "stream/") + "admin/metrics"
	answer, err := l.ask(ctx, http.MethodGet, url, nil, headers{"Authorization": "Bearer " + l.config.AdminToken})
	if err != nil {
		return -1
	}
	m := goroutineGauge.FindSubmatch(answer.body)
	if m == nil {
		return -1
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		return -1
	}
	return n
}
