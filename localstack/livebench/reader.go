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
	"time"
)

// buffer is what a reader reads into: no line of an answer is longer. There are thousands
// of readers, and they should not be what is measured.
const buffer = 1 << 10

// sources are the loopback addresses that readers connect from, as one has too few ports.
const sources = 8

// errBusy says that the server asked to be asked later.
var errBusy = errors.New("503")

// follow is one reader, until ctx ends. Where the server has too much to do it tries again
// a second later, as clients do.
func follow(ctx context.Context, b *board, addr, mode, offset string, i int) error {
	r := &reader{board: b, addr: addr, offset: offset}
	for {
		err := r.connect(ctx, mode, i)
		if !errors.Is(err, errBusy) {
			return err
		}
		b.busy.Add(1)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// connect reads on a connection of its own.
func (r *reader) connect(ctx context.Context, mode string, i int) error {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+i%sources))}}
	conn, err := d.DialContext(ctx, "tcp", r.addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	r.conn, r.lines = conn, bufio.NewReaderSize(conn, buffer)
	if mode == "sse" {
		return r.events()
	}
	for {
		if err := r.poll(); err != nil {
			return err
		}
	}
}

type reader struct {
	*board
	conn                 net.Conn
	lines                *bufio.Reader
	addr, offset, cursor string
}

func (r *reader) ask(query string) error {
	_, err := fmt.Fprintf(r.conn, "GET %s?offset=%s%s HTTP/1.1\r\nHost: %s\r\n\r\n", path, r.offset, query, r.addr)
	return err
}

// events reads server-sent events. What is not a line with a stamp does not matter: heads,
// lengths of chunks, control events.
func (r *reader) events() error {
	if err := r.ask("&live=sse"); err != nil {
		return err
	}
	if err := r.status(); err != nil {
		return err
	}
	for {
		line, err := r.line()
		if err != nil {
			return err
		}
		if bytes.HasPrefix(line, []byte("data:[")) {
			r.take(line)
		}
	}
}

// poll makes one long-poll.
func (r *reader) poll() error {
	query := "&live=long-poll"
	if r.cursor != "" {
		query += "&cursor=" + r.cursor
	}
	if err := r.ask(query); err != nil {
		return err
	}
	if err := r.status(); err != nil {
		return err
	}
	length := 0
	for {
		line, err := r.line()
		if err != nil {
			return err
		}
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch string(name) {
		case "Stream-Next-Offset":
			r.offset = string(value)
		case "Stream-Cursor":
			r.cursor = string(value)
		case "Content-Length":
			if length, err = strconv.Atoi(string(value)); err != nil {
				return err
			}
		}
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(r.lines, body); err != nil {
		return err
	}
	r.take(body)
	return nil
}

// take notes the messages in a text: what is between two @.
func (r *reader) take(text []byte) {
	now := time.Now()
	for {
		_, rest, found := bytes.Cut(text, []byte(`"@`))
		if !found {
			return
		}
		stamp, after, _ := bytes.Cut(rest, []byte{'@'})
		r.got(stamp, now)
		text = after
	}
}

// status reads the first line of an answer.
func (r *reader) status() error {
	line, err := r.line()
	switch {
	case err != nil:
		return err
	case bytes.Contains(line, []byte(" 503 ")):
		return errBusy
	case !bytes.Contains(line, []byte(" 20")):
		return fmt.Errorf("answered %q", line)
	}
	return nil
}

func (r *reader) line() ([]byte, error) {
	line, err := r.lines.ReadSlice('\n')
	return bytes.TrimRight(line, "\r\n"), err
}
