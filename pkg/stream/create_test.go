package stream_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

func TestCreate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		h := create(t, l, stream.Create{
			Config:  stream.Config{ContentType: "Text/Plain; charset=utf-8", TTL: time.Hour, HasTTL: true},
			Records: records("first", "second"),
		})
		if ops := s.took(); ops != "create" {
			t.Errorf("took %q", ops)
		}
		if stored(t, s, stream.DefaultLimits()) != h {
			t.Error("another head is stored")
		}
		if h.ContentType != "Text/Plain; charset=utf-8" || h.Tail != at(0, 11) || h.Closed || h.Version == 0 || h.Incarnation.IsZero() {
			t.Errorf("%+v", h)
		}
		if !h.CreatedAt.Equal(time.Now()) || h.Deadline.Sub(h.CreatedAt) != time.Hour+time.Minute {
			t.Errorf("created at %v, until %v", h.CreatedAt, h.Deadline)
		}
		if got := content(t, l); got != "firstsecond" {
			t.Errorf("content %q", got)
		}
	})
}

func TestCreateClosed(t *testing.T) {
	l, s := open(t, stream.DefaultLimits())
	h := create(t, l, stream.Create{Records: records("all"), Closed: true})
	if !h.Closed || h.ClosedBy.ID != "" || h.Tail != at(0, 3) {
		t.Errorf("%+v", stored(t, s, stream.DefaultLimits()))
	}
}

// Content that is too large for the buffer goes around it.
func TestCreateStaged(t *testing.T) {
	l := tight()
	l.StageSize, l.PartSize = 8, 4
	log, s := open(t, l)
	create(t, log, stream.Create{Records: records("0123456789")})
	if ops := s.took(); ops != "stage stage stage create" {
		t.Errorf("took %q", ops)
	}
	if h := stored(t, s, l); h.Tail != at(0, 10) || h.BufferSize != 0 {
		t.Errorf("%+v", h)
	}
	if got := content(t, log); got != "0123456789" {
		t.Errorf("content %q", got)
	}
	s.faults("stage", lost)
	if _, _, err := log.Create(t.Context(), "other", &stream.Create{Records: records("0123456789")}); !errors.Is(err, stream.ErrUnavailable) {
		t.Errorf("staging fails: %v", err)
	}
}

// Section 5.1: a create that asks for what exists finds it, any other conflicts.
func TestCreateAgain(t *testing.T) {
	expires := time.Date(2100, 1, 1, 0, 0, 0, 123_456_789, time.UTC)
	text := stream.Config{ContentType: "text/plain"}
	with := func(change func(c *stream.Config)) stream.Config {
		c := text
		change(&c)
		return c
	}
	for _, c := range []struct {
		why        string
		first      stream.Create
		then       stream.Create
		wantExists bool
	}{
		{"the same", stream.Create{Config: text}, stream.Create{Config: text}, true},
		{"the same type in other words", stream.Create{Config: text}, stream.Create{Config: stream.Config{ContentType: "TEXT/PLAIN; charset=x"}}, true},
		{"another type", stream.Create{Config: text}, stream.Create{Config: stream.Config{ContentType: "text/html"}}, false},
		{"other content", stream.Create{Config: text, Records: records("a")}, stream.Create{Config: text, Records: records("b")}, true},
		{"a TTL", stream.Create{Config: text}, ttlOf(time.Hour, text), false},
		{"a TTL of zero", stream.Create{Config: text}, ttlOf(0, text), false},
		{"the same TTL", ttlOf(time.Hour, text), ttlOf(time.Hour, text), true},
		{"another TTL", ttlOf(time.Hour, text), ttlOf(time.Minute, text), false},
		{"no TTL", ttlOf(time.Hour, text), stream.Create{Config: text}, false},
		{"the same expiry", stream.Create{Config: with(func(c *stream.Config) { c.ExpiresAt = expires })},
			stream.Create{Config: with(func(c *stream.Config) { c.ExpiresAt = expires })}, true},
		{"the same expiry in another zone", stream.Create{Config: with(func(c *stream.Config) { c.ExpiresAt = expires })},
			stream.Create{Config: with(func(c *stream.Config) { c.ExpiresAt = expires.In(time.FixedZone("", 7200)) })}, true},
		{"another expiry", stream.Create{Config: with(func(c *stream.Config) { c.ExpiresAt = expires })},
			stream.Create{Config: with(func(c *stream.Config) { c.ExpiresAt = expires.Add(time.Second) })}, false},
		{"closed", stream.Create{Config: text}, stream.Create{Config: text, Closed: true}, false},
		{"closed again", stream.Create{Config: text, Closed: true}, stream.Create{Config: text, Closed: true}, true},
		{"open", stream.Create{Config: text, Closed: true}, stream.Create{Config: text}, false},
	} {
		l, s := open(t, stream.DefaultLimits())
		first := create(t, l, c.first)
		s.took()
		h, created, err := l.Create(t.Context(), name, &c.then)
		if created || (err == nil) != c.wantExists || err != nil && !errors.Is(err, stream.ErrConfigMismatch) {
			t.Errorf("%s: created %v, %v", c.why, created, err)
		}
		if err == nil && h.Incarnation != first.Incarnation {
			t.Errorf("%s: another stream", c.why)
		}
		if ops := s.took(); ops != "create" {
			t.Errorf("%s: took %q", c.why, ops)
		}
		if stored(t, s, stream.DefaultLimits()) != first {
			t.Errorf("%s: the head changed", c.why)
		}
	}
}

func ttlOf(d time.Duration, c stream.Config) stream.Create {
	c.TTL, c.HasTTL = d, true
	return stream.Create{Config: c}
}

// An expired stream is replaced by one that shares nothing with it.
func TestCreateReplacesExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		old := create(t, l, ttl(time.Second))
		put(t, l, text("old"))
		time.Sleep(2 * time.Second)
		s.took()
		h := create(t, l, stream.Create{Config: stream.Config{ContentType: "application/json"}})
		if ops := s.took(); ops != "create create" {
			t.Errorf("took %q", ops)
		}
		if h.Incarnation == old.Incarnation || h.Tail != (stream.Offset{}) || h.ContentType != "application/json" {
			t.Errorf("%+v", h)
		}
		works, _ := s.Owed(t.Context(), 9)
		if len(works) != 1 || works[0].Incarnation != old.Incarnation {
			t.Errorf("owed %v", works)
		}
	})
}

func TestCreateFaults(t *testing.T) {
	for _, c := range []struct {
		why     string
		op      string
		faults  []fault
		want    error
		created bool
		exists  bool
	}{
		{"throttled once", "create", []fault{notApplied}, nil, true, true},
		{"throttled for long", "create", []fault{notApplied, notApplied, notApplied, notApplied, notApplied}, stream.ErrUnavailable, false, false},
		{"unknown, and it happened", "create", []fault{applied}, nil, true, true},
		{"unknown, and it did not happen", "create", []fault{lost}, nil, true, true},
		{"unknown, then it happened late", "create", []fault{lost, applied}, nil, true, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, s := open(t, stream.DefaultLimits())
			s.faults(c.op, c.faults...)
			h, created, err := l.Create(t.Context(), name, &stream.Create{})
			if created != c.created || !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Errorf("%s: created %v, %v", c.why, created, err)
			}
			if alive(t, l) != c.exists {
				t.Errorf("%s: exists is %v", c.why, !c.exists)
			}
			if created && stored(t, s, stream.DefaultLimits()).Incarnation != h.Incarnation {
				t.Errorf("%s: another head is stored", c.why)
			}
		})
	}
}

// The store fails and then cannot be asked: nobody knows.
func TestCreateUnsettled(t *testing.T) {
	l, s := open(t, stream.DefaultLimits())
	s.hook(func(op string) fault {
		if op == "create" {
			return applied
		}
		return lost
	})
	if _, _, err := l.Create(t.Context(), name, &stream.Create{}); !errors.Is(err, stream.ErrUnsettled) {
		t.Error(err)
	}
}

// Of creates that race for a name, one creates and the others find it.
func TestCreateRaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := open(t, stream.DefaultLimits())
		results := make(chan bool, 10)
		for range cap(results) {
			go func() {
				_, created, err := l.Create(t.Context(), name, &stream.Create{})
				if err != nil {
					t.Error(err)
				}
				results <- created
			}()
		}
		n := 0
		for range cap(results) {
			if <-results {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d of them created it", n)
		}
	})
}

// The stream that was found ends before it can be renewed: then there is none,
// and the create starts again. The protocol has no 404 for a create.
func TestCreateFindsStreamThatEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		req := ttl(2 * time.Second)
		create(t, l, req)
		time.Sleep(time.Second)
		s.hook(func(op string) fault {
			if op == "update" {
				s.hook(nil)
				l.Delete(context.Background(), name)
			}
			return fine
		})
		req.ContentType = "text/plain"
		_, created, err := l.Create(t.Context(), name, &req)
		if err != nil || !created {
			t.Errorf("created %v, %v", created, err)
		}
	})
}

// A create once begun runs to its end.
func TestCreateIsNotCancelled(t *testing.T) {
	l, _ := open(t, stream.DefaultLimits())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, created, err := l.Create(ctx, name, &stream.Create{}); err != nil || !created {
		t.Errorf("created %v, %v", created, err)
	}
}

// A create that may still happen is not said to have had no effect because the next
// attempt certainly had none.
func TestCreateStaysInDoubt(t *testing.T) {
	for _, next := range []fault{rejected, notApplied} {
		synctest.Test(t, func(t *testing.T) {
			l, s := open(t, tight())
			s.faults("create", late, next, next, next, next, next)
			_, _, err := l.Create(t.Context(), name, &stream.Create{Config: stream.Config{ContentType: "text/plain"}})
			if !errors.Is(err, stream.ErrUnsettled) {
				t.Errorf("after an attempt that is late and one that is not applied: %v", err)
			}
			s.arrive()
			if _, err := l.Head(t.Context(), name); err != nil {
				t.Errorf("it happened: %v", err)
			}
		})
	}
}

// A create that may have had an effect is not told that it had none, because there is
// another stream by now.
func TestCreateStaysInDoubtBeforeAnother(t *testing.T) {
	html := stream.Create{Config: stream.Config{ContentType: "text/html"}}
	for why, next := range map[string]func(t *testing.T, other *stream.Log){
		"another stream": func(t *testing.T, other *stream.Log) { create(t, other, html) },
		"one that is gone": func(t *testing.T, other *stream.Log) {
			create(t, other, html)
			if _, _, err := other.Create(t.Context(), "fork", &stream.Create{Fork: &stream.Fork{Source: name}}); err != nil {
				t.Error(err)
			}
			if err := other.Delete(t.Context(), name); err != nil {
				t.Error(err)
			}
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, s := open(t, tight())
			other := join(t, s, tight(), stream.Poll{})
			n := 0
			s.hook(func(op string) fault {
				switch {
				case op == "create" && n == 0:
					n++
					return applied
				case op == "head" && n == 1:
					n++
					if got := content(t, other); got != "x" {
						t.Errorf("%s: a reader sees %q", why, got)
					}
					if err := other.Delete(t.Context(), name); err != nil {
						t.Error(err)
					}
					next(t, other)
				}
				return fine
			})
			_, created, err := l.Create(t.Context(), name, &stream.Create{Config: stream.Config{ContentType: "text/plain"}, Records: records("x")})
			if created || !errors.Is(err, stream.ErrUnsettled) {
				t.Errorf("%s: the creator is told %v, %v", why, created, err)
			}
		})
	}
}

// A create whose outcome is unknown, and whose stream somebody else deletes before that is
// looked at, does not begin the same life again: its data is owed to be discarded.
func TestCreateBeginsALifeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, tight())
		other := join(t, s, tight(), stream.Poll{})
		var first stream.Incarnation
		created := 0
		s.hook(func(op string) fault {
			switch {
			case op == "create" && created == 0:
				created++
				return applied
			case op == "head" && created == 1:
				created++
				h, err := other.Head(t.Context(), name)
				if err != nil {
					t.Fatal(err)
				}
				first = h.Incarnation
				put(t, other, text("of the first life"))
				if err := other.Delete(t.Context(), name); err != nil {
					t.Fatal(err)
				}
			}
			return fine
		})
		h, isNew, err := l.Create(t.Context(), name, &stream.Create{Config: stream.Config{ContentType: "text/plain"}})
		if err != nil || !isNew || h.Incarnation == first {
			t.Fatalf("new %v, %v; the life is the one before: %v", isNew, err, h.Incarnation == first)
		}
		put(t, l, text("kept"))
		if err := l.Flush(t.Context(), name, stream.Appended{}); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Collect(t.Context(), 10); err != nil {
			t.Fatal(err)
		}
		if got := content(t, l); got != "kept" {
			t.Errorf("the stream has %q", got)
		}
	})
}
