package protocol

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// jsonRecords splits a JSON text into messages: the elements of an array, one
// level deep, or the value itself (section 9.1.2). An empty array gives none.
//
// Messages keep the bytes that the client wrote, so no number loses digits and no
// key is lost; only white space between tokens goes, so that a message is one
// line. encoding/json decides what is valid. Text that is
// not UTF-8 is refused: encoding/json would let it pass, but readers of
// text/event-stream and strict JSON parsers would see something else.
func (s *scratch) jsonRecords(body []byte, b Bounds) (stream.Records, error) {
	if !utf8.Valid(body) {
		return stream.Records{}, problem(errBadJSON, "the body is not valid JSON: it is not UTF-8")
	}
	if bytes.HasPrefix(body, byteOrderMark) {
		return stream.Records{}, problem(errBadJSON, "the body is not valid JSON: it begins with a byte order mark; leave that out")
	}
	s.compact.Reset()
	if err := json.Compact(&s.compact, body); err != nil {
		return stream.Records{}, problem(errBadJSON, "the body is not valid JSON: %v", err)
	}
	text := s.compact.Bytes()
	if text[0] != '[' {
		if _, depth := topLevelCommas(nil, text); depth > b.JSONDepth {
			return stream.Records{}, tooDeep(depth, b)
		}
		return stream.Records{
			Frames: stream.AppendFrame(make(stream.Frames, 0, frameRoom+len(text)), text),
			Count:  1,
			Size:   len(text),
		}, nil
	}
	inside := text[1 : len(text)-1]
	if len(inside) == 0 {
		return stream.Records{}, nil
	}
	var depth int
	s.commas, depth = topLevelCommas(s.commas[:0], inside)
	count := len(s.commas) + 1
	switch {
	case depth > b.JSONDepth:
		return stream.Records{}, tooDeep(depth, b)
	case count > b.Messages:
		return stream.Records{}, problem(errTooManyMessages, "the batch has %d messages; at most %d are allowed: split it into several appends", count, b.Messages)
	}
	size := len(inside) - len(s.commas)
	r := stream.Records{Frames: make(stream.Frames, 0, size+count*frameRoom), Count: count, Size: size}
	start := 0
	for _, comma := range s.commas {
		r.Frames = stream.AppendFrame(r.Frames, inside[start:comma])
		start = comma + 1
	}
	r.Frames = stream.AppendFrame(r.Frames, inside[start:])
	return r, nil
}

// byteOrderMark is what some editors begin a file with.
var byteOrderMark = []byte("\uFEFF")

func tooDeep(depth int, b Bounds) error {
	return problem(errBadJSON, "a message has objects and arrays %d deep in each other; at most %d are allowed", depth, b.JSONDepth)
}

// topLevelCommas appends to commas where the elements of an array are separated, and
// says how deep the deepest of them is. The text is a value, or the inside of an array,
// that is known to be valid and compact.
func topLevelCommas(commas []int, text []byte) (_ []int, deepest int) {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = stringEnd(text, i)
		case '[', '{':
			depth++
			deepest = max(deepest, depth)
		case ']', '}':
			depth--
		case ',':
			if depth == 0 {
				commas = append(commas, i)
			}
		}
	}
	return commas, deepest
}

// stringEnd returns where the string that begins at i ends: at the next quote
// that is not escaped, which an odd number of backslashes precedes.
func stringEnd(text []byte, i int) int {
	for {
		i++
		i += bytes.IndexByte(text[i:], '"')
		backslashes := 0
		for text[i-1-backslashes] == '\\' {
			backslashes++
		}
		if backslashes%2 == 0 {
			return i
		}
	}
}
