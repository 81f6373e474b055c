package segment

import (
	"bytes"
	"fmt"
	"io"
)

// Verify reads a whole object of size bytes from r, which must end there, and checks all
// of it: that it has the form that a [Writer] gives to its records, and with that every
// CRC, count, length and position in it. The Summary is what the object is; that it is
// the right one is for the caller to compare.
//
// An error is an [ErrCorrupt], which includes that r ends early or late, or a
// [*VersionError]; or it is one of r, which says nothing about the object.
//
// It reads once, front to back, and takes memory for 64 KiB and for the index: at most a
// fiftieth of size, and never more than was read of r.
func Verify(r io.Reader, size int64) (Summary, error) {
	if size < int64(len(magic)+frameHeader+minEntry+FooterSize) {
		return Summary{}, corrupt("%d bytes are too few", size)
	}
	front := make([]byte, len(magic))
	if err := fill(r, front); err != nil {
		return Summary{}, err
	}
	if string(front) != magic {
		return Summary{}, corrupt("this is not the beginning of a segment")
	}
	// Where data ends is known only from the footer. What is read as data before is so
	// far from the end that it is that if the footer is right.
	c := newCutter()
	lead := max(0, size-int64(len(magic))-maxTail(size))
	buffer := make([]byte, min(lead, 64<<10))
	for left := lead; left > 0; left -= int64(len(buffer)) {
		buffer = buffer[:min(left, int64(len(buffer)))]
		if err := fill(r, buffer); err != nil {
			return Summary{}, err
		}
		c.add(buffer)
	}
	end := make([]byte, size-int64(len(magic))-lead)
	if err := fill(r, end); err != nil {
		return Summary{}, err
	}
	if err := ended(r); err != nil {
		return Summary{}, err
	}
	footer, err := ParseFooter(end[len(end)-FooterSize:], size)
	if err != nil {
		return Summary{}, err
	}
	tail := FooterSize + footer.IndexSize
	if tail > len(end) {
		return Summary{}, corrupt("%d bytes do not have an index of %d", size, footer.IndexSize)
	}
	data := end[:len(end)-tail]
	if c.add(data); c.torn() {
		return Summary{}, corrupt("the data ends inside a frame")
	}
	if _, want := c.close(footer.Kind, footer.Segment); !bytes.Equal(end[len(data):], want) {
		return Summary{}, corrupt("the data is not what its index and footer are for")
	}
	return footer.Summary, nil
}

// maxTail is the most that the index and the footer of an object take.
func maxTail(size int64) int64 {
	return (size/minBlock+1)*maxEntry + FooterSize
}

// fill reads as many bytes as b has.
func fill(r io.Reader, b []byte) error {
	for n := 0; n < len(b); {
		m, err := r.Read(b[n:])
		n += m
		switch {
		case n == len(b):
		case err == io.EOF: // not a wrapped one, which a connection may have caused
			return corrupt("the object ends early")
		case err != nil:
			return fmt.Errorf("segment: %w", err)
		}
	}
	return nil
}

// ended checks that r has nothing more.
func ended(r io.Reader) error {
	switch n, err := io.ReadFull(r, make([]byte, 1)); {
	case n > 0:
		return corrupt("the object does not end where it should")
	case err != io.EOF:
		return fmt.Errorf("segment: %w", err)
	}
	return nil
}
