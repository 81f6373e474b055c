package httpresponse_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/httpresponse"
)

var separator = strings.Repeat("\x00", 8)

// However a stream is torn into reads, it says the same.
func TestReadStreamInPieces(t *testing.T) {
	stream := `{"statusCode":201,"headers":{"A":"b","N":1,"T":true},"cookies":["c=1","d=2"]}` + separator + "body\x00\x00"
	for name, source := range map[string]io.Reader{
		"at once":   strings.NewReader(stream),
		"bytes":     iotest.OneByteReader(strings.NewReader(stream)),
		"with data": iotest.DataErrReader(strings.NewReader(stream)),
	} {
		head, rest, err := httpresponse.ReadStream(source)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		body, err := io.ReadAll(rest)
		if err != nil || string(body) != "body\x00\x00" || head.Status != 201 {
			t.Errorf("%s: %d %q, %v", name, head.Status, body, err)
		}
		h := head.Header
		if h.Get("A") != "b" || h.Get("N") != "1" || h.Get("T") != "true" || len(h["Set-Cookie"]) != 2 {
			t.Errorf("%s: header %v", name, h)
		}
	}
}

// The head is there before the body is, and a failure of the source is not taken
// for a malformed response.
func TestReadStreamSource(t *testing.T) {
	r, w := io.Pipe()
	go io.WriteString(w, "{}"+separator)
	_, body, err := httpresponse.ReadStream(r)
	if err != nil {
		t.Fatal(err)
	}
	go io.WriteString(w, "a")
	buffer := make([]byte, 100)
	if n, err := body.Read(buffer); n != 1 || err != nil {
		t.Errorf("read %d bytes, %v", n, err)
	}
	broken := errors.New("broken")
	for _, begun := range []string{"", "{", "{}", "{}\x00\x00"} {
		source := io.MultiReader(strings.NewReader(begun), iotest.ErrReader(broken))
		if _, _, err := httpresponse.ReadStream(source); !errors.Is(err, broken) || errors.Is(err, httpresponse.ErrMalformed) {
			t.Errorf("%q: %v", begun, err)
		}
	}
}

func FuzzReadStream(f *testing.F) {
	f.Add([]byte(`{"statusCode":200,"headers":{"A":"b"}}` + separator + "body"))
	f.Add([]byte(`{"headers":{"A":null}}` + separator))
	f.Add([]byte(separator))
	f.Fuzz(func(t *testing.T, stream []byte) {
		head, rest, err := httpresponse.ReadStream(bytes.NewReader(stream))
		if err != nil {
			if !errors.Is(err, httpresponse.ErrMalformed) {
				t.Errorf("%v", err)
			}
			return
		}
		check(t, head)
		body, err := io.ReadAll(rest)
		if err != nil || !bytes.HasSuffix(stream, append([]byte(separator), body...)) {
			t.Errorf("body %q, %v", body, err)
		}
	})
}

func FuzzParseBuffered(f *testing.F) {
	f.Add([]byte(`{"statusCode":200,"headers":{"A":"b"},"cookies":["c"],"body":"AA==","isBase64Encoded":true}`))
	f.Add([]byte(`"text"`))
	f.Add([]byte(`{"statusCode":null}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		head, _, err := httpresponse.ParseBuffered(payload)
		if err != nil {
			if !errors.Is(err, httpresponse.ErrMalformed) {
				t.Errorf("%v", err)
			}
			return
		}
		check(t, head)
	})
}

// check that a head can be sent.
func check(t *testing.T, head httpresponse.Head) {
	if head.Status < 200 || head.Status > 599 {
		t.Errorf("status %d", head.Status)
	}
	for name, values := range head.Header {
		if name == "" || strings.ContainsAny(name, " :\r\n\x00") || strings.ContainsAny(strings.Join(values, ""), "\r\n\x00") {
			t.Errorf("header %q: %q", name, values)
		}
	}
}
