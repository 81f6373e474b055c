package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"
)

// liveReader is one reader of a live row, on a connection of its own.
type liveReader struct {
	*liveRow
	c      *conn
	t      *target
	id     string
	offset string // to read from

	received   int // messages, all of them
	last       bool
	deliveries []delivery
}

// delivery is one message that a reader had: when it was sent, counted from
// the row's beginning, and how long after that it was there.
type delivery struct{ sent, after time.Duration }

// take notes the messages in a piece of JSON by their stamps.
func (r *liveReader) take(text []byte) error {
	now := time.Since(r.began)
	for {
		i := bytes.Index(text, []byte(`"@`))
		if i < 0 {
			return nil
		}
		text = text[i+2:]
		if len(text) <= stampDigits || text[stampDigits] != '@' {
			return fmt.Errorf("bad stamp in %.80q", text)
		}
		sent, err := strconv.Atoi(string(text[:stampDigits]))
		if err != nil {
			return err
		}
		text = text[stampDigits:]
		r.received++
		if r.received == 1 {
			r.warm <- struct{}{}
		}
		if sent == lastStamp {
			r.last = true
			return nil
		}
		r.deliveries = append(r.deliveries, delivery{time.Duration(sent), now - time.Duration(sent)})
	}
}

// get renders a live read from where the reader is.
func (r *liveReader) get(mode, cursor string) []byte {
	path := readPath(r.t, r.id, r.offset) + "&live=" + mode
	if cursor != "" {
		path += "&cursor=" + url.QueryEscape(cursor)
	}
	return render("GET", r.t.addr, path, nil)
}

// readPolls follows the stream by long-polling until it has the last message.
func readPolls(r *liveReader) error {
	cursor := ""
	for !r.last {
		req := r.get("long-poll", cursor)
		res, err := r.c.request(req, 200, 204)
		if err != nil {
			return err
		}
		if res.status == 200 {
			if err := r.take(res.body); err != nil {
				return err
			}
		}
		if len(res.nextOffset) == 0 {
			return fmt.Errorf("%s: no Stream-Next-Offset", firstLine(req))
		}
		r.offset, cursor = string(res.nextOffset), string(res.cursor)
	}
	return nil
}

// readEvents follows the stream by server-sent events until it has the last
// message, and reconnects where the server ends the event stream before.
func readEvents(r *liveReader) error {
	lines := bufio.NewReaderSize(&r.c.body, sinkBuffer)
	for !r.last {
		req := r.get("sse", "")
		if err := r.c.open(req); err != nil {
			return err
		}
		if r.c.res.status != 200 {
			err := r.c.readBody()
			if err == nil {
				err = expect(&r.c.res, firstLine(req), 200)
			}
			return err
		}
		lines.Reset(&r.c.body)
		if err := r.events(lines); err != nil {
			return r.c.explain(firstLine(req), err)
		}
		if r.c.res.closing {
			r.c.close()
		}
	}
	r.c.close() // the event stream goes on
	return nil
}

// events reads one answer's events, up to the last message or the answer's
// end, and leaves the offset to go on from.
func (r *liveReader) events(lines *bufio.Reader) error {
	var control []byte
	isControl := false
	for !r.last {
		line, err := readLine(lines)
		if err == io.EOF {
			var c struct{ StreamNextOffset string }
			if err := json.Unmarshal(control, &c); err != nil || c.StreamNextOffset == "" {
				return fmt.Errorf("event stream ended without an offset to go on from: %.80q", control)
			}
			r.offset = c.StreamNextOffset
			return nil
		}
		if err != nil {
			return err
		}
		if name, ok := bytes.CutPrefix(line, []byte("event:")); ok {
			isControl = string(bytes.TrimSpace(name)) == "control"
		} else if data, ok := bytes.CutPrefix(line, []byte("data:")); ok {
			if isControl {
				control = append(control[:0], data...)
			} else if err := r.take(data); err != nil {
				return err
			}
		}
	}
	return nil
}

// received tells how far the readers got, for the message of a failed row.
func received(readers []*liveReader) string {
	least, most := readers[0].received, readers[0].received
	for _, r := range readers {
		least, most = min(least, r.received), max(most, r.received)
	}
	return fmt.Sprintf("readers received %d to %d", least, most)
}
