package admin

import (
	"encoding/base64"
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Whatever a client sends as a cursor is refused, or is the cursor of just that place.
func FuzzCursor(f *testing.F) {
	f.Add("")
	f.Add("=")
	f.Add(streamCursor("a/é"))
	f.Add(streamCursor("<&>\u2028"))
	f.Add(segmentCursor(stream.SegmentPlace{Life: stream.Life{Name: "a", Incarnation: stream.Incarnation{1, 0xab}}, Segment: 1<<64 - 1}))
	f.Add(base64.RawURLEncoding.EncodeToString([]byte(`{"list":"streams","name":"\ud800"}`)))
	f.Add(base64.RawURLEncoding.EncodeToString([]byte(`{"LIST":"segments","name":"a","incarnation":null}`)))
	f.Fuzz(func(t *testing.T, text string) {
		name, err := parseStreamCursor(text)
		if err == nil {
			if streamCursor(name) != text || name == "" || len(name) > stream.MaxName || !utf8.ValidString(name) {
				t.Errorf("%q stands behind the stream %q", text, name)
			}
		} else if !errors.Is(err, errBadQuery) {
			t.Errorf("%q: %v", text, err)
		}
		place, segmentErr := parseSegmentCursor(text)
		if segmentErr == nil {
			if err == nil || segmentCursor(place) != text || place.Life.Name == "" || len(place.Life.Name) > stream.MaxName || !utf8.ValidString(place.Life.Name) {
				t.Errorf("%q stands for %+v", text, place)
			}
		} else if !errors.Is(segmentErr, errBadQuery) {
			t.Errorf("%q: %v", text, segmentErr)
		}
	})
}
