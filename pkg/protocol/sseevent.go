package protocol

import (
	"bytes"
	"encoding/base64"
	"strconv"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// appendEvents appends the events of a page: its data, if it has any, and where it ends.
// What is encoded of a small page is the same for all who share it, but for the cursor.
func appendEvents(b []byte, p *stream.Page, text bool, cursor uint64) []byte {
	if p.Size <= maxSharedEvent {
		b = append(b, p.Form(dataEventKey{}, func() any { return appendData(nil, p, text) }).([]byte)...)
	} else {
		b = appendData(b, p, text)
	}
	return appendControlEvent(b, p, cursor)
}

// dataEventKey is what the data event of a page is kept under for its other readers.
type dataEventKey struct{}

// maxSharedEvent bounds the records of such a page. The events of larger ones are made in
// memory that is used again: copying them would take as long as making them.
const maxSharedEvent = 64 << 10

// appendData appends the data event of a page, unless it has no records.
func appendData(b []byte, p *stream.Page, text bool) []byte {
	if p.Count == 0 {
		return b
	}
	return appendDataEvent(b, p, text)
}

// appendDataEvent appends the data event of a page: an array in JSON mode, lines
// of text, or base64 (section 5.8).
func appendDataEvent(b []byte, p *stream.Page, text bool) []byte {
	switch {
	case p.Head.Unit() == stream.Messages:
		// Messages are compact JSON: they have no line breaks.
		b = grow(b, p.Size+p.Count+eventRoom)
		b = append(b, "event: data\ndata:"...)
		b = appendArray(b, p)
	case text:
		b = grow(b, p.Size+p.Size/8+eventRoom)
		b = append(b, "event: data\n"...)
		b = appendTextLines(b, p)
	default:
		b = grow(b, base64.StdEncoding.EncodedLen(p.Size)+eventRoom)
		b = append(b, "event: data\ndata:"...)
		b = appendBase64(b, p)
	}
	return append(b, "\n\n"...)
}

// eventRoom is enough for the fixed parts of a data and a control event.
const eventRoom = 256

// appendTextLines appends the text of a page as data lines, without a line break
// at the end.
//
// CR, LF and CRLF all end a line of an event stream, so they cannot be told apart
// by the reader, who gets LF for each. Readers remove one space after the colon:
// a line that begins with a space gets another one in front.
func appendTextLines(b []byte, p *stream.Page) []byte {
	b = append(b, "data:"...)
	fresh := true        // nothing of the line has been written
	afterReturn := false // the last byte was CR
	for text := range p.Records() {
		for len(text) > 0 {
			if afterReturn && text[0] == '\n' {
				text, afterReturn = text[1:], false
				continue
			}
			if fresh && text[0] == ' ' {
				b = append(b, ' ')
			}
			afterReturn = false
			end := bytes.IndexAny(text, "\r\n")
			if end < 0 {
				b = append(b, text...)
				fresh = false
				break
			}
			b = append(b, text[:end]...)
			b = append(b, "\ndata:"...)
			fresh, afterReturn = true, text[end] == '\r'
			text = text[end+1:]
		}
	}
	return b
}

// appendBase64 appends a page as one line of base64. Records end anywhere, so up
// to two bytes of one wait for the next.
func appendBase64(b []byte, p *stream.Page) []byte {
	var carry [3]byte
	held := 0
	for record := range p.Records() {
		if held > 0 {
			n := copy(carry[held:], record)
			held += n
			record = record[n:]
			if held < len(carry) {
				continue
			}
			b = base64.StdEncoding.AppendEncode(b, carry[:])
		}
		whole := len(record) - len(record)%len(carry)
		b = base64.StdEncoding.AppendEncode(b, record[:whole])
		held = copy(carry[:], record[whole:])
	}
	return base64.StdEncoding.AppendEncode(b, carry[:held])
}

// appendControlEvent appends the control event that follows a page. None of its
// values needs escaping. Its id is for an EventSource, which tells the last one that it got
// when it connects again ([lastEventID]). It comes first, as the official conformance suite
// wants to see the data right behind the kind. Data events have none, because the official
// client for Elixir would take it for the offset.
func appendControlEvent(b []byte, p *stream.Page, cursor uint64) []byte {
	b = append(b, "id:"...)
	b = p.Next.AppendText(b)
	b = append(b, "\nevent: control\ndata:{\"streamNextOffset\":\""...)
	b = p.Next.AppendText(b)
	b = append(b, '"')
	if !p.Closed() {
		b = append(b, `,"streamCursor":"`...)
		b = strconv.AppendUint(b, cursor, 10)
		b = append(b, '"')
	}
	if p.UpToDate() {
		b = append(b, `,"upToDate":true`...)
	}
	if p.Closed() {
		b = append(b, `,"streamClosed":true`...)
	}
	return append(b, "}\n\n"...)
}
