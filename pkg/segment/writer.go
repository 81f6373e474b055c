package segment

import (
	"errors"
	"io"
)

var (
	errKind   = errors.New("segment: there is no such kind")
	errEmpty  = errors.New("segment: there is no record to write")
	errTorn   = errors.New("segment: frames to be written are torn")
	errClosed = errors.New("segment: writer is closed")
)

// Writer writes one object. It is for one goroutine at a time.
type Writer struct {
	w       io.Writer
	kind    Kind
	segment uint64
	cutter  *cutter
	// err is why nothing more can be written.
	err error
}

// NewWriter returns a Writer that puts an object into w. It writes nothing yet.
//
// It keeps of the object only the index, about a five-hundredth of it. What it is given
// it hands on to w at once, in the pieces in which it came: if they are small, w should
// be buffered.
func NewWriter(w io.Writer, k Kind, segment uint64) *Writer {
	z := &Writer{w: w, kind: k, segment: segment, cutter: newCutter()}
	if k != Bytes && k != Messages {
		z.err = errKind
	}
	return z
}

// Write appends whole frames, which it does not keep. If they are torn it returns an
// error, as it does if w does. After an error the object cannot be completed: all that
// follows returns the same one.
func (w *Writer) Write(frames []byte) error {
	if w.err != nil || len(frames) == 0 {
		return w.err
	}
	if w.cutter.size == 0 {
		if w.put([]byte(magic)); w.err != nil {
			return w.err
		}
	}
	if w.cutter.add(frames); w.cutter.torn() {
		w.err = errTorn
		return w.err
	}
	w.put(frames)
	return w.err
}

// Close writes the end of the object: the index and the footer, which is the tail that
// it returns for [ParseTail]. A segment without any record is an error. After Close the
// Writer is of no more use; it does not close w.
func (w *Writer) Close() (s Summary, tail []byte, err error) {
	if w.err == nil && w.cutter.frames == 0 {
		w.err = errEmpty
	}
	if w.err != nil {
		return Summary{}, nil, w.err
	}
	footer, tail := w.cutter.close(w.kind, w.segment)
	if w.put(tail); w.err != nil {
		return Summary{}, nil, w.err
	}
	w.err = errClosed
	return footer.Summary, tail, nil
}

func (w *Writer) put(b []byte) { _, w.err = w.w.Write(b) }
