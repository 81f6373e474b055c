package stream

import (
	"bytes"
	"io"
)

// Spool is a temporary place for a segment on its way into an object: it is written
// once, from the beginning, and then read.
type Spool interface {
	io.Writer
	io.ReaderAt
	// Close gives the place back.
	Close() error
}

// memorySpool is a spool in memory: for tests, and for segments that are known to be
// small.
type memorySpool struct{ bytes.Buffer }

func (s *memorySpool) ReadAt(b []byte, offset int64) (int, error) {
	return bytes.NewReader(s.Bytes()).ReadAt(b, offset)
}

func (s *memorySpool) Close() error { return nil }
