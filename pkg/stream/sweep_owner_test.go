package stream_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// A sweep of one store leaves the objects of another alone, and marks its own.
func TestSweepOwner(t *testing.T) {
	put := func(t *testing.T, o stream.Objects, key, body string) {
		t.Helper()
		if err := o.PutObject(t.Context(), key, io.NewSectionReader(strings.NewReader(body), 0, int64(len(body)))); err != nil {
			t.Fatal(err)
		}
	}
	foreign := stream.SegmentKey(stream.Life{Name: "theirs", Incarnation: stream.Incarnation{7}}, 0)
	for name, c := range map[string]struct {
		mark    string // what the bucket has; "" for none
		foreign bool   // whether it has an object of another store
		owner   string
		removed bool // whether that is removed
		fails   bool
		left    string // the mark afterwards
	}{
		"new":                {"", false, "me", false, false, "me"},
		"ours, with litter":  {"me", true, "me", true, false, "me"},
		"theirs":             {"they", true, "me", false, true, "they"},
		"theirs, and empty":  {"they", false, "me", false, true, "they"},
		"theirs, not marked": {"", true, "me", false, true, ""},
		"nobody else's":      {"", true, "", true, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				objects := new(memory.Objects)
				l, err := stream.New(memory.New(), stream.Options{Limits: stream.DefaultLimits(), Objects: objects, Owner: c.owner})
				if err != nil {
					t.Fatal(err)
				}
				if c.mark != "" {
					put(t, objects, "owner", c.mark)
				}
				if c.foreign {
					put(t, objects, foreign, "records")
				}
				report, err := l.Sweep(t.Context(), stream.SweepOptions{Items: 10, Objects: 10, Lives: 10})
				if (err != nil) != c.fails || report.Problems > 0 != c.fails {
					t.Errorf("%+v, %v", report, err)
				}
				if c.fails && report.ObjectsEnd {
					t.Error("it says that it looked at all objects")
				}
				if _, err := objects.Object(t.Context(), foreign, 0, -1); c.foreign && (err != nil) != c.removed {
					t.Errorf("the other's object: %v", err)
				}
				if mark, _ := objects.Object(t.Context(), "owner", 0, -1); !bytes.Equal(mark, []byte(c.left)) {
					t.Errorf("the mark is %q, want %q", mark, c.left)
				}
			})
		})
	}
}
