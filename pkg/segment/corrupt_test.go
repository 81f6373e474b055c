package segment_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/commoncurriculum/durable-streams-aws/pkg/segment"
)

// known reports whether an error is one that a reader may return for what it was given.
func known(err error) bool {
	var version *segment.VersionError
	return errors.Is(err, segment.ErrCorrupt) != errors.As(err, &version)
}

func verify(o []byte) error {
	_, err := segment.Verify(bytes.NewReader(o), int64(len(o)))
	return err
}

// smallObjects have a few blocks, one of them inside a record.
func smallObjects(t *testing.T) map[string]object {
	all := map[string]object{}
	for name, kind := range kinds {
		all[name] = write(t, kind, frame(records(10, 0, 4200, 100)...))
	}
	return all
}

func TestEveryFlippedBitIsNoticed(t *testing.T) {
	for name, o := range smallObjects(t) {
		frames, err := readAll(o.bytes, len(o.tail), 2000)
		if err != nil {
			t.Fatal(err)
		}
		b := bytes.Clone(o.bytes)
		for i := range len(b) * 8 {
			b[i/8] ^= 1 << (i % 8)
			if err := verify(b); !known(err) {
				t.Fatalf("%s, bit %d: Verify: %v", name, i, err)
			}
			// Readers do not look at the magic in front.
			got, err := readAll(b, len(o.tail), 2000)
			if noticed := known(err); noticed != (i/8 >= len(front)) {
				t.Fatalf("%s, bit %d: reading: %v", name, i, err)
			}
			if err == nil && !bytes.Equal(got, frames) {
				t.Fatalf("%s, bit %d: there are other records", name, i)
			}
			if end := len(b) - len(o.tail); i/8 >= end {
				if _, err := segment.ParseTail(b[end:], int64(len(b))); !known(err) {
					t.Fatalf("%s, bit %d: ParseTail: %v", name, i, err)
				}
			}
			b[i/8] ^= 1 << (i % 8)
		}
	}
}

func TestEveryTruncationIsNoticed(t *testing.T) {
	for name, o := range smallObjects(t) {
		size := int64(len(o.bytes))
		for n := range o.bytes {
			short := o.bytes[:n]
			if err := verify(short); !errors.Is(err, segment.ErrCorrupt) {
				t.Fatalf("%s, %d bytes: Verify: %v", name, n, err)
			}
			if _, err := segment.Verify(bytes.NewReader(short), size); !errors.Is(err, segment.ErrCorrupt) {
				t.Fatalf("%s, %d bytes of %d: Verify: %v", name, n, size, err)
			}
			for _, tail := range [][]byte{short[max(0, n-len(o.tail)):], o.tail} {
				if _, err := segment.ParseTail(tail, int64(n)); !errors.Is(err, segment.ErrCorrupt) {
					t.Fatalf("%s, %d bytes: ParseTail: %v", name, n, err)
				}
			}
		}
		for n := range o.tail {
			for _, tail := range [][]byte{o.tail[:n], o.tail[n+1:]} {
				if _, err := segment.ParseTail(tail, size); !errors.Is(err, segment.ErrCorrupt) {
					t.Fatalf("%s, %d bytes of the tail: %v", name, len(tail), err)
				}
				if _, err := segment.ParseFooter(tail, size); len(tail) != segment.FooterSize && !errors.Is(err, segment.ErrCorrupt) {
					t.Fatalf("%s, %d bytes of the footer: %v", name, len(tail), err)
				}
			}
		}
		x := o.index(t)
		s, _ := x.Blocks(0, 1<<20)
		body := at(o.bytes, s)
		for n := range body {
			if first, frames, err := x.Decode(s, body[:n:n]); !errors.Is(err, segment.ErrCorrupt) || first != 0 || frames != nil {
				t.Fatalf("%s, %d bytes of the span: %d, %v", name, n, first, err)
			}
		}
		longer := append(bytes.Clone(o.bytes), 0)
		if _, _, err := x.Decode(s, longer[s.Offset:s.Offset+s.Length+1]); !errors.Is(err, segment.ErrCorrupt) {
			t.Errorf("%s, more than the span: %v", name, err)
		}
		if _, err := segment.ParseTail(append([]byte{0}, o.tail...), size); !errors.Is(err, segment.ErrCorrupt) {
			t.Errorf("%s, more than the tail: %v", name, err)
		}
		if _, err := segment.Verify(bytes.NewReader(longer), size); !errors.Is(err, segment.ErrCorrupt) {
			t.Errorf("%s, more than the object: %v", name, err)
		}
		if err := verify(longer); !errors.Is(err, segment.ErrCorrupt) {
			t.Errorf("%s, one byte more: %v", name, err)
		}
	}
}

func TestForeignData(t *testing.T) {
	for _, text := range []string{"", front, strings.Repeat("x", 10000), strings.Repeat(front, 100), `{"error":"no such key"}`} {
		b := []byte(text)
		if err := verify(b); !known(err) {
			t.Errorf("%.20q: Verify: %v", text, err)
		}
		if _, err := segment.ParseTail(b, int64(len(b))); !known(err) {
			t.Errorf("%.20q: ParseTail: %v", text, err)
		}
	}
}

// A tail that belongs to another object of the same shape does not make its data pass.
func TestTailOfAnotherObject(t *testing.T) {
	a, b := records(3000, 3000), records(3000, 3000)
	b[1][7]++
	x, y := write(t, segment.Messages, frame(a...)), write(t, segment.Messages, frame(b...))
	mixed := append(bytes.Clone(x.bytes[:len(x.bytes)-len(x.tail)]), y.tail...)
	if err := verify(mixed); !errors.Is(err, segment.ErrCorrupt) {
		t.Errorf("Verify: %v", err)
	}
	if _, err := readAll(mixed, len(y.tail), 1<<20); !errors.Is(err, segment.ErrCorrupt) {
		t.Errorf("reading: %v", err)
	}
	longer := write(t, segment.Bytes, frame(records(repeat(30, 3000)...)...)).index(t)
	for _, from := range []uint64{1, 40000, 80000} {
		s, _ := longer.Blocks(from, 10000)
		if _, _, err := x.index(t).Decode(s, make([]byte, s.Length)); !errors.Is(err, segment.ErrCorrupt) {
			t.Errorf("a span of another object: %v", err)
		}
	}
	// Nor does a span of the same blocks that counts something else.
	s, _ := write(t, segment.Bytes, frame(a...)).index(t).Blocks(1000, 1)
	if _, _, err := x.index(t).Decode(s, at(x.bytes, s)); !errors.Is(err, segment.ErrCorrupt) {
		t.Errorf("a span of another kind: %v", err)
	}
	if _, _, err := longer.Decode(segment.Span{}, nil); !errors.Is(err, segment.ErrCorrupt) {
		t.Errorf("no span: %v", err)
	}
}

func TestFutureVersion(t *testing.T) {
	o := write(t, segment.Bytes, frame(records(repeat(100, 1000)...)...)).bytes
	for _, version := range []uint32{0, 2, math.MaxUint32} {
		binary.BigEndian.PutUint32(o[len(o)-12:], version)
		footer := o[len(o)-segment.FooterSize:]
		_, errFooter := segment.ParseFooter(footer, int64(len(o)))
		_, errTail := segment.ParseTail(footer, int64(len(o)))
		for _, err := range []error{errFooter, errTail, verify(o)} {
			var unknown *segment.VersionError
			if is := errors.As(err, &unknown); is != (version > 0) || is == errors.Is(err, segment.ErrCorrupt) {
				t.Errorf("version %d: %v", version, err)
			} else if is && unknown.Version != version {
				t.Errorf("version %d is called %d", version, unknown.Version)
			}
		}
	}
}

// An index that is right in itself, but not for the data whose CRCs it has.
func TestDataOfAnotherShape(t *testing.T) {
	shape := records(repeat(20, 1000)...)
	for _, other := range [][]int{{20076}, {3008, 17064}, {3012, 17060}, {18000, 2072}, repeat(5020, 0),
		{1000, 1000, 1000, 1000, 1010, 990, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000}} {
		data := frame(records(other...)...)
		for name, kind := range kinds {
			o := reference(kind, shape, data)
			f, err := segment.ParseFooter(o[len(o)-segment.FooterSize:], int64(len(o)))
			if err != nil {
				t.Fatal(err)
			}
			for _, limit := range []int{3000, 1 << 20} {
				_, err := readAll(o, segment.FooterSize+f.IndexSize, limit)
				// As a whole, as many frames as there should be are well-formed.
				if right := limit > len(data) && len(other) == len(shape); errors.Is(err, segment.ErrCorrupt) == right {
					t.Errorf("%s, %v, %d bytes at a time: %v", name, other, limit, err)
				}
			}
			if err := verify(o); !errors.Is(err, segment.ErrCorrupt) {
				t.Errorf("%s, %v: Verify: %v", name, other, err)
			}
		}
	}
}

// What a reader could not read is not corrupt.
func TestVerifyReportsItsReader(t *testing.T) {
	o := write(t, segment.Bytes, frame(records(repeat(200, 1000)...)...))
	size := int64(len(o.bytes))
	broken := errors.New("connection reset")
	for n := range len(o.bytes) + 1 {
		if n > 100 && n%1009 > 0 && n < len(o.bytes)-2 {
			continue
		}
		r := io.MultiReader(bytes.NewReader(o.bytes[:n]), iotest.ErrReader(broken))
		if _, err := segment.Verify(r, size); !errors.Is(err, broken) || errors.Is(err, segment.ErrCorrupt) {
			t.Errorf("broken after %d bytes: %v", n, err)
		}
	}
	for name, r := range map[string]io.Reader{
		"one byte":      iotest.OneByteReader(bytes.NewReader(o.bytes)),
		"half":          iotest.HalfReader(bytes.NewReader(o.bytes)),
		"data with EOF": iotest.DataErrReader(bytes.NewReader(o.bytes)),
	} {
		if s, err := segment.Verify(r, size); err != nil || s != o.summary {
			t.Errorf("%s: %v", name, err)
		}
	}
}
