package stream_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

func ttl(d time.Duration) stream.Create {
	return stream.Create{Config: stream.Config{TTL: d, HasTTL: true}}
}

func until(at time.Time) stream.Create {
	return stream.Create{Config: stream.Config{ExpiresAt: at}}
}

// alive reports whether the stream exists for its clients, without renewing it.
func alive(t *testing.T, l *stream.Log) bool {
	t.Helper()
	_, err := l.Head(t.Context(), name)
	if err != nil && !errors.Is(err, stream.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

func TestSlack(t *testing.T) {
	for ttl, want := range map[time.Duration]time.Duration{
		0:                0,
		time.Second:      50 * time.Millisecond,
		2 * time.Second:  100 * time.Millisecond,
		20 * time.Minute: time.Minute,
		21 * time.Minute: time.Minute,
		24 * time.Hour:   time.Minute,
	} {
		if got := stream.Slack(ttl); got != want {
			t.Errorf("slack of %v is %v, want %v", ttl, got, want)
		}
	}
}

// For any stream and any uses of it: it never ends before its TTL has passed
// since the last use, nor more than its slack later.
func TestExpiryIsNeverEarly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		window := time.Duration(rapid.Int64Range(0, int64(48*time.Hour)/1e6).Draw(t, "ttl")) * time.Millisecond
		h := head(func(h *stream.Head) {
			h.TTL, h.HasTTL = window, true
			h.Deadline = noon.Add(window + stream.Slack(window))
		})
		used := noon
		for i := range rapid.IntRange(1, 8).Draw(t, "uses") {
			now := used.Add(time.Duration(rapid.Int64Range(0, int64(window)*11/10+1).Draw(t, "pause")))
			if h.Expired(now) {
				if now.Before(used.Add(window)) {
					t.Fatalf("used at %v, expired %v later", used, now.Sub(used))
				}
				return
			}
			if now.After(used.Add(window + stream.Slack(window))) {
				t.Fatalf("used at %v, alive %v later", used, now.Sub(used))
			}
			// A read renews when it must, a write always.
			if h.RenewalDue(now) || rapid.Bool().Draw(t, "write") {
				next, ok := stream.Admit(h, &stream.Batch{ID: stream.CommitID(i + 1), Appends: []*stream.Append{text("x")}, Now: now}, stream.DefaultLimits())
				if !ok {
					t.Fatal("refused")
				}
				h = next
			}
			used = now
		}
	})
}

func TestExpiryOfUnusedStream(t *testing.T) {
	for _, c := range []struct {
		create       stream.Create
		alive, ended time.Duration
	}{
		{ttl(time.Second), 1049 * time.Millisecond, 1050 * time.Millisecond},
		{ttl(2 * time.Second), 2099 * time.Millisecond, 2100 * time.Millisecond},
		{ttl(24 * time.Hour), 24*time.Hour + time.Minute - time.Millisecond, 24*time.Hour + time.Minute},
		{ttl(0), -1, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, _ := open(t, stream.DefaultLimits())
			create(t, l, c.create)
			if c.alive >= 0 {
				time.Sleep(c.alive)
				if !alive(t, l) {
					t.Errorf("TTL %v: ended before %v", c.create.TTL, c.alive)
				}
				time.Sleep(c.ended - c.alive)
			}
			if alive(t, l) {
				t.Errorf("TTL %v: alive at %v", c.create.TTL, c.ended)
			}
		})
	}
}

// What ends an idle stream, and what keeps it: a stream of 2 s that is used at
// 1.5 s is there at 3.4 s, and not at 3.6 s.
func TestExpirySlides(t *testing.T) {
	for _, c := range []struct {
		use  string
		does func(ctx context.Context, l *stream.Log) error
		keep bool
	}{
		{"append", func(ctx context.Context, l *stream.Log) error {
			_, err := l.Append(ctx, name, text("x"))
			return err
		}, true},
		{"close", func(ctx context.Context, l *stream.Log) error {
			_, err := l.Append(ctx, name, text("", closing))
			return err
		}, true},
		{"close by a producer", func(ctx context.Context, l *stream.Log) error {
			_, err := l.Append(ctx, name, text("", closing, by("p", 0, 0)))
			return err
		}, true},
		{"read", func(ctx context.Context, l *stream.Log) error {
			_, err := l.Read(ctx, name, stream.Start())
			return err
		}, true},
		{"read from now on", func(ctx context.Context, l *stream.Log) error {
			_, err := l.Read(ctx, name, stream.Now())
			return err
		}, true},
		{"follow", func(ctx context.Context, l *stream.Log) error {
			f, _, err := l.Follow(ctx, name, stream.Now())
			if err == nil {
				f.Close()
			}
			return err
		}, true},
		{"create it again", func(ctx context.Context, l *stream.Log) error {
			req := ttl(2 * time.Second)
			req.ContentType = "text/plain"
			_, created, err := l.Create(ctx, name, &req)
			if created {
				return errors.New("created")
			}
			return err
		}, true},
		{"ask for its head", func(ctx context.Context, l *stream.Log) error {
			_, err := l.Head(ctx, name)
			return err
		}, false},
		{"a refused append", func(ctx context.Context, l *stream.Log) error {
			_, err := l.Append(ctx, name, text("x", contentType("image/png")))
			if errors.Is(err, stream.ErrContentType) {
				return nil
			}
			return err
		}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, _ := open(t, stream.DefaultLimits())
			create(t, l, ttl(2*time.Second))
			time.Sleep(1500 * time.Millisecond)
			if err := c.does(t.Context(), l); err != nil {
				t.Fatalf("%s: %v", c.use, err)
			}
			time.Sleep(1900 * time.Millisecond)
			if got := alive(t, l); got != c.keep {
				t.Errorf("%s at 1.5 s: alive at 3.4 s: %v", c.use, got)
			}
			time.Sleep(200 * time.Millisecond)
			if alive(t, l) {
				t.Errorf("%s at 1.5 s: alive at 3.6 s", c.use)
			}
		})
	}
}

// Expires-At never slides, whatever is done with the stream.
func TestExpiresAtDoesNotSlide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		create(t, l, until(time.Now().Add(10*time.Second)))
		time.Sleep(9999 * time.Millisecond)
		put(t, l, text("x"))
		s.took()
		if got := content(t, l); got != "x" {
			t.Errorf("read %q", got)
		}
		if ops := s.took(); ops != "head" {
			t.Errorf("the read took %q", ops)
		}
		time.Sleep(time.Millisecond)
		if alive(t, l) {
			t.Error("alive at its end")
		}
		if _, err := l.Append(t.Context(), name, text("x")); !errors.Is(err, stream.ErrNotFound) {
			t.Errorf("append: %v", err)
		}
		if _, err := l.Read(t.Context(), name, stream.Start()); !errors.Is(err, stream.ErrNotFound) {
			t.Errorf("read: %v", err)
		}
	})
}

// Reads renew at most once in each slack window, and not at all without need.
func TestRenewalCost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		create(t, l, ttl(time.Hour))
		s.took()
		const hours = 3
		for range hours * 3600 {
			if _, err := l.Read(t.Context(), name, stream.Start()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if n := len(s.times("update")); n > hours*60 || n < hours*60-hours-1 {
			t.Errorf("%d renewals in %d hours of reads, a window has one minute", n, hours)
		}
	})
}

// Reads that race to renew: the losers find that it was done.
func TestRenewalRaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		create(t, l, ttl(2*time.Second))
		time.Sleep(time.Second)
		s.hook(func(op string) fault {
			if op == "update" {
				s.hook(nil)
				put(t, l, text("x")) // renews it first
			}
			return fine
		})
		s.took()
		if _, err := l.Read(t.Context(), name, stream.Start()); err != nil {
			t.Fatal(err)
		}
		if ops := s.took(); ops != "head update commit" {
			t.Errorf("took %q", ops)
		}
	})
}

func TestRenewalFails(t *testing.T) {
	for _, c := range []struct {
		why  string
		hook func(l *stream.Log, s *store) func(op string) fault
		want error
	}{
		{"unknown outcome", func(*stream.Log, *store) func(string) fault {
			return func(op string) fault {
				if op == "update" {
					return applied
				}
				return fine
			}
		}, stream.ErrUnavailable},
		{"throttled", func(*stream.Log, *store) func(string) fault {
			return func(op string) fault {
				if op == "update" {
					return notApplied
				}
				return fine
			}
		}, stream.ErrUnavailable},
		{"deleted meanwhile", func(l *stream.Log, s *store) func(string) fault {
			return func(op string) fault {
				if op == "update" {
					s.hook(nil)
					l.Delete(context.Background(), name)
				}
				return fine
			}
		}, stream.ErrNotFound},
		{"created again meanwhile", func(l *stream.Log, s *store) func(string) fault {
			return func(op string) fault {
				if op == "update" {
					s.hook(nil)
					l.Delete(context.Background(), name)
					l.Create(context.Background(), name, &stream.Create{})
				}
				return fine
			}
		}, stream.ErrNotFound},
		{"throttled once", func(_ *stream.Log, s *store) func(string) fault {
			return func(op string) fault {
				if op == "update" {
					s.hook(nil)
					return notApplied
				}
				return fine
			}
		}, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, s := open(t, stream.DefaultLimits())
			create(t, l, ttl(2*time.Second))
			time.Sleep(time.Second)
			s.hook(c.hook(l, s))
			_, err := l.Read(t.Context(), name, stream.Start())
			if !errors.Is(err, c.want) {
				t.Errorf("%s: %v", c.why, err)
			}
		})
	}
}

// A renewal that is repeated does not bring a stream back that is over for others.
func TestRenewalIsNotLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		create(t, l, ttl(time.Second))
		time.Sleep(1040 * time.Millisecond)
		s.faults("update", notApplied, notApplied, notApplied)
		if _, err := l.Read(t.Context(), name, stream.Start()); !errors.Is(err, stream.ErrUnavailable) {
			t.Error(err)
		}
		time.Sleep(10 * time.Millisecond)
		if alive(t, l) {
			t.Error("it is back")
		}
	})
}

// Whoever reads a stream while it is deleted is told as he would be a moment later: one
// that forks need is gone.
func TestReadWhileDeleted(t *testing.T) {
	for _, forked := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l, s := open(t, tight())
			other := join(t, s, tight(), stream.Poll{})
			create(t, l, stream.Create{Config: stream.Config{ContentType: "text/plain", HasTTL: true, TTL: time.Minute}})
			want := stream.ErrNotFound
			if forked {
				want = stream.ErrGone
				if _, _, err := other.Create(t.Context(), "fork", &stream.Create{Fork: &stream.Fork{Source: name}}); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(30 * time.Second)
			deleted := false
			s.hook(func(op string) fault {
				if op == "update" && !deleted {
					deleted = true
					if err := other.Delete(t.Context(), name); err != nil {
						t.Error(err)
					}
				}
				return fine
			})
			if _, err := l.Read(t.Context(), name, stream.Start()); !errors.Is(err, want) || !deleted {
				t.Errorf("forked %v: %v, want %v", forked, err, want)
			}
		})
	}
}
