package lambdahttp

import (
	"context"
	"io"
	"net"
)

// body is the end of a response that the runtime reads. One Read gives what one
// flush wrote, as far as it fits.
type body struct {
	pipe net.Conn
	// cancel ends the request's context.
	cancel context.CancelFunc
	// failure is what the body ends in, if it is not whole. It is set before the
	// other end is closed.
	failure error
}

// bodyWriter is the end that the response writes to. A write waits until it has been
// read; unlike that of an [io.Pipe] it can have a deadline.
type bodyWriter struct {
	net.Conn
	body *body
}

func newBody(cancel context.CancelFunc) (*body, bodyWriter) {
	reader, writer := net.Pipe()
	b := &body{pipe: reader, cancel: cancel}
	return b, bodyWriter{writer, b}
}

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	n, err := b.pipe.Read(p)
	if err == io.EOF && b.failure != nil {
		err = b.failure
	}
	return n, err
}

// Close says that nothing more will be read: writes fail from now on, and the
// request's context ends. It may be repeated.
func (b *body) Close() error {
	b.cancel()
	return b.pipe.Close()
}

// closeWith ends the body, with an error if it is not whole.
func (w bodyWriter) closeWith(failure error) {
	w.body.failure = failure
	_ = w.Conn.Close() // it cannot fail
}
