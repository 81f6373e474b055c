package protocol

import (
	"net/http"
	"strconv"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// sendPlain answers with a page as it is. Its length is known before its bytes are in one
// place, so it is sent in pieces, each of which stays in a processor's cache between being
// put together and being sent; long records are sent from where they are.
func (x *exchange) sendPlain(p *stream.Page) {
	x.set("Content-Length", strconv.Itoa(plainSize(p)))
	x.send(http.StatusOK, nil)
	buf := buffers.Get().(*buffer)
	defer buf.free()
	w := pieces{x: x, b: grow(buf.b[:0], min(plainSize(p), maxPiece))}
	json := p.Head.Unit() == stream.Messages
	if json {
		w.byte('[')
	}
	first := true
	for record := range p.Records() {
		if json && !first {
			w.byte(',')
		}
		first = false
		w.add(record)
	}
	if json {
		w.byte(']')
	}
	w.flush()
	buf.b = w.b
}

// plainSize is how long a page is as clients see it: in JSON mode with what makes an array of
// its messages.
func plainSize(p *stream.Page) int {
	if p.Head.Unit() == stream.Messages {
		return p.Size + max(p.Count-1, 0) + len("[]")
	}
	return p.Size
}

// pieces are a body on its way, of which b is the piece that is being put together.
type pieces struct {
	x *exchange
	b []byte
}

func (w *pieces) byte(c byte) { w.b = append(w.b, c) }

// add adds a record.
func (w *pieces) add(record []byte) {
	if len(w.b)+len(record) < maxPiece {
		w.b = append(w.b, record...)
		return
	}
	w.flush()
	if len(record) < maxPiece {
		w.b = append(w.b, record...)
		return
	}
	w.write(record)
}

func (w *pieces) flush() {
	w.write(w.b)
	w.b = w.b[:0]
}

// write sends a piece, or a long record. After a failure, which is the exchange's cause,
// nothing more is sent.
func (w *pieces) write(piece []byte) {
	if len(piece) > 0 && w.x.cause == nil {
		w.x.cause = w.x.write(piece)
	}
}
