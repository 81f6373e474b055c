package stream_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// An idle or expired stream that something cannot be done for is a problem of that run
// alone, and the next one does it.
func TestSweepStreamFaults(t *testing.T) {
	for _, c := range []struct {
		config stream.Create
		op     string
		what   []fault
		ok     bool
		left   func(h *stream.Head) bool // after the first run
	}{
		{stream.Create{}, "update", []fault{lost}, false, func(h *stream.Head) bool { return !h.Sealed }},
		{stream.Create{}, "update", []fault{applied}, false, func(h *stream.Head) bool { return h.Sealed && h.Compacted == 0 }},
		{stream.Create{}, "update", []fault{rejected}, false, func(h *stream.Head) bool { return !h.Sealed }},
		{stream.Create{}, "update", []fault{notApplied}, true, func(h *stream.Head) bool { return h.Sealed && h.Compacted == 1 }},
		{stream.Create{}, "put", []fault{lost}, false, func(h *stream.Head) bool { return h.Sealed && h.Compacted == 0 }},
		{ttl(time.Second), "head", []fault{lost, lost}, false, func(h *stream.Head) bool { return h != nil }},
		{ttl(time.Second), "delete", []fault{lost}, false, func(h *stream.Head) bool { return h != nil }},
		{ttl(time.Second), "delete", []fault{applied}, false, func(h *stream.Head) bool { return h == nil }},
		{ttl(time.Second), "delete", []fault{rejected}, false, func(h *stream.Head) bool { return h != nil }},
		{ttl(time.Second), "delete", []fault{notApplied}, true, func(h *stream.Head) bool { return h == nil }},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, s := openCold(t, short())
			life := create(t, l, c.config).Life(name)
			flushed(t, l, "a")
			time.Sleep(everything().IdleAfter)
			s.faults(c.op, c.what...)
			swept, err := l.Sweep(t.Context(), everything())
			s.hook(nil)
			// The data of a stream is looked at by itself, and its head is needed for that.
			if (swept.Problems > 0) == c.ok || (err == nil) != c.ok {
				t.Errorf("%s, %v: %+v, %v", c.op, c.what, swept, err)
			}
			if h, err := s.Store.Head(t.Context(), name, stream.Strong); !c.left(h) {
				t.Errorf("%s, %v: it left %+v, %v", c.op, c.what, h, err)
			}
			for range 2 {
				sweep(t, l)
			}
			want := "manifest 0, object segment"
			if c.config.HasTTL {
				want = ""
			}
			if got := holding(t, s, life); got != want {
				t.Errorf("%s, %v: in the end there is %s", c.op, c.what, got)
			}
		})
	}
}

// A run that ends while it goes through a list of objects removes none of that list, and
// the next run looks at it again.
func TestSweepIsCancelledInAList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, s := litter(t, 3)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		l, err := stream.New(s, stream.Options{Limits: short(), Objects: &ending{objects{s}, cancel}})
		if err != nil {
			t.Fatal(err)
		}
		swept, err := l.Sweep(ctx, everything())
		if err != nil || swept.Removed != 0 || swept.Objects != 0 || swept.ObjectsEnd || !swept.ItemsEnd {
			t.Errorf("%+v, %v", swept, err)
		}
		if swept := sweep(t, joinCold(t, s, short())); swept.Removed != 3 {
			t.Errorf("the next: %+v", swept)
		}
	})
}

// ending are objects whose lists end a context.
type ending struct {
	objects
	end func()
}

func (o *ending) ListObjects(ctx context.Context, prefix, after string, max int) ([]string, error) {
	defer o.end()
	return o.objects.ListObjects(ctx, prefix, after, max)
}

// An object whose stream cannot be looked up stays.
func TestSweepObjectOfAnUnknownStream(t *testing.T) {
	l, s := openCold(t, short())
	life := stream.Life{Name: "other", Incarnation: stream.Incarnation{7}}
	setBody(t, s, stream.SegmentKey(life, 0), []byte("x"))
	s.faults("head", lost)
	swept, err := l.Sweep(t.Context(), everything())
	if !errors.Is(err, errTimeout) || !strings.Contains(err.Error(), stream.SegmentKey(life, 0)) || swept.Problems != 1 || len(keys(t, s)) != 1 {
		t.Errorf("%+v, %v", swept, err)
	}
	if swept := sweep(t, l); swept.Orphans != 1 || len(keys(t, s)) != 0 {
		t.Errorf("the next: %+v", swept)
	}
}
