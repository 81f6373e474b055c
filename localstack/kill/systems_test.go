package kill

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// system is what is killed.
type system struct {
	name string
	env  []string
	// kill kills something, and sees to it that it comes back.
	kill func(*running, *rand.Rand) error
	// pause is how long the next kill is put off at most.
	pause time.Duration
	// stopped says that fsck needs the system to have ended.
	stopped bool
}

var systems = []system{
	{
		name: "server", kill: (*running).crash, pause: 1500 * time.Millisecond, stopped: true,
		env: []string{"STORE=embedded", "SWEEP_EVERY=1s"},
	},
	{
		name: "lambda", kill: (*running).killFunction, pause: time.Second,
		env: []string{"LAMBDA_TEMPLATE=../../infra/stack/testdata/default.template.json", "LAMBDA_MAX_REQUESTS=50", "LAMBDA_SWEEP_EVERY=2s", "POLL_FAST=20ms", "POLL_IDLE=200ms"},
	},
}

// common are the settings of both: segments end, and live readers come and go.
var common = []string{"SEGMENT_MAX_MESSAGES=7", "LONG_POLL_WAIT=400ms", "SSE_LIFETIME=600ms", "LOG_LEVEL=error"}

// running is a system that serves.
type running struct {
	system
	dir, port string
	// url is where streams are, with a slash at the end.
	url string
	// fsckEnv is where fsck finds what is stored.
	fsckEnv []string

	mu     sync.Mutex
	cmd    *exec.Cmd
	output strings.Builder
}

func (s system) start(t *testing.T) *running {
	t.Helper()
	r := &running{system: s, dir: t.TempDir(), port: "0"}
	r.fsckEnv = []string{"STORE=embedded", "DATA_DIR=" + r.dir}
	if err := r.run(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.end(syscall.SIGKILL) }) // it may have ended
	return r
}

// run starts the program, on the port that it had before.
func (r *running) run() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cmd = exec.Command(binary(r.name))
	r.cmd.Env = append(append(os.Environ(), common...), r.env...)
	r.cmd.Env = append(r.cmd.Env, "PORT="+r.port, "DATA_DIR="+r.dir, "LAMBDA_BIN="+os.Getenv(binVariable))
	r.cmd.Stderr = &r.output
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := r.cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		// Clients read these meanwhile, which stay what they are.
		if url, ok := strings.CutPrefix(lines.Text(), "Durable Streams server on "); ok && r.url == "" {
			r.url = url
			_, r.port, err = net.SplitHostPort(strings.Split(url, "/")[2])
		}
		if settings, ok := strings.CutPrefix(lines.Text(), "  make fsck STORE=dynamodb"); ok {
			r.fsckEnv = append([]string{"STORE=dynamodb"}, strings.Fields(settings)...)
		}
		if strings.Contains(lines.Text(), "offset=-1") {
			return err
		}
	}
	return fmt.Errorf("%s ended (%v): %s", r.name, r.cmd.Wait(), &r.output)
}

// end sends a signal and waits until the program has ended.
func (r *running) end(s syscall.Signal) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cmd.ProcessState != nil {
		return nil
	}
	_ = r.cmd.Process.Signal(s) // it may be ending
	return r.cmd.Wait()
}

// crash kills the program and starts it again.
func (r *running) crash(*rand.Rand) error {
	_ = r.end(syscall.SIGKILL) // how it ended is known
	return r.run()
}

// killFunction kills one of the functions' processes, most often one that works.
func (r *running) killFunction(random *rand.Rand) error {
	var working, all []int
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		stat, err := os.ReadFile(dir + "/stat")
		if err != nil {
			continue // it has ended meanwhile
		}
		// The name, in parentheses, may have blanks; then come the state and the parent.
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		exe, _ := os.Readlink(dir + "/exe")
		if len(fields) < 2 || fields[1] != strconv.Itoa(r.cmd.Process.Pid) || filepath.Base(exe) != "bootstrap" {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(dir))
		all = append(all, pid)
		if fields[0] != "T" {
			working = append(working, pid)
		}
	}
	if len(working) > 0 && random.IntN(5) > 0 {
		all = working
	}
	if len(all) == 0 {
		return errNothingToKill
	}
	return syscall.Kill(all[random.IntN(len(all))], syscall.SIGKILL)
}

// fsck checks what is stored.
func (r *running) fsck(t *testing.T) {
	t.Helper()
	if r.stopped {
		if err := r.end(syscall.SIGTERM); err != nil {
			t.Errorf("it did not stop cleanly: %v\n%s", err, &r.output)
		}
	}
	cmd := exec.Command(binary("fsck"))
	cmd.Env = append(os.Environ(), r.fsckEnv...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("fsck: %v", err)
	}
	t.Logf("fsck: %s", out)
}
