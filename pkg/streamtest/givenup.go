package streamtest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// givenUp lets one call of an append fail, and everything after it, until the log
// gives up; then the effect of what was late takes place. Whatever the log said
// must still be true: an append that had no effect gets none later.
func givenUp(t *testing.T, d stream.Driver, o stream.Objects) {
	var attempts []attempt
	for what, request := range givenUpAppends {
		for n := 1; n <= 12; n++ {
			for _, k := range Kinds {
				for _, then := range []Kind{NotApplied, Rejected, Lost, Late} {
					name := fmt.Sprintf("%s, call %d %v, then all %v", what, n, k, then)
					attempts = append(attempts, attempt{request, name, n, k, then, nil},
						attempt{request, name + ", but not reads", n, k, then, slices.Concat(Writes, ObjectWrites)})
				}
			}
		}
	}
	attempts = slices.DeleteFunc(attempts, func(a attempt) bool {
		return isSlow(d) && !sampled(d, a.name)
	})
	inParallel(d, attempts, func(a attempt) {
		if err := a.giveUp(t.Context(), d, o); err != nil {
			t.Errorf("%s: %v", a.name, err)
		}
	})
}

type attempt struct {
	request
	name    string
	n       int
	k, then Kind
	failing []Method
}

type request struct {
	pad      int
	producer *stream.ProducerTag
}

// givenUpAppends are appends that take every way through the log. The stream has
// the producers p0 (spilled), p1 and p2.
var givenUpAppends = map[string]request{
	"plain":         {4, nil},
	"staged":        {130, nil},
	"produced":      {4, tag("p2", 0, 1)},
	"spilled":       {4, tag("p0", 0, 1)},
	"spilled large": {130, tag("p0", 0, 1)},
	"new":           {4, tag("p9", 0, 0)},
	"new epoch":     {4, tag("p2", 3, 0)},
}

func (a attempt) giveUp(ctx context.Context, d stream.Driver, o stream.Objects) error {
	limits := Tiny()
	spare, err := stream.New(d, stream.Options{Objects: o, Limits: limits})
	if err != nil {
		return err
	}
	f := NewFaults(d)
	limits.WriteTimeout = 40 * time.Millisecond
	log, err := stream.New(f, stream.Options{Objects: NewObjectFaults(o, f), Limits: limits})
	if err != nil {
		return err
	}
	if _, _, err := spare.Create(ctx, a.name, &stream.Create{Config: stream.Config{ContentType: "text/plain"}}); err != nil {
		return err
	}
	h := &History{}
	// The buffer is full, too.
	for i := range 4 {
		var producer *stream.ProducerTag
		if i < 3 {
			producer = tag(fmt.Sprint("p", i), 0, 0)
		}
		if _, err := h.Append(ctx, spare, a.name, h.Begin("before", i, 1, 4), &stream.Append{ContentType: "text/plain", Producer: producer}); err != nil {
			return err
		}
	}
	f.ScriptNth(a.n, a.k)
	f.ThenFail(a.then, a.failing...)
	w := h.Begin("w", 0, 2, a.pad)
	_, told := h.Append(ctx, log, a.name, w, &stream.Append{ContentType: "text/plain", Producer: a.producer})
	if retry, _ := again(told); told != nil && !retry {
		return told
	}
	f.Stop()
	f.ReleaseLate()
	if err := h.Verify(ctx, spare, d, o, a.name); err != nil {
		return fmt.Errorf("the client was told %v: %w", told, err)
	}
	// The stream still works.
	if _, err := h.Append(ctx, spare, a.name, h.Begin("after", 0, 1, 4), &stream.Append{ContentType: "text/plain"}); err != nil {
		return err
	}
	return h.Verify(ctx, spare, d, o, a.name)
}
