package protocol

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// frameRoom is how many bytes a frame has before its record.
var frameRoom = len(stream.AppendFrame(nil, nil))

// The first allocation for a body: as much as the client announces, but no more
// than trustedLength before anything has arrived, since announcing costs nothing. Then
// memory grows with what did arrive: a body of unknown length doubles it, one that was
// announced has it four times.
const (
	trustedLength  = 16 << 10
	unknownLength  = 4 << 10
	announcedSteps = 4
)

// minBodyRate is how fast a body must arrive on average, in bytes a second, beyond twice
// [Config.BodyStall]: one that sends a byte now and then never stalls, but holds a
// connection and what it has sent for as long as it likes. It is below the slowest of
// mobile networks.
const minBodyRate = 1 << 10

// records reads the request's body as records of a content type. No body gives
// none, and so does an empty JSON array; length tells them apart.
func (x *exchange) records(json bool) (r stream.Records, length int, err error) {
	if x.r.ContentLength == 0 || x.r.Body == nil {
		return stream.Records{}, 0, nil
	}
	if coding := x.r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		// What is stored would be other bytes than what was meant (RFC 9110, section 15.5.16).
		return stream.Records{}, 0, problem(errCoding, "Content-Encoding is not offered for requests: send the body as it is")
	}
	if json {
		s := scratches.Get().(*scratch)
		defer s.free()
		if s.body, err = x.readBody(s.body[:0]); err != nil || len(s.body) == 0 {
			return stream.Records{}, 0, err
		}
		r, err = s.jsonRecords(s.body, x.config.Bounds)
		return r, len(s.body), err
	}
	body, err := x.readBody(make([]byte, frameRoom, frameRoom+x.expectedLength()))
	length = len(body) - frameRoom
	if err != nil || length == 0 {
		return stream.Records{}, 0, err
	}
	r = stream.Records{Count: 1, Size: length}
	if cap(body)-len(body) > len(body)/4+unknownLength/8 {
		// The length was not known. Stores keep frames, so keep no slack.
		r.Frames = stream.AppendFrame(make(stream.Frames, 0, len(body)), body[frameRoom:])
	} else {
		// The body was read to where its frame wants it, so this moves nothing.
		r.Frames = stream.AppendFrame(body[:0], body[frameRoom:])
	}
	return r, length, nil
}

func (x *exchange) expectedLength() int {
	if x.r.ContentLength < 0 {
		return unknownLength
	}
	return int(min(x.r.ContentLength, trustedLength, x.config.MaxBody))
}

// readBody appends the request's body to b.
func (x *exchange) readBody(b []byte) ([]byte, error) {
	announced, max := x.r.ContentLength, x.config.MaxBody
	if announced > max {
		return nil, tooLarge(max)
	}
	b = slices.Grow(b, x.expectedLength())
	start, begun := len(b), time.Now()
	// What is read later on the connection, by the server, is not ours to limit.
	defer x.limitRead(time.Time{})
	for {
		size := int64(len(b) - start)
		switch {
		case size > max:
			return nil, tooLarge(max)
		case announced >= 0 && size == announced:
			return b, nil
		case len(b) == cap(b):
			more := len(b)
			if announced >= 0 {
				more = int(min(int64(more)*(announcedSteps-1), announced-size))
			}
			b = slices.Grow(b, more)
		}
		x.limitRead(x.bodyDeadline(begun, size))
		n, err := x.r.Body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		x.received += int64(n)
		if err != nil {
			return x.bodyEnd(b, int64(len(b)-start), err)
		}
	}
}

func tooLarge(max int64) error {
	return problem(errBodyTooLarge, "the body is too large: at most %d bytes are allowed; split it into several appends", max)
}

// bodyDeadline is until when the next part of a body must arrive, of which size bytes have
// since it was begun.
func (x *exchange) bodyDeadline(begun time.Time, size int64) time.Time {
	next := time.Now().Add(x.config.BodyStall)
	all := begun.Add(2*x.config.BodyStall + time.Duration(size)*(time.Second/minBodyRate))
	if all.Before(next) {
		return all
	}
	return next
}

// bodyEnd judges the error that ended a body.
func (x *exchange) bodyEnd(b []byte, size int64, err error) ([]byte, error) {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok || size > x.config.MaxBody {
		return nil, tooLarge(x.config.MaxBody)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, errBodyStalled
	}
	if !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: %w", errBodyBroken, err)
	}
	return b, nil
}

// limitRead says until when the client may take to send more; zero means for
// ever. One that sends nothing must not hold a connection and its memory. Readers
// without deadlines have their own ways.
func (x *exchange) limitRead(until time.Time) {
	_ = http.NewResponseController(x.w).SetReadDeadline(until)
}

// scratch is memory for reading a JSON body, used again and again.
type scratch struct {
	body    []byte
	compact bytes.Buffer
	// commas are the positions between the elements of an array.
	commas []int
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// maxPooled is the largest buffer that waits for its next use.
const maxPooled = 1 << 20

func (s *scratch) free() {
	if cap(s.body) <= maxPooled && s.compact.Cap() <= maxPooled && cap(s.commas) <= maxPooled/8 {
		scratches.Put(s)
	}
}
