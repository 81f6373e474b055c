package main

import (
	"errors"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// someone is the user of the Dockerfile.
const someone = 65532

// TestImage runs the program as in its image: it is alone in the root of a file system
// that it cannot write to, with its variables and nothing else, as an ordinary user.
func TestImage(t *testing.T) {
	s := startStores(t)
	root := t.TempDir()
	install(t, filepath.Join(root, "container"))
	inImage := func(args ...string) *exec.Cmd {
		cmd := command(s.env...)
		cmd.Path, cmd.Args = "/container", append([]string{"/container"}, args...)
		cmd.Dir, cmd.SysProcAttr = "/", asSomeone(root)
		return cmd
	}
	if err := os.Chmod(root, 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(root, 0o755) }) // or it could not be removed
	if err := inImage("unknown").Run(); errors.Is(err, syscall.EPERM) {
		t.Skipf("this machine lets nobody change the root of a process: %v", err)
	}

	r := start(t, inImage())
	large := strings.Repeat("x", 100_000) // goes to the bucket
	must(t, 201, "PUT", r.streams+"a", "first,")
	must(t, 204, "POST", r.streams+"a", large)
	if got := must(t, 200, "GET", r.streams+"a?offset=-1", ""); got != "first,"+large {
		t.Errorf("%d bytes were read, of %d", len(got), len("first,"+large))
	}
	u, err := url.Parse(r.url)
	if err != nil {
		t.Fatal(err)
	}
	health := inImage("health")
	health.Env = append(health.Env, "HOST=0.0.0.0", "PORT="+u.Port())
	if out, err := health.CombinedOutput(); err != nil {
		t.Errorf("it is not well: %v %s", err, out)
	}
	r.terminate(t)
	r.mustEnd(t)
	health = inImage("health")
	health.Env = append(health.Env, "PORT="+u.Port())
	if out, err := health.CombinedOutput(); err == nil || !strings.Contains(string(out), "not well") {
		t.Errorf("it has ended, and health says %v %s", err, out)
	}
}

// install copies the program.
func install(t *testing.T, file string) {
	t.Helper()
	from, err := os.Open(os.Getenv(binaryVariable))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(to, from)
	if err := errors.Join(err, to.Close()); err != nil {
		t.Fatal(err)
	}
}

// asSomeone has a process see a folder as its root. Root becomes the ordinary user;
// whoever is one already may do it in a user namespace.
func asSomeone(root string) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Chroot: root, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 {
		attr.Credential = &syscall.Credential{Uid: someone, Gid: someone}
		return attr
	}
	attr.Cloneflags = syscall.CLONE_NEWUSER
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: someone, HostID: os.Getuid(), Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: someone, HostID: os.Getgid(), Size: 1}}
	return attr
}
