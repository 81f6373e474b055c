// Package boot puts a function together: configuration, storage, log of streams, and
// the handler of the protocol. All functions use it, so that all of them agree on
// limits and on where things are: boot.go is what a process needs, stores.go what it
// works on, handler.go what it serves, origin.go whom it answers, and deadline.go the
// time that it has.
//
// It makes no request, except for secrets (secrets.go), if there are any: a process is ready for its first one within milliseconds,
// and a store that is out of order is reported by the requests that need it.
package boot

import (
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// Environ returns the process's environment.
func Environ() map[string]string {
	vars := make(map[string]string)
	for _, kv := range os.Environ() {
		name, value, _ := strings.Cut(kv, "=")
		vars[name] = value
	}
	return vars
}

// Logger returns the structured log of a function, one JSON object a line.
func Logger(w io.Writer, level string) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		l = slog.LevelInfo // the configuration has been checked
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l}))
}

// LimitMemory has the garbage collector keep the heap within three eighths of the memory
// that the function has. Without it, large bodies one after another take a process to three
// quarters of the smallest memory, in a heap of which most is garbage; at the whole,
// Lambda kills it. A GOMEMLIMIT in the environment goes first.
func LimitMemory(environ map[string]string) {
	megabytes, err := strconv.ParseInt(environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], 10, 32)
	if err != nil || megabytes <= 0 || environ["GOMEMLIMIT"] != "" {
		return // not on Lambda, or somebody knows better
	}
	debug.SetMemoryLimit(megabytes << 20 * 3 / 8)
}

// Fail reports why the function cannot start, in one line, and ends the process.
func Fail(err error) {
	Logger(os.Stderr, "error").Error("start failed", "error", err.Error())
	os.Exit(1)
}
