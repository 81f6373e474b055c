package protocol

import (
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// sendPage answers a read with a page, or with 304 if the client has it.
func (x *exchange) sendPage(p *stream.Page, c caching) {
	h := x.w.Header()
	x.set("Content-Type", p.Head.ContentType)
	x.set("Cache-Control", string(c))
	x.place(p)
	if stream.MediaType(p.Head.ContentType) == defaultType {
		// Nobody wants a browser to render it (section 12.7).
		h["Content-Disposition"] = headerAttachment
	}
	// What somebody appended shall not run as a page of this origin.
	h["Content-Security-Policy"] = headerSandbox
	coding := x.encodingOf(p)
	if c != uncached {
		if x.tagged(etag(p, coding)) {
			return
		}
	}
	if coding == identity {
		x.sendPlain(p)
		return
	}
	buf := buffers.Get().(*buffer)
	defer buf.free()
	buf.b = appendBody(buf.b[:0], p)
	encoded := buffers.Get().(*buffer)
	defer encoded.free()
	encoded.b = x.encoder.append(encoded.b[:0], coding, buf.b)
	x.set("Content-Encoding", string(coding))
	x.set("Content-Length", strconv.Itoa(len(encoded.b)))
	x.send(http.StatusOK, encoded.b)
}

var (
	headerAttachment = []string{"attachment"}
	headerSandbox    = []string{"sandbox; default-src 'none'"}
)

// place says where a page leaves the reader: Stream-Next-Offset,
// Stream-Up-To-Date and Stream-Closed, all as of the moment of the page.
func (x *exchange) place(p *stream.Page) {
	h := x.w.Header()
	x.set("Stream-Next-Offset", p.Next.String())
	if p.UpToDate() {
		h["Stream-Up-To-Date"] = headerTrue
	}
	if p.Closed() {
		h["Stream-Closed"] = headerTrue
	}
}

// appendBody appends a page as clients see it: an array of the messages in JSON
// mode (section 9.1.5), and otherwise the bytes.
func appendBody(b []byte, p *stream.Page) []byte {
	if p.Head.Unit() == stream.Messages {
		return appendArray(b, p)
	}
	b = grow(b, p.Size)
	for record := range p.Records() {
		b = append(b, record...)
	}
	return b
}

func appendArray(b []byte, p *stream.Page) []byte {
	b = grow(b, p.Size+p.Count+2)
	b = append(b, '[')
	first := true
	for message := range p.Records() {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, message...)
	}
	return append(b, ']')
}

// grow makes room for n more bytes, and no more than that: buffers are large.
func grow(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	return append(make([]byte, 0, len(b)+n), b...)
}

// isText reports whether a content type is carried as it is in server-sent
// events; others are encoded (section 5.8).
func isText(contentType string) bool {
	media := stream.MediaType(contentType)
	return media == jsonType || strings.HasPrefix(media, "text/")
}

// buffer is memory for an answer, used again and again.
type buffer struct{ b []byte }

var buffers = sync.Pool{New: func() any { return new(buffer) }}

func (b *buffer) free() {
	if cap(b.b) <= maxPooledPage {
		buffers.Put(b)
	}
}

// maxPooledPage is somewhat more than a page of the usual size.
const maxPooledPage = 2 << 20
