//go:build unix

package host

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// endGrace is how long a process has between SIGTERM and SIGKILL. Lambda gives
// 500 ms to a function that asked for the signal, and none to others.
const endGrace = 500 * time.Millisecond

// process is one process of a function, with a runtime API of its own.
type process struct {
	function *Function
	number   int
	log      *slog.Logger

	// hasSlot says that an invocation's slot goes with the process; gone that it
	// has ended. Both are the function's, under its mutex.
	hasSlot, gone bool

	// ready is closed when the process first asks for an invocation, initFailed
	// when it reports that it could not get there, ended when it is gone.
	ready, initFailed, ended chan struct{}
	// wake hands an invocation to the poll that waits for it.
	wake chan *invocation

	mu    sync.Mutex
	state State
	cmd   *exec.Cmd
	// stop is why the process is being ended, once it is.
	stop error
	// initError is what the process reported.
	initError *FunctionError
	// current is the invocation that it has; delivered once it took it, answered
	// once its response or error is complete.
	current             *invocation
	delivered, answered bool
	// polling is set while it waits for the next.
	polling  bool
	requests int
	// timeout ends current; idleTimer an idle process.
	timeout, idleTimer *time.Timer
}

func newProcess(f *Function, number int) *process {
	return &process{
		function: f, number: number, state: Starting, hasSlot: true,
		log:   f.config.Logger.With("function", f.config.Name, "process", number),
		ready: make(chan struct{}), initFailed: make(chan struct{}), ended: make(chan struct{}),
		wake: make(chan *invocation, 1),
	}
}

func (p *process) stats() ProcessStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := ProcessStats{Number: p.number, Requests: p.requests, State: p.state}
	if p.cmd != nil {
		s.PID = p.cmd.Process.Pid
	}
	return s
}

// start runs the process until it asks for its first invocation. If it fails, the
// process and its slot are gone.
func (p *process) start() error {
	began := time.Now()
	if err := p.spawn(began); err != nil {
		close(p.ended)
		p.function.forget(p)
		return err
	}
	limit := p.function.config.InitTimeout
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var failed *FunctionError
	select {
	case <-p.ready:
		p.log.Info("cold start", "init", time.Since(began))
		return nil
	case <-p.ended:
	case <-p.initFailed:
		// It is about to exit, and may have something to say before.
		select {
		case <-p.ended:
		case <-time.After(endGrace):
			p.kill(p.reported())
		}
		failed = p.reported()
		p.function.count(func(s *Stats) { s.Errors++ })
	case <-timer.C:
		failed = newFunctionError(TypeTimeout, fmt.Sprintf("Init timed out after %.2f seconds", limit.Seconds()))
		p.kill(failed)
		p.function.count(func(s *Stats) { s.Timeouts++ })
	}
	<-p.ended
	if err := p.why(); failed == nil || errors.Is(err, ErrClosed) {
		return err
	}
	p.log.Error("init failed", "error", failed)
	return failed
}

// reported is the error that the process reported of its init.
func (p *process) reported() *FunctionError {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.initError
}

// spawn starts the operating system's process and serves its runtime API.
func (p *process) spawn(began time.Time) error {
	c := p.function.config
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("lambda host: runtime API: %w", err)
	}
	prefix := fmt.Sprintf("%s[%d] ", c.Name, p.number)
	stdout := &lineWriter{to: p.function.output, prefix: prefix}
	stderr := &lineWriter{to: p.function.output, prefix: prefix}
	cmd := exec.Command(c.Bootstrap)
	cmd.Dir = filepath.Dir(c.Bootstrap)
	cmd.Env = c.environment(listener.Addr().String(), logStreamName(began))
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.SysProcAttr = sysProcAttr()
	// Something that the process started may keep its output open.
	cmd.WaitDelay = endGrace

	p.mu.Lock()
	defer p.mu.Unlock()
	err = p.stop
	if err == nil {
		err = p.function.spawner.start(cmd)
	}
	if err != nil {
		_ = listener.Close() // nobody knows it
		if errors.Is(err, ErrClosed) {
			return err
		}
		return newFunctionError(TypeExit, fmt.Sprintf("the bootstrap could not be started: %v", err))
	}
	p.cmd = cmd
	server := &http.Server{
		Handler:  p.runtimeAPI(),
		ErrorLog: slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // ends when the process has
	}()
	go func() {
		// How it ended is in ProcessState.
		_ = cmd.Wait()
		p.signal(syscall.SIGKILL)
		stdout.flush()
		stderr.flush()
		settle := p.reaped()
		_ = server.Close() // the connections are dead
		<-served
		p.function.forget(p)
		settle()
		close(p.ended)
	}()
	return nil
}

// reaped notes that the process has ended. What it returns fails the invocation
// that it had; the function calls it when it has forgotten the process, so that
// whoever sees the error finds a free slot.
func (p *process) reaped() (settle func()) {
	p.mu.Lock()
	inv, delivered := p.current, p.delivered
	wasIdle := p.state == Frozen || p.state == Idle
	unexpected := p.stop == nil && p.initError == nil
	crashed := unexpected && !wasIdle && !p.answered
	p.state, p.current = Ending, nil
	p.stopTimers()
	p.mu.Unlock()

	err := p.why()
	switch {
	case crashed:
		p.function.count(func(s *Stats) { s.Crashes++ })
		p.log.Error("process exited", "error", err)
	case unexpected && wasIdle:
		p.log.Warn("idle process exited", "error", err)
	}
	if inv == nil {
		return func() {}
	}
	if !delivered && !errors.Is(err, ErrClosed) {
		err = errUndelivered
	}
	return func() {
		inv.fail(err)
		close(inv.finished)
	}
}

// why says how the process ended, or why it was ended.
func (p *process) why() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stop != nil {
		return p.stop
	}
	return newFunctionError(TypeExit, fmt.Sprintf("Runtime exited: %v", p.cmd.ProcessState))
}

// end asks the process to end, and then makes it. It waits until it is gone.
func (p *process) end() {
	p.mu.Lock()
	p.stopWith(ErrClosed, syscall.SIGTERM)
	p.mu.Unlock()
	timer := time.NewTimer(endGrace)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
		p.kill(ErrClosed)
		<-p.ended
	}
}

// kill ends the process at once, for a reason that its invocation fails with.
func (p *process) kill(why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopWith(why, syscall.SIGKILL)
}

// stopWith notes why the process is ended, unless something was noted before, and
// sends a signal that reaches it even if it is frozen. From then on it gets no
// invocation. The caller holds the mutex.
func (p *process) stopWith(why error, signal syscall.Signal) {
	if p.stop == nil {
		p.stop = why
	}
	if p.cmd == nil || p.state == Ending {
		return // spawn sees stop; or it has ended
	}
	p.signal(signal)
	p.signal(syscall.SIGCONT)
}

// signal reaches the process and all that it has started. That they are gone is
// no error.
func (p *process) signal(s syscall.Signal) {
	_ = syscall.Kill(-p.cmd.Process.Pid, s)
}
