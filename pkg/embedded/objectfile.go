package embedded

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// objectFile is the file of an object, open for reading.
type objectFile struct {
	vfs.File
	key string
	// size is that of the body.
	size int64
}

// open opens the file of an object; [stream.ErrNoItem] if there is none, and
// [stream.ErrRejected] if there cannot be one.
func (o *Objects) open(key string, how vfs.OpenOption) (*objectFile, error) {
	file, err := o.fs.Open(o.path(key), how)
	if errors.Is(err, syscall.ENAMETOOLONG) {
		return nil, fmt.Errorf("%w: object %s: %w", stream.ErrRejected, key, err)
	}
	if isMissing(err) {
		return nil, fmt.Errorf("%w: object %s", stream.ErrNoItem, key)
	}
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = fmt.Errorf("%w: object %s, but others below it", stream.ErrNoItem, key)
	case info.Size() < crc32.Size:
		err = fmt.Errorf("%w: object %s", errCorrupt, key)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &objectFile{file, key, info.Size() - crc32.Size}, nil
}

// isMissing reports whether an error says that there is no such file: a part of its
// path may be an object, or the path longer than any.
func isMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ENAMETOOLONG)
}

// whole returns the body, after checking it.
func (f *objectFile) whole() ([]byte, error) {
	b := make([]byte, f.size+crc32.Size)
	if _, err := io.ReadFull(io.NewSectionReader(f, 0, int64(len(b))), b); err != nil {
		return nil, fmt.Errorf("object %s: %w", f.key, err)
	}
	body, trailer := b[:f.size:f.size], b[f.size:]
	if err := f.check(crc32.Checksum(body, castagnoli), trailer); err != nil {
		return nil, err
	}
	return body, nil
}

// equals reports whether the body is this one. One that is, but is not what was put,
// is an error.
func (f *objectFile) equals(body *io.SectionReader) (bool, error) {
	if f.size != body.Size() {
		return false, nil
	}
	ours, theirs := copyBufferFor(f.size), copyBufferFor(f.size)
	sum := crc32.New(castagnoli)
	for at := int64(0); at < f.size; {
		n := min(copyBuffer, f.size-at)
		if _, err := io.ReadFull(io.NewSectionReader(f, at, n), ours[:n]); err != nil {
			return false, fmt.Errorf("object %s: %w", f.key, err)
		}
		if _, err := io.ReadFull(io.NewSectionReader(body, at, n), theirs[:n]); err != nil {
			return false, fmt.Errorf("put object %s: %w", f.key, err)
		}
		if !bytes.Equal(ours[:n], theirs[:n]) {
			return false, nil
		}
		sum.Write(ours[:n])
		at += n
	}
	trailer := make([]byte, crc32.Size)
	if _, err := io.ReadFull(io.NewSectionReader(f, f.size, crc32.Size), trailer); err != nil {
		return false, fmt.Errorf("object %s: %w", f.key, err)
	}
	return true, f.check(sum.Sum32(), trailer)
}

func (f *objectFile) check(sum uint32, trailer []byte) error {
	if binary.BigEndian.Uint32(trailer) != sum {
		return fmt.Errorf("%w: object %s", errCorrupt, f.key)
	}
	return nil
}
