package admin

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"unicode/utf8"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// cursor is a place in a list. Clients get it as base64url of JSON, and must not look
// into it.
type cursor struct {
	// List is the list that it is a place in.
	List string `json:"list"`
	// Name is the name of a stream. In the list of segments, Incarnation says which
	// life, and Segment which segment of it.
	Name        string `json:"name"`
	Incarnation string `json:"incarnation,omitempty"`
	Segment     uint64 `json:"segment,omitempty"`
}

func (c cursor) String() string {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // strings and numbers can be encoded
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

var errCursor = problem(errBadQuery, "cursor is not one of this list: send next of the answer before, or leave it out to begin")

// parseCursor reads a cursor of a list. Only what String returns is one.
func parseCursor(text, list string) (cursor, error) {
	var c cursor
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return c, errCursor
	}
	d := json.NewDecoder(bytes.NewReader(decoded))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil || c.String() != text {
		return c, errCursor
	}
	if c.List != list || c.Name == "" || len(c.Name) > stream.MaxName || !utf8.ValidString(c.Name) {
		return c, errCursor
	}
	return c, nil
}

// parseStreamCursor returns the name that a cursor of streams stands behind.
func parseStreamCursor(text string) (string, error) {
	c, err := parseCursor(text, "streams")
	if err != nil || c.Incarnation != "" || c.Segment != 0 {
		return "", errCursor
	}
	return c.Name, nil
}

func streamCursor(name string) string { return cursor{List: "streams", Name: name}.String() }

// parseSegmentCursor returns the place that a cursor of segments stands for.
func parseSegmentCursor(text string) (stream.SegmentPlace, error) {
	c, err := parseCursor(text, "segments")
	if err != nil {
		return stream.SegmentPlace{}, err
	}
	inc, err := hex.DecodeString(c.Incarnation)
	if err != nil || len(inc) != len(stream.Incarnation{}) || hex.EncodeToString(inc) != c.Incarnation {
		return stream.SegmentPlace{}, errCursor
	}
	return stream.SegmentPlace{Life: stream.Life{Name: c.Name, Incarnation: stream.Incarnation(inc)}, Segment: c.Segment}, nil
}

func segmentCursor(p stream.SegmentPlace) string {
	return cursor{List: "segments", Name: p.Life.Name, Incarnation: p.Life.Incarnation.String(), Segment: p.Segment}.String()
}
