//go:build unix

package host

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Config describes a function and how it is run. Name and Bootstrap are needed;
// everything else has the default of Lambda, or none.
type Config struct {
	// Name is the function's name; it is also the prefix of its output.
	Name string
	// Bootstrap is the path of the executable. Its folder is LAMBDA_TASK_ROOT and
	// the working directory.
	Bootstrap string
	// Env is the function's configured environment. The variables that Lambda sets
	// itself cannot be given, with the exception of the credentials, which on AWS
	// come from the execution role. Nothing of the host's own environment is passed on.
	Env map[string]string
	// Region is AWS_REGION; us-east-1 if empty.
	Region string
	// MemoryMB is what the function is told that it has; 128 if 0. Not enforced.
	MemoryMB int

	// Timeout ends an invocation, and with it the process; 3 s if 0.
	Timeout time.Duration
	// InitTimeout is how long a process may take before it asks for its first
	// invocation; 10 s if 0.
	InitTimeout time.Duration

	// Concurrency is how many invocations may run at once; 10 if 0.
	Concurrency int
	// QueueWait is how long an invocation above that limit waits for another one to
	// end. 0 refuses it at once with [ErrThrottled], as Lambda does.
	QueueWait time.Duration

	// Reuse chooses among idle processes.
	Reuse Reuse
	// Spread makes a request start a new process while fewer than this many exist,
	// even if some are idle, so that also a client that sends one request after
	// another meets several processes. 0 starts one only if none is idle, as Lambda does.
	Spread int
	// MaxRequests is after how many invocations a process is replaced; 0 means never.
	MaxRequests int
	// MaxIdle is how long an idle process is kept; 0 means for ever.
	MaxIdle time.Duration
	// NoFreeze lets processes run on between invocations. Lambda stops them.
	NoFreeze bool

	// Output receives what the processes print, a line a Write, each with the name
	// of the function and the number of the process in front. Nil discards it.
	Output io.Writer
	// Logger receives cold starts, timeouts and crashes. Nil discards them.
	Logger *slog.Logger
	// Pick returns a number below n, for [Random]. Nil is math/rand.
	Pick func(n int) int
}

// Reuse says which of the idle processes takes the next invocation.
type Reuse int

const (
	// MostRecent takes the process that became idle last, as Lambda does: the
	// others get old and end.
	MostRecent Reuse = iota
	// LeastRecent takes, of the [Config.Spread] processes that became idle last, the
	// one that has been idle longest: requests go round these, and what a burst has
	// started besides gets old and ends.
	LeastRecent
	// Random takes any.
	Random
)

// Limits of Lambda, in bytes.
const (
	// MaxRequest is the longest event.
	MaxRequest = 6 << 20
	// MaxResponse is the longest result of a buffered invocation.
	MaxResponse = 6<<20 + 100
	// MaxStream is the longest streamed response.
	MaxStream = 200 << 20
)

// withDefaults checks a configuration and fills in what is not given.
func (c Config) withDefaults() (Config, error) {
	if c.Name == "" {
		return c, errors.New("lambda host: Name is empty")
	}
	path, err := filepath.Abs(c.Bootstrap)
	if err != nil {
		return c, fmt.Errorf("lambda host: %s: %w", c.Name, err)
	}
	c.Bootstrap = path
	switch info, err := os.Stat(path); {
	case err != nil:
		return c, fmt.Errorf("lambda host: %s: Bootstrap: %w; build the function first", c.Name, err)
	case info.IsDir() || info.Mode()&0o111 == 0:
		return c, fmt.Errorf("lambda host: %s: Bootstrap %s is not an executable file", c.Name, path)
	}
	for name := range c.Env {
		if slices.Contains(reserved, name) {
			return c, fmt.Errorf("lambda host: %s: Env: %s is reserved, Lambda sets it", c.Name, name)
		}
	}
	if c.Concurrency < 0 || c.Spread < 0 || c.MaxRequests < 0 || c.MemoryMB < 0 ||
		c.Timeout < 0 || c.InitTimeout < 0 || c.QueueWait < 0 || c.MaxIdle < 0 {
		return c, fmt.Errorf("lambda host: %s: a limit is negative", c.Name)
	}
	if c.Region == "" {
		c.Region = "us-east-1"
	}
	c.MemoryMB = orDefault(c.MemoryMB, 128)
	c.Timeout = orDefault(c.Timeout, 3*time.Second)
	c.InitTimeout = orDefault(c.InitTimeout, 10*time.Second)
	c.Concurrency = orDefault(c.Concurrency, 10)
	if c.Spread > c.Concurrency {
		return c, fmt.Errorf("lambda host: %s: Spread is %d, above a Concurrency of %d", c.Name, c.Spread, c.Concurrency)
	}
	if c.Output == nil {
		c.Output = io.Discard
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Pick == nil {
		c.Pick = rand.IntN
	}
	return c, nil
}

func orDefault[T int | time.Duration](value, byDefault T) T {
	if value == 0 {
		return byDefault
	}
	return value
}
