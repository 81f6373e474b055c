// Package spool keeps segments in temporary files while they are on their way into
// objects, so that the memory of a process does not grow with them.
package spool

import (
	"fmt"
	"os"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// In returns a source of spools in a directory; "" is the system's for temporary files.
// A spool is a file without a name, so that nothing is left of it however the process
// ends. It takes as much disk as the segment has bytes.
func In(dir string) func() (stream.Spool, error) {
	return func() (stream.Spool, error) {
		f, err := os.CreateTemp(dir, "segment-*")
		if err != nil {
			return nil, fmt.Errorf("spool: %w", err)
		}
		if err := os.Remove(f.Name()); err != nil {
			return nil, fmt.Errorf("spool: %w", err)
		}
		return f, nil
	}
}
