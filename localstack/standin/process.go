package standin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// ErrNotInstalled says that a file which a stand-in consists of is not there. The
// error's text says what to do.
var ErrNotInstalled = errors.New("not installed")

// startTimeout bounds a start whose context has no deadline. The slowest is a Java
// virtual machine on a loaded machine.
const startTimeout = time.Minute

// stopTimeout is how long a stand-in may take to stop by itself.
const stopTimeout = 5 * time.Second

// Process is a running stand-in. On Linux it dies with the process that started
// it, however that ends.
type Process struct {
	// Endpoint is the base URL of its API, on 127.0.0.1.
	Endpoint string

	cmd *exec.Cmd
	out *tail
	// done is closed when cmd has ended and been waited for.
	done chan struct{}
	stop func() error
}

// Stop ends the stand-in and waits until it is gone; what it kept in memory is
// gone with it. It fails if the stand-in had ended before by itself, or has to be
// killed. It may be called again and by several goroutines; all get the same
// answer.
func (p *Process) Stop() error { return p.stop() }

// Done is closed when the stand-in has ended, for whatever reason. It is nil, and
// so never ready, for one that is not a child of this process.
func (p *Process) Done() <-chan struct{} { return p.done }

// Log returns the end of what the stand-in has written to its standard output and
// error, at most 64 KiB.
func (p *Process) Log() string { return p.out.String() }

// start starts a command. The caller must call Stop.
func start(cmd *exec.Cmd) (*Process, error) {
	p := &Process{cmd: cmd, out: &tail{max: 64 << 10}, done: make(chan struct{})}
	p.stop = sync.OnceValue(p.terminate)
	cmd.Stdout, cmd.Stderr = p.out, p.out
	cmd.WaitDelay = stopTimeout
	started := make(chan error)
	go func() {
		// The kernel sends the parent-death signal when the thread that forked ends,
		// not when its process does. So the thread is kept for as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		_ = cmd.Wait() // what it ended with is in cmd.ProcessState
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return p, nil
}

// terminate implements Stop.
func (p *Process) terminate() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s had ended by itself (%s). Its output:\n%s", p.cmd.Path, p.cmd.ProcessState, p.Log())
	default:
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.cmd.Path, err)
	}
	impatient := time.NewTimer(stopTimeout)
	defer impatient.Stop()
	select {
	case <-p.done:
		return nil
	case <-impatient.C:
	}
	err := p.cmd.Process.Kill()
	<-p.done
	return errors.Join(fmt.Errorf("%s did not stop within %v and was killed. Its output:\n%s", p.cmd.Path, stopTimeout, p.Log()), err)
}

// await finds out where a started stand-in is, and waits until it answers there.
// If it does not, it is stopped, and the error has its output.
func (p *Process) await(ctx context.Context, name string, locate func() (endpoint string, err error)) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	alive, die := context.WithCancelCause(ctx)
	defer die(nil)
	go func() {
		select {
		case <-p.done:
			die(fmt.Errorf("it ended (%s)", p.cmd.ProcessState))
		case <-alive.Done():
		}
	}()
	err := untilAnswered(alive, func() (string, error) {
		endpoint, err := locate()
		p.Endpoint = endpoint
		return endpoint, err
	})
	if err == nil {
		return nil
	}
	_ = p.Stop() // its own complaint would be the same
	return fmt.Errorf("%s did not start: %w. Its output:\n%s", name, err, p.Log())
}
