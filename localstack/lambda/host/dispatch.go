//go:build unix

package host

import (
	"fmt"
	"syscall"
	"time"
)

// dispatch gives the process, which waits for one, an invocation.
func (p *process) dispatch(inv *invocation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == Ending || p.stop != nil {
		inv.fail(errUndelivered)
		close(inv.finished)
		return
	}
	limit := p.function.config.Timeout
	inv.deadline = time.Now().Add(limit)
	p.current, p.delivered, p.answered = inv, false, false
	p.requests++
	p.stopTimers()
	p.timeout = time.AfterFunc(limit, func() { p.timedOut(inv) })
	if p.state == Frozen {
		p.signal(syscall.SIGCONT)
	}
	p.state = Busy
	p.wake <- inv
}

// timedOut ends an invocation, and the process with it, as nothing else can stop
// a handler.
func (p *process) timedOut(inv *invocation) {
	limit := p.function.config.Timeout
	p.mu.Lock()
	late := p.current == inv && p.stop == nil
	if late {
		why := fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", inv.id, limit.Seconds())
		p.stopWith(newFunctionError(TypeTimeout, why), syscall.SIGKILL)
	}
	p.mu.Unlock()
	if late {
		p.function.count(func(s *Stats) { s.Timeouts++ })
		p.log.Error("timeout", "request", inv.id, "timeout", limit)
	}
}

// freeze stops a process that has nothing to do. The function's mutex keeps
// anybody from giving it something at the same time.
func (p *process) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = Idle
	if !p.function.config.NoFreeze {
		p.state = Frozen
		p.signal(syscall.SIGSTOP)
	}
	if limit := p.function.config.MaxIdle; limit > 0 {
		p.idleTimer = time.AfterFunc(limit, func() { p.function.retire(p) })
	}
}

func (p *process) stopTimers() {
	if p.timeout != nil {
		p.timeout.Stop()
	}
	if p.idleTimer != nil {
		p.idleTimer.Stop()
	}
}
