package standin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// portInside is DynamoDB Local's port in its namespace, where it is alone.
const portInside = 8000

// isolated runs the jar in a network namespace of its own, below a relay.
func isolated(ctx context.Context, java, jar string) (*Process, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	// A socket stays in the namespace that it was made in. So the relay, itself in
	// the new one, can accept connections of this one from a descriptor that it
	// inherits.
	inherited, err := listener.(*net.TCPListener).File()
	if err != nil {
		return nil, err
	}
	defer inherited.Close()
	p, err := startRelay(inherited, filepath.Dir(jar), dynamoDBLocal(java, jar, portInside))
	if err != nil {
		return nil, err
	}
	endpoint := "http://" + listener.Addr().String()
	err = p.await(ctx, "DynamoDB Local", func() (string, error) { return endpoint, nil })
	if err != nil && p.cmd.ProcessState != nil && p.cmd.ProcessState.ExitCode() == exitNoLoopback {
		return nil, notIsolated(err)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// startRelay starts this program again, as the relay in a new network namespace
// and in a folder.
func startRelay(listener *os.File, dir string, command []string) (*Process, error) {
	var refused []error
	for _, flags := range namespaceFlags() {
		cmd := exec.Command("/proc/self/exe")
		cmd.Args = append([]string{relayName}, command...)
		cmd.Dir = dir
		cmd.ExtraFiles = []*os.File{listener}
		cmd.SysProcAttr = inNamespaces(flags)
		p, err := start(cmd)
		if err == nil {
			return p, nil
		}
		refused = append(refused, err)
	}
	return nil, notIsolated(errors.Join(refused...))
}

// inNamespaces has a child run in new namespaces.
func inNamespaces(flags uintptr) *syscall.SysProcAttr {
	attr := childOf()
	attr.Cloneflags = flags
	if flags&syscall.CLONE_NEWUSER != 0 {
		// The only user inside is this one, as root: it may bring the loopback
		// interface up, and it owns what it owned before.
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	return attr
}

// namespaceFlags lists the ways to a network namespace, best first. Root needs no
// user namespace, and containers and hardened kernels often forbid those.
func namespaceFlags() []uintptr {
	const own, withUser = syscall.CLONE_NEWNET, syscall.CLONE_NEWNET | syscall.CLONE_NEWUSER
	if os.Geteuid() == 0 {
		return []uintptr{own, withUser}
	}
	return []uintptr{withUser}
}

func notIsolated(cause error) error {
	return fmt.Errorf(`%w: %w
DynamoDB Local listens on all interfaces, so it is run in a network namespace. Either
- run this as root, or
- permit user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone=1; on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0; in a container --security-opt seccomp=unconfined), or
- set %s=1 to let it listen on all interfaces, on a machine that nobody else reaches`, ErrNotIsolated, cause, AllInterfacesVar)
}
