package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
)

const (
	readBuffer  = 64 << 10  // what one read system call may bring in
	sinkBuffer  = 256 << 10 // the same for bodies that are only counted
	maxErrBody  = 2 << 10   // how much of an unexpected answer is shown
	maxInterims = 8         // 1xx answers tolerated before a final one
)

// conn is one persistent HTTP/1.1 connection with at most one request in
// flight. It exists because the client shares its cores with the server it
// measures: net/http spends two goroutines, several allocations and a header
// map on every request, this spends one write, about one read and no
// allocation.
//
// Requests are handed over as rendered bytes (see request.go). A connection
// that the server has announced to close is dialled anew by the next request;
// nothing is ever retried, so a request that fails fails the row.
type conn struct {
	ctx  context.Context // closes the connection when it ends
	addr string
	nc   net.Conn
	br   *bufio.Reader
	stop func() bool
	res  response
	body body

	// sink, if set, takes the body of every 2xx answer piece by piece in
	// place of response.body. The pieces are only valid during the call.
	sink    func(piece []byte)
	scratch []byte
}

// response is what the rows need of an answer. It belongs to its conn and is
// overwritten by the next request.
type response struct {
	status     int
	nextOffset []byte // Stream-Next-Offset
	cursor     []byte // Stream-Cursor
	upToDate   bool   // Stream-Up-To-Date: true
	closing    bool   // the server will close the connection
	length     int64  // Content-Length, or -1
	chunked    bool
	body       []byte // empty if the body went to a sink
	size       int64  // bytes of body received, kept or not
}

// dial connects to a server. The connection closes itself when ctx ends,
// which is what unblocks every read on Ctrl-C and on a row's time limit.
func dial(ctx context.Context, addr string) (*conn, error) {
	c := &conn{ctx: ctx, addr: addr}
	if err := c.connect(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *conn) connect() error {
	c.close()
	var d net.Dialer
	nc, err := d.DialContext(c.ctx, "tcp", c.addr)
	if err != nil {
		return c.explain("dial "+c.addr, err)
	}
	c.nc = nc
	if c.br == nil {
		c.br = bufio.NewReaderSize(nc, readBuffer)
	} else {
		c.br.Reset(nc)
	}
	c.stop = context.AfterFunc(c.ctx, func() { nc.Close() })
	return nil
}

// close ends the connection; the next request would dial again.
func (c *conn) close() {
	if c.nc == nil {
		return
	}
	c.stop()
	c.nc.Close()
	c.nc = nil
}

// do sends one rendered request and reads the whole answer.
func (c *conn) do(req []byte) (*response, error) {
	if err := c.open(req); err != nil {
		return nil, err
	}
	if err := c.readBody(); err != nil {
		c.close()
		return nil, c.explain(firstLine(req), err)
	}
	if c.res.closing {
		c.close()
	}
	return &c.res, nil
}

// open sends one rendered request and reads the head of the answer; the body
// is then to be had from c.body. The live rows use it for event streams.
func (c *conn) open(req []byte) error {
	if c.nc == nil {
		if err := c.connect(); err != nil {
			return err
		}
	}
	_, writeErr := c.nc.Write(req)
	err := c.readHead()
	if writeErr != nil {
		// A server may answer and hang up before it has the whole body.
		if err != nil {
			err = writeErr
		}
		c.res.closing = true
	}
	if err != nil {
		c.close()
		return c.explain(firstLine(req), err)
	}
	c.body.begin(c.br, &c.res, bytes.HasPrefix(req, []byte("HEAD ")))
	return nil
}

// readBody drains c.body into the response, or into the sink.
func (c *conn) readBody() error {
	r := &c.res
	if c.sink != nil && r.status/100 == 2 {
		if c.scratch == nil {
			c.scratch = make([]byte, sinkBuffer)
		}
		for {
			n, err := c.body.Read(c.scratch)
			if n > 0 {
				r.size += int64(n)
				c.sink(c.scratch[:n])
			}
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
		}
	}
	if n := c.body.remain; !c.body.chunked && n > int64(cap(r.body)) {
		r.body = make([]byte, 0, n)
	}
	for {
		if len(r.body) == cap(r.body) && !c.body.done() {
			r.body = append(r.body, 0)[:len(r.body)]
		}
		n, err := c.body.Read(r.body[len(r.body):cap(r.body)])
		r.body = r.body[:len(r.body)+n]
		r.size = int64(len(r.body))
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// readHead reads status line and headers of the final answer into c.res.
func (c *conn) readHead() error {
	for range maxInterims {
		if err := c.readOneHead(); err != nil {
			return err
		}
		if c.res.status >= 200 {
			return nil
		}
	}
	return errors.New("no final answer after the interim ones")
}

func (c *conn) readOneHead() error {
	r := &c.res
	*r = response{
		nextOffset: r.nextOffset[:0], cursor: r.cursor[:0], body: r.body[:0], length: -1,
	}
	line, err := readLine(c.br)
	if err != nil {
		return err
	}
	if len(line) < 12 || string(line[:7]) != "HTTP/1." || line[8] != ' ' {
		return fmt.Errorf("not an HTTP/1 answer: %.80q", line)
	}
	if r.status, err = strconv.Atoi(string(line[9:12])); err != nil || r.status < 100 {
		return fmt.Errorf("bad status line: %.80q", line)
	}
	r.closing = line[7] == '0'
	for {
		if line, err = readLine(c.br); err != nil {
			return err
		}
		if len(line) == 0 {
			return nil
		}
		if err = r.header(line); err != nil {
			return err
		}
	}
}

// header notes one header line if it is one that the rows need. The switch
// on the name's length spares most headers any comparison.
func (r *response) header(line []byte) error {
	i := bytes.IndexByte(line, ':')
	if i < 1 {
		return fmt.Errorf("bad header line: %.80q", line)
	}
	name, value := line[:i], bytes.TrimSpace(line[i+1:])
	switch {
	case i == 10 && isName(name, "Connection"):
		r.closing = r.closing || isName(value, "close")
	case i == 13 && isName(name, "Stream-Cursor"):
		r.cursor = append(r.cursor[:0], value...)
	case i == 14 && isName(name, "Content-Length"):
		n, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil || n < 0 {
			return fmt.Errorf("bad Content-Length: %.80q", value)
		}
		r.length = n
	case i == 17 && isName(name, "Transfer-Encoding"):
		if !isName(value, "chunked") {
			return fmt.Errorf("unknown Transfer-Encoding: %.80q", value)
		}
		r.chunked = true
	case i == 17 && isName(name, "Stream-Up-To-Date"):
		r.upToDate = isName(value, "true")
	case i == 18 && isName(name, "Stream-Next-Offset"):
		r.nextOffset = append(r.nextOffset[:0], value...)
	}
	return nil
}

// explain puts the request in front of an error, and the reason why the
// context ended in its place if it was that which closed the connection.
func (c *conn) explain(what string, err error) error {
	if cause := context.Cause(c.ctx); cause != nil {
		err = cause
	}
	return fmt.Errorf("%s: %w", what, err)
}

func isName(b []byte, name string) bool { return bytes.EqualFold(b, []byte(name)) }

func firstLine(req []byte) string {
	line, _, _ := bytes.Cut(req, []byte(" HTTP/"))
	return string(line)
}
