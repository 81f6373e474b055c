package stream_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Which parts are items, and which are objects; both are read again.
func TestStagedObjects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lim := ofObjects()
		lim.PartSize = 50
		l, s := openCold(t, lim)
		time.Sleep(time.Minute)
		h := create(t, l)
		put(t, l, text("a"))
		s.took()
		put(t, l, text(strings.Repeat(large, 13))) // 50, 50, 30
		ops := s.took()
		if strings.Count(ops, "put") != 2 || strings.Count(ops, "stage") != 1 || !strings.HasSuffix(ops, " commit") {
			t.Errorf("took %q", ops)
		}
		now := time.Now().Unix()
		for i, e := range stored(t, s, lim).Buffer[1:] {
			if id := e.Staged; id.Part != i || id.At != now || id.Object != (i < 2) || id.Commit == 0 {
				t.Errorf("part %d: %+v", i, id)
			}
			if !e.Staged.Object {
				continue
			}
			body := bodyOf(t, s, stream.StagedKey(h.Life(name), e.Staged))
			if all, err := unframe(body); err != nil || strings.Join(all, "") != strings.Repeat(large, 5) {
				t.Errorf("part %d: %q, %v", i, all, err)
			}
		}
		s.took()
		if got := content(t, l); got != "a"+strings.Repeat(large, 13) {
			t.Errorf("content %q", got)
		}
		if ops := s.took(); strings.Count(ops, "get") != 2 || strings.Count(ops, "staged") != 1 {
			t.Errorf("reading took %q", ops)
		}
	})
}

// What becomes of an append whose part cannot be put, and of a read of one that cannot
// be read.
func TestStagedObjectFaults(t *testing.T) {
	for _, c := range []struct {
		op   string
		what []fault
		ok   bool
	}{
		{"put", []fault{notApplied, notApplied}, true},
		{"put", long(notApplied), true}, // as long as the append has time
		{"put", []fault{lost}, false},
		{"put", []fault{applied}, false},
		{"put", []fault{rejected}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, s := openCold(t, ofObjects())
			create(t, l)
			put(t, l, text("a"))
			s.faults(c.op, c.what...)
			_, err := l.Append(t.Context(), name, text(very))
			if (err == nil) != c.ok || err != nil && !errors.Is(err, stream.ErrUnavailable) {
				t.Errorf("%v: %v", c.what, err)
			}
			s.hook(nil)
			want := "a"
			if c.ok {
				want += very
			}
			if got := content(t, l); got != want {
				t.Errorf("%v: content %q", c.what, got)
			}
			put(t, l, text(very))
			s.faults("get", lost)
			if _, err := l.Read(t.Context(), name, stream.Start()); !errors.Is(err, stream.ErrUnavailable) {
				t.Errorf("%v: a read: %v", c.what, err)
			}
		})
	}
}

// A process without objects can use a stream, but for what needs them.
func TestStagedObjectsWithoutObjects(t *testing.T) {
	l, s := openCold(t, ofObjects())
	create(t, l)
	poor := join(t, s, ofObjects(), stream.Poll{})
	put(t, poor, text(large))
	if _, err := poor.Append(t.Context(), name, text(very)); !errors.Is(err, stream.ErrUnavailable) || !errors.Is(err, stream.ErrRejected) {
		t.Errorf("an append: %v", err)
	}
	put(t, l, text(very))
	if _, err := poor.Read(t.Context(), name, stream.Start()); !errors.Is(err, stream.ErrUnavailable) || !errors.Is(err, stream.ErrRejected) {
		t.Errorf("a read: %v", err)
	}
	if got := content(t, l); got != large+very {
		t.Errorf("content %q", got)
	}
}

// A life's objects are discarded with its items, and those of no other one.
func TestCollectObjects(t *testing.T) {
	l, s := openCold(t, ofObjects())
	h := create(t, l)
	put(t, l, text(very))
	if _, _, err := l.Create(t.Context(), "other", &stream.Create{Records: records(very)}); err != nil {
		t.Fatal(err)
	}
	if err := l.Delete(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	for _, op := range []string{"discard", "empty"} {
		s.faults(op, lost)
		if done, err := l.Collect(t.Context(), 9); err != nil || done != (stream.Collected{Failed: 1}) {
			t.Errorf("%s fails: %+v, %v", op, done, err)
		}
	}
	s.took()
	if done, err := l.Collect(t.Context(), 9); err != nil || done != (stream.Collected{Settled: 1}) {
		t.Errorf("%+v, %v", done, err)
	}
	if ops := s.took(); ops != "owed discard empty settle" {
		t.Errorf("took %q", ops)
	}
	if got := holding(t, s, h.Life(name)); got != "" || len(keys(t, s)) != 1 {
		t.Errorf("left %s, and %q", got, keys(t, s))
	}
}
