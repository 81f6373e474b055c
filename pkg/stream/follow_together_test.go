package stream_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

const crowd = 50

// followAll starts followers at the same time, and returns them and their first pages.
func followAll(t *testing.T, l *stream.Log, from stream.Position) ([]*stream.Follower, []*stream.Page) {
	all, first := make([]*stream.Follower, crowd), make([]*stream.Page, crowd)
	var begun sync.WaitGroup
	for i := range all {
		begun.Go(func() {
			var err error
			if all[i], first[i], err = l.Follow(t.Context(), name, from); err != nil {
				t.Error(err)
			}
		})
	}
	begun.Wait()
	if t.Failed() {
		t.FailNow()
	}
	t.Cleanup(func() {
		for _, f := range all {
			f.Close()
		}
	})
	return all, first
}

// Readers who come while the head is read for another one share the next read, and none
// is answered by a read that began before he came.
func TestFollowersShareReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		create(t, l)
		put(t, l, text("a"))
		s.took()
		release := s.hold("head")
		early := make(chan *stream.Page)
		go func() {
			f, p := follow(t, l, stream.Start())
			defer f.Close()
			early <- p
		}()
		synctest.Wait() // his read is under way
		late := make(chan []*stream.Page)
		go func() { _, first := followAll(t, l, stream.Start()); late <- first }()
		synctest.Wait()
		release()
		<-early
		for i, p := range <-late {
			if p.Count != 1 {
				t.Errorf("reader %d has %d records", i, p.Count)
			}
		}
		if ops := s.took(); ops != "head head" {
			t.Errorf("%d readers took %q", crowd+1, ops)
		}
	})
}

// A read that began before an append, and ends after it, is not for a reader who came
// after the append.
func TestSharedReadIsNotStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		other := join(t, &store{Store: s.Store}, stream.DefaultLimits(), stream.Poll{})
		create(t, l)
		waiting, resume := make(chan struct{}), make(chan struct{})
		s.after = func(op string) {
			if op == "head" {
				s.after = nil
				close(waiting)
				<-resume
			}
		}
		go func() {
			f, _ := follow(t, l, stream.Start())
			f.Close()
		}()
		<-waiting
		put(t, other, text("x"))
		next := make(chan *stream.Page)
		go func() {
			f, p := follow(t, l, stream.Start())
			defer f.Close()
			next <- p
		}()
		synctest.Wait()
		close(resume)
		if p := <-next; p.Count != 1 {
			t.Errorf("the page has %d records of an append that had been acknowledged", p.Count)
		}
	})
}

// If the one who reads for all gives up, another one does it.
func TestReaderWhoLeavesTakesNobodyWithHim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		create(t, l)
		release := s.hold("head")
		var all sync.WaitGroup
		begin := func(ctx context.Context, want error) {
			all.Go(func() {
				f, _, err := l.Follow(ctx, name, stream.Start())
				if err == nil {
					f.Close()
				}
				if !errors.Is(err, want) {
					t.Errorf("%v, want %v", err, want)
				}
			})
			synctest.Wait()
		}
		begin(t.Context(), nil)
		leaver, leave := context.WithCancel(t.Context())
		begin(leaver, context.Canceled) // he is to read for the next ones
		for range 5 {
			begin(t.Context(), nil)
		}
		leave()
		synctest.Wait()
		release()
		all.Wait()
	})
}

// What an append left in chunks is fetched once for all who wait for it.
func TestFollowersSharePages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		l := join(t, s, stream.DefaultLimits(), stream.Poll{Fast: time.Second})
		other := join(t, &store{Store: s.Store}, stream.DefaultLimits(), stream.Poll{})
		create(t, l)
		all, _ := followAll(t, l, stream.Now())
		var nexts sync.WaitGroup
		pages := make([]*stream.Page, crowd)
		for i, f := range all {
			nexts.Go(func() { pages[i], _ = f.Next(t.Context()) })
		}
		synctest.Wait()
		s.took()
		put(t, other, text("x"))
		if err := other.Flush(t.Context(), name, stream.Appended{}); err != nil {
			t.Fatal(err)
		}
		nexts.Wait()
		for i, p := range pages {
			if p != pages[0] {
				t.Errorf("reader %d has a page of his own", i)
			}
		}
		if ops := s.took(); ops != "peek chunks" {
			t.Errorf("%d readers took %q", crowd, ops)
		}
	})
}

// That a stream is over is found out for all of them together.
func TestFollowersShareTheEnd(t *testing.T) {
	for _, c := range []struct {
		why  string
		life time.Duration
		do   func(other *stream.Log) error
		took string
	}{
		{"deleted by another process", time.Hour, func(other *stream.Log) error { return other.Delete(t.Context(), name) }, "peek head head"},
		{"expired", time.Second, func(*stream.Log) error { return nil }, "head head"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newStore()
			l := join(t, s, stream.DefaultLimits(), stream.Poll{Fast: 10 * time.Second})
			other := join(t, &store{Store: s.Store}, stream.DefaultLimits(), stream.Poll{})
			create(t, l, until(time.Now().Add(c.life)))
			all, _ := followAll(t, l, stream.Now())
			s.hook(func(op string) fault {
				if op == "head" {
					time.Sleep(5 * time.Millisecond)
				}
				return fine
			})
			var nexts sync.WaitGroup
			for _, f := range all {
				nexts.Go(func() {
					if _, err := f.Next(t.Context()); !errors.Is(err, stream.ErrNotFound) {
						t.Errorf("%s: %v", c.why, err)
					}
				})
			}
			synctest.Wait()
			s.took()
			if err := c.do(other); err != nil {
				t.Fatal(err)
			}
			nexts.Wait()
			if ops := s.took(); ops != c.took {
				t.Errorf("%s: %d readers took %q", c.why, crowd, ops)
			}
		})
	}
}

// A sliding TTL that is due is renewed once for all who come together.
func TestFollowersShareRenewals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := open(t, stream.DefaultLimits())
		create(t, l, ttl(time.Hour))
		time.Sleep(30 * time.Minute)
		s.hook(func(op string) fault {
			if op == "head" || op == "update" {
				time.Sleep(5 * time.Millisecond)
			}
			return fine
		})
		s.took()
		followAll(t, l, stream.Now())
		if ops := s.took(); ops != "head update head" {
			t.Errorf("%d readers took %q", crowd, ops)
		}
	})
}

// What a page is encoded to is made once.
func TestForm(t *testing.T) {
	l, _ := open(t, stream.DefaultLimits())
	create(t, l)
	put(t, l, text("x"))
	f, p := follow(t, l, stream.Start())
	defer f.Close()
	made := 0
	form := func() any { made++; return made }
	if a, b, c := p.Form("a", form), p.Form("a", form), p.Form("b", form); a != 1 || b != 1 || c != 2 {
		t.Errorf("%v, %v and %v", a, b, c)
	}
}
