package stream_test

import (
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

func TestMediaType(t *testing.T) {
	for in, want := range map[string]string{
		"text/plain":                       "text/plain",
		"Text/Plain; charset=utf-8":        "text/plain",
		" application/JSON ":               "application/json",
		"application/json;charset":         "application/json",
		"application/json; charset=\"":     "application/json",
		"application/vnd.x+json; v=1; q=2": "application/vnd.x+json",
		"TEXT":                             "text",
		"":                                 "",
		"; charset=utf-8":                  "",
	} {
		if got := stream.MediaType(in); got != want {
			t.Errorf("MediaType(%q) = %q, want %q", in, got, want)
		}
	}
}

// Section 9.1: JSON streams count messages, and only application/json is JSON.
func TestUnit(t *testing.T) {
	for contentType, want := range map[string]stream.Unit{
		"application/json":                stream.Messages,
		"Application/JSON; charset=utf-8": stream.Messages,
		"application/vnd.api+json":        stream.Bytes,
		"application/json-seq":            stream.Bytes,
		"text/plain":                      stream.Bytes,
		"":                                stream.Bytes,
	} {
		if got := (stream.Config{ContentType: contentType}).Unit(); got != want {
			t.Errorf("%q counts %v, want %v", contentType, got, want)
		}
	}
}

func TestHeadExpired(t *testing.T) {
	h := head()
	if h.Expired(noon.Add(1000 * time.Hour)) {
		t.Error("a stream without deadline expired")
	}
	h.Deadline = noon
	for d, want := range map[time.Duration]bool{-time.Millisecond: false, 0: true, time.Millisecond: true} {
		if h.Expired(noon.Add(d)) != want {
			t.Errorf("%v after the deadline: expired is %v", d, !want)
		}
	}
}

// Whatever is done to a clone, the original does not notice.
func TestHeadClone(t *testing.T) {
	h := head(func(h *stream.Head) { h.Burned = []stream.Burned{{ID: 1, At: noon}} })
	want := head(func(h *stream.Head) { h.Burned = []stream.Burned{{ID: 1, At: noon}} })
	c := h.Clone()
	if dump(c) != dump(h) {
		t.Errorf("the clone differs: %+v", c)
	}
	c.Producers["new"] = stream.HeldProducer{}
	c.Recent[0].ID, c.Burned[0].ID, c.Buffer[0] = 7, 7, &stream.Entry{Count: 7}
	c.Recent = append(c.Recent[:0], stream.CommitMark{})
	if dump(h) != dump(want) {
		t.Errorf("the original changed: %+v", h)
	}
}

func TestIncarnation(t *testing.T) {
	i := stream.Incarnation{0x0a, 0xff}
	if i.IsZero() || !(stream.Incarnation{}).IsZero() {
		t.Error("IsZero")
	}
	if i.String() != "0aff0000000000000000000000000000" {
		t.Errorf("%v", i)
	}
}

func TestBufferFrom(t *testing.T) {
	h := head()
	if h.BufferFrom() != at(4, 40) {
		t.Errorf("buffer from %v", h.BufferFrom())
	}
	h.Buffer = nil
	if h.BufferFrom() != h.Tail {
		t.Errorf("empty buffer from %v", h.BufferFrom())
	}
}
