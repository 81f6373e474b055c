//go:build unix

package host

import (
	"bytes"
	"io"
	"sync"
)

// maxLine is where a line of output is broken, so that a process that never
// prints a newline does not fill the memory.
const maxLine = 64 << 10

// lockedWriter makes the writes of many processes follow one another.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// lineWriter passes whole lines on, with a prefix, one Write each. It never
// fails: a function must not die because nobody reads its log.
type lineWriter struct {
	to      io.Writer
	prefix  string
	pending []byte
}

func (l *lineWriter) Write(p []byte) (int, error) {
	l.pending = append(l.pending, p...)
	for {
		end := bytes.IndexByte(l.pending, '\n')
		if end < 0 && len(l.pending) < maxLine {
			return len(p), nil
		}
		if end < 0 || end > maxLine {
			end = maxLine - 1
		}
		l.emit(l.pending[:end+1])
		l.pending = l.pending[end+1:]
	}
}

// flush passes on a last line that has no end.
func (l *lineWriter) flush() {
	if len(l.pending) > 0 {
		l.emit(l.pending)
		l.pending = nil
	}
}

func (l *lineWriter) emit(line []byte) {
	out := append([]byte(l.prefix), line...)
	if out[len(out)-1] != '\n' {
		out = append(out, '\n')
	}
	_, _ = l.to.Write(out) // see above
}
