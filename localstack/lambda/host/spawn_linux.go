package host

import "syscall"

// sysProcAttr puts a process into a group of its own, so that signals reach what
// it starts, and a Ctrl-C in the terminal is the host's to handle. It dies with
// the host, also if that is killed, and also if it is frozen.
func sysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
