package stream

import (
	"io"
	"os"
)

// Spool is a temporary place for a segment on its way into an object: it is written
// once, from the beginning, and then read.
type Spool interface {
	io.Writer
	io.ReaderAt
	// Close gives the place back.
	Close() error
}

// spoolFile returns a spool that is a file without a name, so that nothing is left of
// it when the process ends.
func spoolFile() (Spool, error) {
	f, err := os.CreateTemp("", "segment-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
