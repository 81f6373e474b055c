package main

import (
	"bytes"
	"fmt"
	"strconv"
)

const (
	octets      = "application/octet-stream"
	jsonMode    = "application/json"
	messageSize = 100 // bytes of a small message
)

// render lays out one HTTP/1.1 request. headers are whole lines; a body, even
// an empty one, makes it carry a Content-Length.
func render(method, host, path string, body []byte, headers ...string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, host)
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	if body != nil {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

// appender renders the appends of one writer: always the same request but for
// the number in its message and, for a producer, in its Producer-Seq header.
type appender struct {
	head, tail []byte // around the Producer-Seq value, or all in head
	producer   bool
	want       int // the status of an accepted append
	writer     int
	seq        int // of the next append
	buf        []byte
}

func newAppender(t *target, id string, writer int, producer bool) *appender {
	const mark = "<seq>"
	a := &appender{writer: writer, producer: producer, want: 204}
	headers := []string{"Content-Type: " + octets}
	if producer {
		a.want = 200
		headers = append(headers, fmt.Sprintf("Producer-Id: producer-%d", writer),
			"Producer-Epoch: 0", "Producer-Seq: "+mark)
	}
	req := render("POST", t.addr, t.path(id), make([]byte, messageSize), headers...)
	req = req[:len(req)-messageSize]
	a.head, a.tail, _ = bytes.Cut(req, []byte(mark))
	return a
}

// next renders the next append; it is valid until the one after.
func (a *appender) next() []byte {
	b := append(a.buf[:0], a.head...)
	if a.producer {
		b = strconv.AppendInt(b, int64(a.seq), 10)
		b = append(b, a.tail...)
	}
	b = appendRecord(b, a.writer, a.seq)
	a.buf = b
	a.seq++
	return b
}

const (
	recordHead = "w0000 s0000000000 "
	recordPad  = "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghij"
)

// appendRecord appends the message that the given writer sends as its seq-th:
// 100 bytes that say so, and that a read can therefore be checked against.
func appendRecord(b []byte, writer, seq int) []byte {
	at := len(b)
	b = append(append(b, recordHead...), recordPad[:messageSize-len(recordHead)]...)
	digits(b[at+1:at+5], writer)
	digits(b[at+7:at+17], seq)
	return b
}

// parseRecord is the inverse of appendRecord.
func parseRecord(b []byte) (writer, seq int, err error) {
	if len(b) != messageSize || b[0] != 'w' || b[6] != 's' {
		return 0, 0, fmt.Errorf("not a message of this benchmark: %.120q", b)
	}
	if writer, err = strconv.Atoi(string(b[1:5])); err == nil {
		seq, err = strconv.Atoi(string(b[7:17]))
	}
	return writer, seq, err
}

// digits writes n in decimal over the whole of b.
func digits(b []byte, n int) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
}
