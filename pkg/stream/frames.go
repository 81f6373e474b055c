package stream

import (
	"encoding/binary"
	"errors"
	"iter"
	"math"
	"unicode/utf8"
)

// frameHeader is the size of the length that precedes each record's bytes.
const frameHeader = 4

// errTornFrames says that a run of frames ends inside a frame. A store that
// returns it has lost or altered data.
var errTornFrames = errors.New("stream: frames are torn")

// Frames is a run of records as it is stored everywhere, in buffers, chunks and
// segments alike: for each record its length (uint32, big-endian) and its bytes.
// Runs are joined by concatenation.
type Frames []byte

// AppendFrame appends one record to f. A record longer than 4 GiB panics; limits
// on request bodies are far below.
func AppendFrame(f Frames, record []byte) Frames {
	if len(record) > math.MaxUint32 {
		panic("stream: record longer than a frame can say")
	}
	f = binary.BigEndian.AppendUint32(f, uint32(len(record)))
	return append(f, record...)
}

// Records returns the records of f in order, without copying. If f is torn the
// sequence ends with a nil record and an error.
func (f Frames) Records() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for rest := f; len(rest) > 0; {
			record, next, err := rest.cut()
			if !yield(record, err) || err != nil {
				return
			}
			rest = next
		}
	}
}

// cut splits the first record off f.
func (f Frames) cut() (record []byte, rest Frames, err error) {
	if len(f) < frameHeader {
		return nil, nil, errTornFrames
	}
	n := binary.BigEndian.Uint32(f)
	if uint64(n) > uint64(len(f)-frameHeader) {
		return nil, nil, errTornFrames
	}
	end := frameHeader + int(n)
	return f[frameHeader:end:end], f[end:], nil
}

// cutLast splits the last record off f, which must not be empty or torn.
func (f Frames) cutLast() (rest Frames, record []byte) {
	for next := f; len(next) > 0; {
		rest = f[:len(f)-len(next)]
		record, next, _ = next.cut()
	}
	return rest, record
}

// Unit says what an offset's position counts in a stream.
type Unit uint8

const (
	// Bytes is the unit of every content type but JSON.
	Bytes Unit = iota
	// Messages is the unit of application/json streams (PROTOCOL.md section 9.1).
	Messages
)

// Records is what one append brings: framed records and their measures.
type Records struct {
	Frames Frames
	// Count is the number of frames.
	Count int
	// Size is the number of bytes in the records, without frame headers.
	Size int
}

// Add appends one record.
func (r *Records) Add(record []byte) {
	r.Frames = AppendFrame(r.Frames, record)
	r.Count++
	r.Size += len(record)
}

// join appends the records of s.
func (r *Records) join(s Records) {
	r.Frames = append(r.Frames, s.Frames...)
	r.Count += s.Count
	r.Size += s.Size
}

// advance is how far the records move an offset's position.
func (r Records) advance(u Unit) uint64 {
	if u == Messages {
		return uint64(r.Count)
	}
	return uint64(r.Size)
}

// split divides records into parts of at most about max bytes each. JSON
// messages stay whole, so one message longer than max is a part of its own.
// Other records are cut where needed: a byte stream has no record boundaries
// that a reader could observe.
func (r Records) split(u Unit, max int) []Records {
	if r.Size <= max {
		return []Records{r}
	}
	var parts []Records
	var part Records
	add := func(record []byte) {
		if part.Count > 0 && part.Size+len(record) > max {
			parts = append(parts, part)
			part = Records{}
		}
		part.Add(record)
	}
	for record := range r.Frames.Records() {
		for u == Bytes && len(record) > max {
			n := cutText(record, max)
			add(record[:n])
			record = record[n:]
		}
		add(record)
	}
	return append(parts, part)
}

// cutText returns the largest n of at most max, and at least 1, at which b can
// be cut without splitting a UTF-8 character. Where b is not UTF-8 the cut is
// at most three bytes below max, which harms nothing.
func cutText(b []byte, max int) int {
	if len(b) <= max {
		return len(b)
	}
	if n := max - torn(b[:max]); n > 0 {
		return n
	}
	return max
}

// torn returns how many bytes at the end of b, at most three, begin a UTF-8
// character that is not whole. What cannot become a character does not count.
func torn(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		end := b[len(b)-n:]
		if !utf8.RuneStart(end[0]) {
			continue
		}
		if utf8.FullRune(end) {
			return 0
		}
		return n
	}
	return 0
}
