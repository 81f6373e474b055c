package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestStopLeavesNothing: however the host ends, no process and no listener is left.
func TestStopLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		for _, readers := range []int{0, 3} {
			t.Run(fmt.Sprintf("%v with %d live readers", signal, readers), func(t *testing.T) {
				t.Parallel()
				h := startHost(t)
				must(t, 201, put, h.url+"a", "first", contentType, text)
				for range readers {
					live := open(t, get, h.url+"a?offset=-1&live=sse", "")
					defer live.Body.Close()
					if _, err := io.ReadFull(live.Body, make([]byte, 16)); err != nil {
						t.Fatal(err)
					}
				}
				must(t, 200, get, h.url+"a", "")
				children := descendants(t, h.cmd.Process.Pid)
				// DynamoDB's stand-in, a process for each reader, and one or two more.
				if len(children) < 2+readers {
					t.Fatalf("the host has the children %v", children)
				}
				endpoints := regexp.MustCompile(`http://127[0-9.:]+`).FindAllString(h.announced, -1)
				if len(endpoints) < 3 {
					t.Fatalf("server, DynamoDB and S3 are not announced:\n%s", h.announced)
				}

				state := h.end(t, signal)
				if killed := signal == syscall.SIGKILL; state.Success() == killed {
					t.Errorf("the host ended with %s", state)
				}
				for _, c := range children {
					c.awaitEnd(t)
				}
				for _, endpoint := range endpoints {
					awaitSilence(t, endpoint)
				}
			})
		}
	}
}

// child is a process, and when it was started: numbers are used again.
type child struct {
	pid     int
	started string
}

// descendants are all processes below one.
func descendants(t *testing.T, root int) []child {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	below := make(map[int][]child)
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if f := stat(pid); f != nil {
			parent, _ := strconv.Atoi(f[1])
			below[parent] = append(below[parent], child{pid, f[19]})
		}
	}
	var all []child
	for level := []int{root}; len(level) > 0; level = level[1:] {
		for _, c := range below[level[0]] {
			all, level = append(all, c), append(level, c.pid)
		}
	}
	return all
}

// stat are the fields of /proc/<pid>/stat from the state on, or nil for a process that
// is gone.
func stat(pid int) []string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	// The name may have blanks and parentheses.
	return strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
}

// awaitSilence waits until nothing listens at an endpoint. A host that was killed while
// it started a process leaves a fork of itself for a moment, with all its sockets.
func awaitSilence(t *testing.T, endpoint string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		conn, err := net.Dial("tcp", hostOf(t, endpoint))
		if err != nil {
			return
		}
		conn.Close()
		if time.Now().After(deadline) {
			t.Errorf("%s still listens", endpoint)
			return
		}
	}
}

// awaitEnd waits until a process is gone. A zombie is: whoever adopted it reaps it when
// it likes.
func (c child) awaitEnd(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		f := stat(c.pid)
		if f == nil || f[0] == "Z" || f[0] == "X" || f[19] != c.started {
			return
		}
		if time.Now().After(deadline) {
			name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", c.pid))
			t.Errorf("process %d lives on, in state %s: %q", c.pid, f[0], name)
			return
		}
	}
}
