//go:build unix && !linux

package standin

import "syscall"

// childOf puts a child into a group of its own, so that a Ctrl-C in the terminal is
// its parent's to handle. There is no parent-death signal here.
func childOf() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
