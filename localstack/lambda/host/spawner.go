//go:build unix

package host

import (
	"os/exec"
	"runtime"
)

// spawner starts processes from one OS thread that lives as long as they do.
// Linux kills a child with a parent-death signal when the thread that forked it
// ends, not the process (prctl(2)), and Go ends threads as it likes.
type spawner struct {
	orders chan order
}

type order struct {
	cmd    *exec.Cmd
	result chan error
}

func newSpawner() *spawner {
	s := &spawner{orders: make(chan order)}
	go func() {
		runtime.LockOSThread()
		for o := range s.orders {
			o.result <- o.cmd.Start()
		}
	}()
	return s
}

func (s *spawner) start(cmd *exec.Cmd) error {
	o := order{cmd, make(chan error, 1)}
	s.orders <- o
	return <-o.result
}

// close ends the thread. All processes are gone by then.
func (s *spawner) close() { close(s.orders) }
