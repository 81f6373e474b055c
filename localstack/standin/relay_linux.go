package standin

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// relayName is argument 0 of a program that was started again as a relay.
const relayName = "durable-streams-standin-relay"

// exitNoLoopback is the relay's exit status if the system gives it a namespace but
// no right to use it.
const exitNoLoopback = 77

// init makes any program that links this package able to be the relay, test
// binaries included, without a second binary to build and to find. Nothing else of
// the program has a chance to run then.
func init() {
	if len(os.Args) < 2 || os.Args[0] != relayName {
		return
	}
	os.Exit(relay(os.Args[1:]))
}

// relay runs a server inside this process's network namespace and relays to it
// what it accepts on the listener that it inherited. It returns an exit status
// when the server ends, or at SIGTERM.
func relay(command []string) int {
	complain := func(what string, err error) { fmt.Fprintf(os.Stderr, "relay: %s: %v\n", what, err) }
	if err := loopbackUp(); err != nil {
		complain("bring the loopback interface up", err)
		return exitNoLoopback
	}
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		complain("inherited listener", err)
		return 1
	}
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)

	server := exec.Command(command[0], command[1:]...)
	server.Stdout, server.Stderr = os.Stdout, os.Stderr
	// Should the relay be killed, so is the server: an init function holds the main
	// thread, which lives as long as the process.
	server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := server.Start(); err != nil {
		complain("start the server", err)
		return 1
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	go acceptAll(listener, fmt.Sprintf("127.0.0.1:%d", portInside))
	select {
	case err := <-ended:
		complain("the server ended", errors.Join(err, errors.New("unexpectedly")))
		return 1
	case <-terminated:
		// It keeps nothing, so there is nothing to be gentle about.
		_ = server.Process.Kill()
		<-ended
		return 0
	}
}

// loopbackUp brings up the loopback interface of a new network namespace.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
}

// acceptAll relays every connection until the process ends.
func acceptAll(listener net.Listener, to string) {
	for {
		outside, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer outside.Close()
			inside, err := net.Dial("tcp4", to)
			if err != nil {
				return // not listening yet: the client sees its connection end
			}
			defer inside.Close()
			var both sync.WaitGroup
			both.Go(func() { pass(inside.(*net.TCPConn), outside.(*net.TCPConn)) })
			both.Go(func() { pass(outside.(*net.TCPConn), inside.(*net.TCPConn)) })
			both.Wait()
		}()
	}
}

// pass copies one direction of a connection, and then passes its end on.
func pass(to, from *net.TCPConn) {
	_, err := io.Copy(to, from)
	if err != nil {
		// The other direction has nobody to talk to either.
		_ = to.Close()
		_ = from.Close()
		return
	}
	_ = to.CloseWrite()
}
