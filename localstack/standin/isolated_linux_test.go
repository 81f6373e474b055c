package standin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// actVar makes this test binary act as a program that uses the package.
const actVar = "STANDIN_TEST_ACT"

func TestMain(m *testing.M) {
	switch os.Getenv(actVar) {
	case "":
		os.Exit(m.Run())
	case "test-on-own-loopback":
		if err := loopbackUp(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(m.Run())
	case "start-and-hang":
		startAndHang()
	case "start-without-rights":
		startWithoutRights()
	}
}

// startAndHang starts both stand-ins, tells where they are, and waits to be killed.
func startAndHang() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	a, err := Dynoxide(ctx, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := Official(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	namespace, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", b.cmd.Process.Pid))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("started", namespace, a.cmd.Process.Pid)
	select {}
}

// startWithoutRights takes away what Official needs, and reports its error.
func startWithoutRights() {
	for _, kind := range []string{"user", "net"} {
		if err := os.WriteFile("/proc/sys/user/max_"+kind+"_namespaces", []byte("0"), 0); err != nil {
			fmt.Println(err)
			return
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err := Official(ctx)
	fmt.Println(errors.Is(err, ErrNotIsolated), err)
}

func TestDiesWithItsParent(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), actVar+"=start-and-hang")
	cmd.SysProcAttr = childOf()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	killed := cmd.Process.Kill()
	_ = cmd.Wait()
	var namespace string
	var pid int
	if _, e := fmt.Sscanf(line, "started %s %d", &namespace, &pid); err != nil || killed != nil || e != nil {
		t.Fatalf("the program said %q (%v, %v)", line, err, killed)
	}
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(10 * time.Second); ; <-again.C {
		left := inNamespace(t, namespace)
		if _, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid)); err == nil {
			left = append(left, strconv.Itoa(pid))
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("processes %v still run after their parent was killed", left)
		}
	}
}

// inNamespace lists the processes in a network namespace.
func inNamespace(t *testing.T, namespace string) []string {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, link := range links {
		if is, err := os.Readlink(link); err == nil && is == namespace {
			found = append(found, link)
		}
	}
	return found
}

// DynamoDB Local listens on all interfaces of the namespace that it is in: it must
// not be ours. And the relay must listen on 127.0.0.1 alone.
func TestOfficialIsIsolated(t *testing.T) {
	p, err := Official(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stopAtEnd(t, p)
	ours, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	if ours == theirs {
		t.Error("it is in the namespace of this process")
	}
	_, port, err := net.SplitHostPort(strings.TrimPrefix(p.Endpoint, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	addrs = append(addrs, &net.IPNet{IP: net.IPv4(127, 0, 0, 2)})
	for _, a := range addrs {
		ip := a.(*net.IPNet).IP
		if ip.Equal(net.IPv4(127, 0, 0, 1)) || ip.IsLinkLocalUnicast() {
			continue
		}
		if conn, err := net.DialTimeout("tcp", net.JoinHostPort(ip.String(), port), time.Second); err == nil {
			_ = conn.Close()
			t.Errorf("it is reachable on %v", ip)
		}
	}
}

func TestNotIsolated(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), actVar+"=start-without-rights", AllInterfacesVar+"=")
	// The limits are set in a user namespace of its own, so they are only its.
	cmd.SysProcAttr = inNamespaces(syscall.CLONE_NEWUSER)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if said := string(out); !strings.HasPrefix(said, "true ") || !strings.Contains(said, AllInterfacesVar) || !strings.Contains(said, "no space left") {
		t.Errorf("it said %s", said)
	}
}

// With a namespace but without rights in it, as some systems have it, the relay
// must not be taken for a DynamoDB Local that is slow to start.
func TestRelayWithoutRights(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{relayName, "/bin/true"}
	cmd.SysProcAttr = childOf()
	cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET // unmapped: nobody
	out, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != exitNoLoopback {
		t.Errorf("%v: %s", err, out)
	}
}

func TestExposed(t *testing.T) {
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestStandIns$/^official$", "-test.v")
	// A namespace keeps the test from doing what it tests on this machine.
	cmd.SysProcAttr = inNamespaces(syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET)
	cmd.Env = append(os.Environ(), actVar+"=test-on-own-loopback", AllInterfacesVar+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestStandIns/official") {
		t.Errorf("%v: %s", err, out)
	}
}
