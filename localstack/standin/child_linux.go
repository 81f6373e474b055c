package standin

import "syscall"

// childOf has a child die with its parent, also if that is killed, and puts it into
// a group of its own, so that a Ctrl-C in the terminal is its parent's to handle.
func childOf() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
