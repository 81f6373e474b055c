package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// body reads the body of one answer off a connection, whichever way its end
// is marked: by Content-Length, by chunks, or by the end of the connection.
// It ends with io.EOF exactly once the body is complete, and with
// io.ErrUnexpectedEOF if the connection ends before the body does.
type body struct {
	br         *bufio.Reader
	chunked    bool
	untilClose bool
	remain     int64 // of the whole body, or of the chunk being read
	inChunk    bool  // the current chunk's final line end is still to come
	finished   bool
}

// begin sets b to the body that follows the head r.
func (b *body) begin(br *bufio.Reader, r *response, head bool) {
	*b = body{br: br}
	switch {
	case head || r.status == 204 || r.status == 304:
		b.finished = true
	case r.chunked:
		b.chunked = true
	case r.length >= 0:
		b.remain = r.length
		b.finished = r.length == 0
	default:
		b.untilClose = true
		r.closing = true
	}
}

// done says that the body has been read to its end.
func (b *body) done() bool { return b.finished }

func (b *body) Read(p []byte) (int, error) {
	if b.finished {
		return 0, io.EOF
	}
	if b.untilClose {
		n, err := b.br.Read(p)
		b.finished = err == io.EOF
		return n, err
	}
	if b.chunked && b.remain == 0 {
		if err := b.nextChunk(); err != nil {
			return 0, err
		}
		if b.finished {
			return 0, io.EOF
		}
	}
	if int64(len(p)) > b.remain {
		p = p[:b.remain]
	}
	n, err := b.br.Read(p)
	b.remain -= int64(n)
	if !b.chunked && b.remain == 0 {
		b.finished = true
	}
	return n, unexpected(err)
}

// nextChunk reads the line that opens a chunk, and the trailers after the
// last one.
func (b *body) nextChunk() error {
	if b.inChunk {
		line, err := readLine(b.br)
		if err != nil {
			return unexpected(err)
		}
		if len(line) != 0 {
			return fmt.Errorf("chunk is longer than announced: %.80q", line)
		}
		b.inChunk = false
	}
	line, err := readLine(b.br)
	if err != nil {
		return unexpected(err)
	}
	size, _, _ := bytes.Cut(line, []byte(";"))
	n, err := strconv.ParseUint(string(bytes.TrimSpace(size)), 16, 62)
	if err != nil {
		return fmt.Errorf("bad chunk size: %.80q", line)
	}
	b.remain, b.inChunk = int64(n), true
	if n > 0 {
		return nil
	}
	for { // trailers, then an empty line
		line, err = readLine(b.br)
		if err != nil {
			return unexpected(err)
		}
		if len(line) == 0 {
			b.finished = true
			return nil
		}
	}
}

// readLine returns the next line without its end. It is valid until the next
// read.
func readLine(br *bufio.Reader) ([]byte, error) {
	line, err := br.ReadSlice('\n')
	if err != nil {
		if errors.Is(err, bufio.ErrBufferFull) {
			return nil, errors.New("line is longer than the read buffer")
		}
		if len(line) > 0 {
			err = unexpected(err)
		}
		return nil, err
	}
	return bytes.TrimSuffix(line[:len(line)-1], []byte("\r")), nil
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
