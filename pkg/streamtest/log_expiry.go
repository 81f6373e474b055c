package streamtest

import (
	"context"
	"errors"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// latest is when a stream with a TTL that is not used must be gone.
func latest(ttl time.Duration) time.Duration { return ttl + min(ttl/20, time.Minute) }

func logSlidingTTL(r *rig) {
	ctx := r.Context()
	const ttl = 100 * time.Second
	create := &stream.Create{Config: stream.Config{ContentType: "text/plain", TTL: ttl, HasTTL: true}}
	_, _, err := r.Create(ctx, "s", create)
	must(r.T, err)

	// Each use keeps the stream for a full TTL; reading its metadata is no use.
	uses := []func(){
		func() { r.append("s", plain("x")) },
		func() { r.text("s", stream.Start()) },
		func() { _, err := r.Read(ctx, "s", stream.Now()); must(r.T, err) },
		func() {
			f, _, err := r.Follow(ctx, "s", stream.Now())
			must(r.T, err)
			f.Close()
		},
		func() { r.append("s", produced("p", 0, 0, "y")) },
		func() { r.append("s", &stream.Append{Close: true}) },
		func() { r.text("s", stream.Start()) },
	}
	for i, use := range uses {
		for _, later := range []time.Duration{ttl - time.Millisecond, time.Second, 3 * time.Second, ttl / 2, ttl - time.Millisecond} {
			r.clock.Advance(later)
			if _, err := r.Log.Head(ctx, "s"); err != nil {
				r.Fatalf("use %d, %v after the last one: %v", i, later, err)
			}
			if i == 0 || i == 4 || i == 5 {
				r.text("s", stream.Start())
			} else {
				use()
			}
		}
		use()
	}
	r.clock.Advance(ttl - time.Millisecond)
	if _, err := r.Log.Head(ctx, "s"); err != nil {
		r.Fatalf("just before the end: %v", err)
	}
	r.clock.Advance(latest(ttl) - ttl + time.Millisecond)
	r.gone("s")
	wantOwed(r.T, r.driver)

	// Creating over the expired stream begins a new life, and owes the old one.
	h, created, err := r.Create(ctx, "s", create)
	if err != nil || !created {
		r.Fatalf("new: %v, %v", created, err)
	}
	r.append("s", produced("p", 0, 0, "new life"))
	if text, _ := r.text("s", stream.Start()); text != "new life" {
		r.Errorf("the new life is %q", text)
	}
	if n := len(owed(r.T, r.driver)); n != 1 {
		r.Errorf("%d works owed, want 1", n)
	}

	// Deleting an expired stream finds nothing, and leaves it to the sweep.
	r.clock.Advance(latest(ttl))
	if err := r.Delete(ctx, "s"); !errors.Is(err, stream.ErrNotFound) {
		r.Errorf("Delete of an expired stream: %v", err)
	}
	if stored, err := r.driver.Head(ctx, "s", stream.Strong); err != nil || stored.Incarnation != h.Incarnation {
		r.Errorf("left %+v, %v", stored, err)
	}
}

// logClocksDiffer: a process whose clock is behind does not shorten what another
// one granted.
func logClocksDiffer(r *rig) {
	ctx := r.Context()
	const ttl = 100 * time.Second
	behind := *r
	behind.clock = NewClock()
	slow := behind.another()
	_, _, err := r.Create(ctx, "s", &stream.Create{Config: stream.Config{ContentType: "text/plain", TTL: ttl, HasTTL: true}})
	must(r.T, err)
	r.clock.Advance(50 * time.Second)
	r.append("s", plain("ahead"))
	granted, err := r.Log.Head(ctx, "s")
	must(r.T, err)
	slow.append("s", plain("behind"))
	slow.text("s", stream.Start())
	slow.append("s", produced("p", 0, 0, "behind"))
	h, err := r.Log.Head(ctx, "s")
	must(r.T, err)
	if h.Deadline.Before(granted.Deadline) {
		r.Errorf("the deadline went back from %v to %v", granted.Deadline, h.Deadline)
	}
}

func logZeroTTL(r *rig) {
	for range 3 {
		_, created, err := r.Create(r.Context(), "s", &stream.Create{
			Config: stream.Config{ContentType: "text/plain", HasTTL: true}, Records: records("x")})
		if err != nil || !created {
			r.Fatalf("new: %v, %v", created, err)
		}
		r.gone("s")
	}
}

func logExpiresAt(r *rig) {
	ctx := r.Context()
	end := r.clock.Now().Add(time.Minute)
	create := &stream.Create{Config: stream.Config{ContentType: "text/plain", ExpiresAt: end}}
	_, _, err := r.Create(ctx, "s", create)
	must(r.T, err)
	r.append("s", plain("x"))
	r.clock.Advance(time.Minute - time.Millisecond)
	// Using it does not prolong it.
	r.append("s", plain("y"))
	r.text("s", stream.Start())
	r.clock.Advance(time.Millisecond)
	r.gone("s")
	// The same create again is for a stream that is over at once; it is new each time.
	for range 2 {
		if _, created, err := r.Create(ctx, "s", create); err != nil || !created {
			r.Errorf("new: %v, %v", created, err)
		}
		r.gone("s")
	}
}

// reluctant discards nothing at first, although the caller might think so.
type reluctant struct {
	stream.Driver
	calls *int
}

func (d reluctant) Discard(ctx context.Context, life stream.Life, max int) (bool, error) {
	if *d.calls++; *d.calls%3 != 0 {
		return false, nil
	}
	return d.Driver.Discard(ctx, life, max)
}

func logCollect(r *rig) {
	ctx := r.Context()
	large := 100 << 10
	if isSlow(r.driver) {
		large = 2 << 10 // thousands of items, with the limits of this test, are minutes of requests
	}
	r = newRig(r.T, reluctant{r.driver, new(int)}, r.objects, r.limits)
	var ended []stream.Life
	for range 5 {
		h := r.create("s", "text/plain")
		for n := range 12 {
			r.append("s", produced(string(rune('a'+n%4)), 0, uint64(n/4), "some text"))
		}
		r.append("s", plain(string(make([]byte, large))))
		must(r.T, r.Delete(ctx, "s"))
		ended = append(ended, h.Life("s"))
	}
	r.create("s", "text/plain")
	r.append("s", plain("alive"))
	settled := 0
	eventually(r.T, func() error {
		done, err := r.Log.Collect(ctx, 2)
		must(r.T, err)
		if done.Failed != 0 || done.Settled > 2 {
			r.Fatalf("Collect: %+v", done)
		}
		if settled += done.Settled; settled < len(ended) {
			return errors.New("not everything is collected")
		}
		return nil
	})
	wantOwed(r.T, r.driver)
	for _, life := range ended {
		if chunks := allChunks(r.T, r.driver, life, stream.Offset{}, 1<<20); len(chunks) > 0 {
			r.Errorf("%d chunks of an ended life are left", len(chunks))
		}
		for _, p := range "abcd" {
			wantSpilled(r.T, r.driver, life, string(p), nil)
		}
	}
	if text, _ := r.text("s", stream.Start()); text != "alive" {
		r.Errorf("the living stream is %q", text)
	}
}
