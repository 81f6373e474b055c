package bucket

import (
	"bytes"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"sync"
)

// checksum names the metadata that holds the CRC32C of an object's body.
const checksum = "crc32c"

func newSum() hash.Hash32 { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) }

// text is how a checksum is written in the metadata.
func text(sum hash.Hash32) string { return fmt.Sprintf("%08x", sum.Sum32()) }

// upload is the body that a put was given. It remembers an error of it, which would
// else look like one of the connection. It may be read by several at once.
type upload struct {
	section *io.SectionReader

	mu  sync.Mutex
	err error
}

// bodyError is an error of a body that was given.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return fmt.Sprintf("the body cannot be read: %v", e.err) }
func (e *bodyError) Unwrap() error { return e.err }

// ofBody reports whether an error is one of the body that was given.
func ofBody(err error) bool {
	var failed *bodyError
	return errors.As(err, &failed)
}

// reader returns a reader of the body that stands at its beginning.
func (u *upload) reader() io.ReadSeeker { return io.NewSectionReader(u, 0, u.section.Size()) }

// ReadAt implements [io.ReaderAt]. A body that ends early fails.
func (u *upload) ReadAt(p []byte, offset int64) (int, error) {
	n, err := u.section.ReadAt(p, offset)
	if int64(n) >= min(int64(len(p)), u.section.Size()-offset) {
		return n, err
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	failed := &bodyError{fmt.Errorf("after %d of %d bytes: %w", offset+int64(n), u.section.Size(), err)}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.err = failed
	return n, failed
}

// failure returns the body's last error, nil if it has had none.
func (u *upload) failure() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err
}

// sum reads the body and returns its CRC32C.
func (u *upload) sum() (string, error) {
	sum := newSum()
	if _, err := io.Copy(sum, u.reader()); err != nil {
		return "", err
	}
	return text(sum), nil
}

// window is how much of two bodies is held in memory to compare them.
const window = 64 << 10

// equals reports whether an answer's body is this one. It reads all of it even where
// they differ: only then is it certain that it is what is stored.
func (u *upload) equals(a *answer) (bool, error) {
	equal := a.size == u.section.Size()
	theirs, ours := make([]byte, window), make([]byte, window)
	for a.read < a.size {
		at := a.read
		n := min(a.size-at, window)
		if err := a.next(theirs[:n]); err != nil {
			return false, err
		}
		if !equal {
			continue
		}
		if got, err := u.ReadAt(ours[:n], at); int64(got) < n {
			return false, err
		}
		equal = bytes.Equal(ours[:n], theirs[:n])
	}
	return equal, a.end()
}
