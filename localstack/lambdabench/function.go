package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// function is a running bootstrap below as much of the Lambda runtime API as measuring
// takes: no freezing, no limits, nothing between exec and the first poll.
type function struct {
	cmd *exec.Cmd
	api *http.Server
	// init is the time from exec to the first poll.
	init time.Duration
	// polls has the times of polls; invocations are for the poll that waits.
	polls       chan time.Time
	invocations chan invocation
	ended       chan struct{}
}

type invocation struct {
	event    []byte
	response io.Writer
	answered chan error
}

// startFunction runs a bootstrap until it polls for its first invocation.
func startFunction(ctx context.Context, bootstrap string, env []string) (*function, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &function{
		cmd:   exec.CommandContext(ctx, bootstrap),
		polls: make(chan time.Time, 1), invocations: make(chan invocation), ended: make(chan struct{}),
	}
	f.api = &http.Server{Handler: f.runtimeAPI(), ReadHeaderTimeout: time.Minute}
	go func() { _ = f.api.Serve(listener) }() // until stop
	f.cmd.Env = append([]string{"AWS_LAMBDA_RUNTIME_API=" + listener.Addr().String()}, env...)
	f.cmd.Stderr, f.cmd.Stdout = io.Discard, io.Discard
	began := time.Now()
	if err := f.cmd.Start(); err != nil {
		return nil, errors.Join(err, f.api.Close())
	}
	go func() {
		defer close(f.ended)
		_ = f.cmd.Wait() // stop kills it
	}()
	select {
	case polled := <-f.polls:
		f.init = polled.Sub(began)
		return f, nil
	case <-f.ended:
		return nil, errors.Join(fmt.Errorf("the bootstrap ended before its first poll: %v", f.cmd.ProcessState), f.stop())
	}
}

// stop ends the process and waits until it is gone.
func (f *function) stop() error {
	err := f.cmd.Process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	<-f.ended
	return errors.Join(err, f.api.Close())
}

// invoke has the process handle an event, and writes what it answers.
func (f *function) invoke(ctx context.Context, event []byte, response io.Writer) error {
	i := invocation{event, response, make(chan error, 1)}
	select {
	case f.invocations <- i:
	case <-f.ended:
		return fmt.Errorf("the bootstrap ended: %v", f.cmd.ProcessState)
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-i.answered:
		return err
	case <-f.ended:
		return fmt.Errorf("the bootstrap ended: %v", f.cmd.ProcessState)
	}
}

func (f *function) runtimeAPI() http.Handler {
	var current invocation // the process handles one at a time
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		select {
		case f.polls <- time.Now():
		default: // only the first is of interest
		}
		select {
		case current = <-f.invocations:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "1")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(time.Minute).UnixMilli(), 10))
			_, _ = w.Write(current.event) // if the process is gone, invoke says so
		case <-r.Context().Done():
		}
	})
	answer := func(failed error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, err := io.Copy(current.response, r.Body)
			w.WriteHeader(http.StatusAccepted)
			current.answered <- errors.Join(failed, err)
		}
	}
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/1/response", answer(nil))
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/1/error", answer(errors.New("the function failed")))
	return mux
}

// processor is the time of processors that the process has had so far, by Linux.
func (f *function) processor() (time.Duration, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", f.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	var all time.Duration
	for _, file := range files {
		text, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue // a thread that has ended since
		}
		if err != nil {
			return 0, err
		}
		var running int64
		if _, err := fmt.Sscan(string(text), &running); err != nil {
			return 0, fmt.Errorf("%s: %w", file, err)
		}
		all += time.Duration(running)
	}
	return all, nil
}

// peak is the most memory that the process has had so far, in bytes, by Linux.
func (f *function) peak() (int, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", f.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	text, _, found := strings.Cut(after, " kB")
	if !found {
		return 0, errors.New("/proc tells no VmHWM")
	}
	kilobytes, err := strconv.Atoi(strings.TrimSpace(text))
	return kilobytes << 10, err
}
