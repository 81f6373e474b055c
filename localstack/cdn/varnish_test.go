package cdn

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// packages are what Varnish needs on Debian and Ubuntu beyond what every system has.
var packages = []string{"varnish", "libvarnishapi3", "libjemalloc2", "libedit2", "libbsd0", "libmd0"}

// installed is where a Varnish is: the system's own, or one that was unpacked.
type installed struct {
	program string
	// root is the folder that it was unpacked into; empty for the system's own.
	root string
}

// install finds Varnish, or downloads its packages with apt and unpacks them into the
// user's cache, which needs no rights; nothing is installed. Where that cannot be done,
// the test is skipped.
func install(t *testing.T) installed {
	t.Helper()
	if program, err := exec.LookPath("varnishd"); err == nil {
		return installed{program: program}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skipf("SKIPPED: no cache proxy: there is no varnishd, and no place to unpack one: %v", err)
	}
	v := installed{root: filepath.Join(cache, "durable-streams-aws", "varnish")}
	v.program = filepath.Join(v.root, "usr/sbin/varnishd")
	if _, err := os.Stat(v.program); err == nil {
		return v
	}
	if err := unpack(v.root); err != nil {
		t.Skipf("SKIPPED: no cache proxy: there is no varnishd, and its packages could not be unpacked (Debian with package lists is needed; install varnish otherwise): %v", err)
	}
	return v
}

// unpack downloads the packages and unpacks them into a folder, which is there either
// whole or not at all.
func unpack(root string) error {
	parent := filepath.Dir(root)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp(parent, "unpack")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	download := exec.Command("apt-get", append([]string{"download"}, packages...)...)
	download.Dir = scratch
	if out, err := download.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	files, err := filepath.Glob(filepath.Join(scratch, "*.deb"))
	if err != nil {
		return err
	}
	into := filepath.Join(scratch, "root")
	for _, file := range files {
		if out, err := exec.Command("dpkg", "-x", file, into).CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
	}
	if err := os.Rename(into, root); err != nil && !errors.Is(err, os.ErrExist) && !errors.Is(err, syscall.ENOTEMPTY) {
		return err
	}
	return nil
}

// command returns a command that runs Varnish.
func (v installed) command(args ...string) *exec.Cmd {
	if v.root == "" {
		return exec.Command(v.program, args...)
	}
	machine := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH] + "-linux-gnu"
	libraries := filepath.Join(v.root, "usr/lib", machine)
	cmd := exec.Command(v.program, append(args, "-p", "vmod_path="+filepath.Join(libraries, "varnish/vmods"))...)
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+libraries+":"+filepath.Join(libraries, "varnish"))
	return cmd
}

// proxy runs Varnish with this folder's configuration in front of an origin on loopback,
// and returns its URL.
func proxy(t *testing.T, origin net.Addr) string {
	t.Helper()
	v := install(t)
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("SKIPPED: no cache proxy: Varnish compiles its configuration with gcc, which is not there")
	}
	config, err := os.ReadFile("default.vcl")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	_, port, _ := net.SplitHostPort(origin.String())
	here := bytes.Replace(config, []byte(`.port = "4437"`), []byte(`.port = "`+port+`"`), 1)
	if bytes.Equal(here, config) {
		t.Fatal("default.vcl does not name the origin's port")
	}
	file := filepath.Join(dir, "here.vcl")
	if err := os.WriteFile(file, here, 0o644); err != nil {
		t.Fatal(err)
	}
	addr := freeAddress(t)
	var out bytes.Buffer
	cmd := v.command("-F", "-a", addr, "-f", file, "-n", filepath.Join(dir, "work"), "-s", "malloc,64m", "-T", "none", "-j", "none")
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		if t.Failed() {
			t.Logf("Varnish said: %s", strings.TrimSpace(out.String()))
		}
	})
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for deadline := time.After(time.Minute); ; {
		select {
		case <-ended:
			t.Fatalf("Varnish ended: %s", out.String())
		case <-deadline:
			t.Fatal("Varnish does not listen after a minute")
		case <-again.C:
		}
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return "http://" + addr
		}
	}
}

// freeAddress returns an address of loopback that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
