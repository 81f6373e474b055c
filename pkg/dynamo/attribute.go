package dynamo

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// errCorrupt says that a stored item cannot be read.
var errCorrupt = fmt.Errorf("dynamo: stored item is corrupt: %w", stream.ErrDamaged)

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errCorrupt}, args...)...)
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number[T int | int64 | uint64](n T) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: fmt.Sprint(n)}
}

func blob(b []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: b} }

func list(elements ...types.AttributeValue) types.AttributeValue {
	return &types.AttributeValueMemberL{Value: elements}
}

func yes() types.AttributeValue { return &types.AttributeValueMemberBOOL{Value: true} }

func millis(t time.Time) types.AttributeValue { return number(t.UnixMilli()) }

func micros(t time.Time) types.AttributeValue { return number(t.UnixMicro()) }

func offset(o stream.Offset) types.AttributeValue { return blob(appendOffset(nil, o)) }

// appendOffset appends both halves of an offset as unsigned varints.
func appendOffset(b []byte, o stream.Offset) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, o.Segment), o.Position)
}

// identifier is a commit id, or eight zeros for none.
func identifier(id stream.CommitID) types.AttributeValue {
	return blob(binary.BigEndian.AppendUint64(nil, uint64(id)))
}

// fields reads attributes of an item. After an error it returns zeros.
type fields struct {
	item
	err error
}

func (f *fields) fail(name, what string) {
	if f.err == nil {
		f.err = corrupt("attribute %q: %s", name, what)
	}
}

func (f *fields) has(name string) bool { return f.item[name] != nil }

// text returns a string; "" if it is absent.
func (f *fields) text(name string) string {
	switch v := f.item[name].(type) {
	case nil:
		return ""
	case *types.AttributeValueMemberS:
		return v.Value
	}
	f.fail(name, "not a string")
	return ""
}

// uint returns a number; 0 if it is absent.
func (f *fields) uint(name string) uint64 {
	switch v := f.item[name].(type) {
	case nil:
		return 0
	case *types.AttributeValueMemberN:
		n, err := strconv.ParseUint(v.Value, 10, 64)
		if err != nil {
			f.fail(name, "not a whole number")
		}
		return n
	}
	f.fail(name, "not a number")
	return 0
}

// int returns a number that counts something.
func (f *fields) int(name string) int {
	n := f.uint(name)
	if n > math.MaxInt {
		f.fail(name, "too large")
		return 0
	}
	return int(n)
}

// crc returns a checksum of 32 bits.
func (f *fields) crc(name string) uint32 {
	n := f.uint(name)
	if n > math.MaxUint32 {
		f.fail(name, "not a checksum")
	}
	return uint32(n)
}

func (f *fields) millis(name string) time.Time { return f.instant(name, time.UnixMilli) }

func (f *fields) micros(name string) time.Time { return f.instant(name, time.UnixMicro) }

// instant returns a time, in units that of turns into one; the zero time if it is absent.
func (f *fields) instant(name string, of func(units int64) time.Time) time.Time {
	if !f.has(name) {
		return time.Time{}
	}
	return of(int64(f.int(name))).UTC()
}

// duration returns a number of milliseconds.
func (f *fields) duration(name string) time.Duration {
	ms := f.int(name)
	if ms > math.MaxInt64/int(time.Millisecond) {
		f.fail(name, "too large")
		return 0
	}
	return time.Duration(ms) * time.Millisecond
}

// blob returns bytes; nil if they are absent.
func (f *fields) blob(name string) []byte {
	switch v := f.item[name].(type) {
	case nil:
		return nil
	case *types.AttributeValueMemberB:
		return v.Value
	}
	f.fail(name, "not binary")
	return nil
}

func (f *fields) incarnation(name string) (inc stream.Incarnation) {
	b := f.blob(name)
	if len(b) != len(inc) {
		f.fail(name, "not an incarnation")
		return inc
	}
	return stream.Incarnation(b)
}

func (f *fields) offset(name string) stream.Offset {
	r := &bytesReader{b: f.blob(name)}
	o := r.offset()
	if r.bad || len(r.b) > 0 {
		f.fail(name, "not an offset")
	}
	return o
}

// pairs returns the elements of a list of binaries, two at a time.
func (f *fields) pairs(name string) [][2][]byte {
	v, ok := f.item[name].(*types.AttributeValueMemberL)
	if !ok {
		if f.has(name) {
			f.fail(name, "not a list")
		}
		return nil
	}
	if len(v.Value)%2 != 0 {
		f.fail(name, "an odd number of elements")
		return nil
	}
	pairs := make([][2][]byte, len(v.Value)/2)
	for i, e := range v.Value {
		b, ok := e.(*types.AttributeValueMemberB)
		if !ok {
			f.fail(name, "an element that is not binary")
			return nil
		}
		pairs[i/2][i%2] = b.Value
	}
	return pairs
}

// bytesReader reads what the append functions wrote. After an error it is bad and
// returns zeros.
type bytesReader struct {
	b   []byte
	bad bool
}

func (r *bytesReader) uint() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *bytesReader) offset() stream.Offset {
	return stream.Offset{Segment: r.uint(), Position: r.uint()}
}

func (r *bytesReader) incarnation() (inc stream.Incarnation) {
	if len(r.b) < len(inc) {
		r.bad, r.b = true, nil
		return inc
	}
	inc = stream.Incarnation(r.b[:len(inc)])
	r.b = r.b[len(inc):]
	return inc
}

func (r *bytesReader) commit() stream.CommitID {
	if len(r.b) < 8 {
		r.bad, r.b = true, nil
		return 0
	}
	id := binary.BigEndian.Uint64(r.b)
	r.b = r.b[8:]
	return stream.CommitID(id)
}
