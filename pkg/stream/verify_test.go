package stream_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// An object that is altered on its way back is no damage; one that is another each time it
// is read may be.
func TestCompactReadsBackTwice(t *testing.T) {
	for _, c := range []struct {
		altered int
		want    error
	}{{1, nil}, {2, stream.ErrDamaged}} {
		synctest.Test(t, func(t *testing.T) {
			flipping := &flipping{left: c.altered}
			l, s := openCold(t, short(), func(o *stream.Options) { flipping.Objects, o.Objects = o.Objects, flipping })
			create(t, l)
			putAll(t, l, "a", "b", "c")
			if _, err := l.Compact(t.Context(), name); !errors.Is(err, c.want) {
				t.Errorf("altered %d times: %v", c.altered, err)
			}
			// Whatever it was, it is over.
			if _, err := l.Compact(t.Context(), name); err != nil {
				t.Errorf("the next: %v", err)
			}
			if n := len(manifests(t, s)); n != 1 {
				t.Errorf("%d segments are in objects", n)
			}
		})
	}
}

// flipping alters a bit of some bodies on their way.
type flipping struct {
	stream.Objects
	left int
}

func (f *flipping) Object(ctx context.Context, key string, offset, n int64) ([]byte, error) {
	body, err := f.Objects.Object(ctx, key, offset, n)
	if err == nil && f.left > 0 {
		f.left--
		body = slices.Clone(body)
		body[len(body)/2] ^= 1
	}
	return body, err
}
