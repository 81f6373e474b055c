package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	defaultPrefix = "/v1/stream/"
	startLimit    = 20 * time.Second // for a server to answer at all
	stopLimit     = 5 * time.Second  // between SIGTERM and SIGKILL
)

// target is a server under measurement: one that this process started, or
// one that runs elsewhere and is known by its URL.
type target struct {
	name   string
	addr   string // host:port
	prefix string // URL path that all stream paths begin with
	note   string // what it is, for the head of the report

	// Of a started server only.
	cmd     *exec.Cmd
	dir     string        // holds its data and its log; removed by stop
	exited  chan struct{} // closed once the process has been waited for
	exitErr error         // valid after exited
}

func (t *target) path(id string) string { return t.prefix + id }

// pid is the server's process id, or 0 if somebody else started it.
func (t *target) pid() int {
	if t.cmd == nil {
		return 0
	}
	return t.cmd.Process.Pid
}

// remote makes a target of name=http://host:port[/prefix].
func remote(spec string) (*target, error) {
	name, raw, ok := strings.Cut(spec, "=")
	u, err := url.Parse(raw)
	if !ok || name == "" || err != nil || u.Host == "" {
		return nil, fmt.Errorf("-url %q: want name=http://host:port[/prefix]", spec)
	}
	if u.Scheme != "http" {
		return nil, fmt.Errorf("-url %q: this client speaks plain HTTP only", spec)
	}
	t := &target{name: name, addr: u.Host, prefix: defaultPrefix, note: raw}
	if u.Port() == "" {
		t.addr = net.JoinHostPort(u.Hostname(), "80")
	}
	if p := strings.TrimSuffix(u.Path, "/"); p != "" {
		t.prefix = p + "/"
	}
	return t, nil
}

// start runs a server command with PORT and DATA_DIR in its environment, a
// free port and a fresh directory under tmp, and waits until it answers.
func start(ctx context.Context, name, tmp string, command ...string) (*target, error) {
	dir, err := os.MkdirTemp(tmp, "streams-bench-"+name+"-")
	if err != nil {
		return nil, err
	}
	t := &target{name: name, prefix: defaultPrefix, note: strings.Join(command, " "), dir: dir}
	if err := t.launch(command); err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	if err := t.ready(ctx); err != nil {
		err = fmt.Errorf("starting %s: %w%s", name, err, t.logTail())
		t.stop()
		return nil, err
	}
	return t, nil
}

func (t *target) launch(command []string) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	data := filepath.Join(t.dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	log, err := os.Create(t.logFile())
	if err != nil {
		return err
	}
	defer log.Close()
	t.addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	t.cmd = exec.Command(command[0], command[1:]...)
	t.cmd.Env = append(os.Environ(), "PORT="+strconv.Itoa(port), "DATA_DIR="+data)
	t.cmd.Stdout, t.cmd.Stderr = log, log
	if err := t.cmd.Start(); err != nil {
		return err
	}
	t.exited = make(chan struct{})
	go func() {
		t.exitErr = t.cmd.Wait()
		close(t.exited)
	}()
	return nil
}

// ready waits until a HEAD of some stream is answered with whatever status.
func (t *target) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, errors.New("no answer in time"))
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	probe := render("HEAD", t.addr, t.path("ready"), nil)
	for {
		if c, err := dial(ctx, t.addr); err == nil {
			_, err = c.do(probe)
			c.close()
			if err == nil {
				return nil
			}
		}
		select {
		case <-t.exited:
			return fmt.Errorf("process ended: %v", t.exitErr)
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// stop ends a started server, gently at first, and removes its directory.
func (t *target) stop() {
	if t.cmd == nil {
		return
	}
	t.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-t.exited:
	case <-time.After(stopLimit):
		t.cmd.Process.Kill()
		<-t.exited
	}
	os.RemoveAll(t.dir)
}

// died tells whether a started server is gone, for the message of a row that
// failed. The connections of a process end a little before it does.
func (t *target) died() string {
	if t.cmd == nil {
		return ""
	}
	select {
	case <-t.exited:
		return fmt.Sprintf(" (process ended: %v)", t.exitErr)
	case <-time.After(200 * time.Millisecond):
		return ""
	}
}

func (t *target) logFile() string { return filepath.Join(t.dir, "log") }

// logTail is the end of what a started server has printed.
func (t *target) logTail() string {
	const most = 2 << 10
	b, _ := os.ReadFile(t.logFile())
	if b = bytes.TrimSpace(b); len(b) == 0 {
		return ""
	}
	return "\n--- log of " + t.name + " ---\n" + string(b[max(0, len(b)-most):])
}

// banner is the first line that a started server has printed.
func (t *target) banner() string {
	b, _ := os.ReadFile(t.logFile())
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}

// freePort finds a port that was free a moment ago.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
