package stream

import (
	"cmp"
	"fmt"
	"strconv"
)

// offsetDigits is the width of each half of an offset token. Fixed width makes
// the tokens sort as strings in stream order (PROTOCOL.md section 8).
const offsetDigits = 16

// Offset is a position between two records of a stream.
//
// Segment numbers the segments of the stream from 0. Position counts what
// precedes the offset inside the segment: messages for a JSON stream, bytes for
// any other. The end of segment n and the start of segment n+1 are the same
// place; only the former is ever handed out, so that each place has one token.
type Offset struct {
	Segment  uint64
	Position uint64
}

// String returns the token that clients see: both parts as 16 decimal digits,
// joined by an underscore.
func (o Offset) String() string {
	var room [2*offsetDigits + 1]byte
	return string(o.AppendText(room[:0]))
}

// AppendText appends the token to b.
func (o Offset) AppendText(b []byte) []byte {
	b = appendPadded(b, o.Segment)
	b = append(b, '_')
	return appendPadded(b, o.Position)
}

func appendPadded(b []byte, n uint64) []byte {
	var digits [20]byte
	s := strconv.AppendUint(digits[:0], n, 10)
	for range offsetDigits - len(s) {
		b = append(b, '0')
	}
	return append(b, s...)
}

// Compare orders offsets of one stream: -1 if o precedes p, 0 if they are equal,
// +1 if o follows p. It agrees with comparing their tokens as strings.
func (o Offset) Compare(p Offset) int {
	return cmp.Or(cmp.Compare(o.Segment, p.Segment), cmp.Compare(o.Position, p.Position))
}

// Before reports whether o precedes p.
func (o Offset) Before(p Offset) bool { return o.Compare(p) < 0 }

// ParseOffset reads a token that [Offset.String] wrote. Any other text, and the
// protocol's sentinels, give an error that wraps [ErrBadOffset].
func ParseOffset(s string) (Offset, error) {
	if len(s) != 2*offsetDigits+1 || s[offsetDigits] != '_' {
		return Offset{}, badOffset(s)
	}
	segment, ok1 := parsePadded(s[:offsetDigits])
	position, ok2 := parsePadded(s[offsetDigits+1:])
	if !ok1 || !ok2 {
		return Offset{}, badOffset(s)
	}
	return Offset{Segment: segment, Position: position}, nil
}

func parsePadded(s string) (uint64, bool) {
	var n uint64
	for i := range len(s) {
		d := s[i] - '0'
		if d > 9 {
			return 0, false
		}
		n = n*10 + uint64(d)
	}
	return n, true
}

func badOffset(s string) error {
	const shown = 64
	if len(s) > shown {
		s = s[:shown] + "…"
	}
	return fmt.Errorf("%w: %q is not a token that this server gave out", ErrBadOffset, s)
}

// Position says where a read begins: at the start of the stream (the zero
// Position), at its tail ([Now]), or at an offset ([At]).
type Position struct {
	kind   positionKind
	offset Offset
}

type positionKind uint8

const (
	fromStart positionKind = iota
	fromNow
	fromOffset
)

// Start is the beginning of the stream, the protocol's offset "-1".
func Start() Position { return Position{} }

// Now is the tail at the time of the read, the protocol's offset "now".
func Now() Position { return Position{kind: fromNow} }

// At is a position that a stream gave out earlier.
func At(o Offset) Position { return Position{kind: fromOffset, offset: o} }

// IsNow reports whether p is [Now].
func (p Position) IsNow() bool { return p.kind == fromNow }

// ParsePosition reads the protocol's offset parameter: "-1", "now" or a token
// (PROTOCOL.md section 8, sentinel values).
func ParsePosition(s string) (Position, error) {
	switch s {
	case "-1":
		return Start(), nil
	case "now":
		return Now(), nil
	}
	o, err := ParseOffset(s)
	if err != nil {
		return Position{}, err
	}
	return At(o), nil
}

// in resolves p against a head.
func (p Position) in(h *Head) Offset {
	switch p.kind {
	case fromNow:
		return h.Tail
	case fromOffset:
		return p.offset
	default:
		return Offset{}
	}
}
