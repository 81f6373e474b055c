//go:build unix && !linux

package host

import "syscall"

// sysProcAttr puts a process into a group of its own, so that signals reach what
// it starts, and a Ctrl-C in the terminal is the host's to handle. There is no
// parent-death signal here: if the host is killed, running processes end when they find
// the runtime API gone, and frozen ones stay.
func sysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
