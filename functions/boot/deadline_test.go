package boot_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/functions/boot"
)

func TestBeforeDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for left, want := range map[time.Duration]time.Duration{
			15 * time.Minute: 15*time.Minute - 5*time.Second,
			20 * time.Second: 15 * time.Second,
			4 * time.Second:  3 * time.Second,
		} {
			invocation, cancel := context.WithTimeout(t.Context(), left)
			ctx, stop := boot.BeforeDeadline(invocation)
			deadline, ok := ctx.Deadline()
			if got := time.Until(deadline); !ok || got != want {
				t.Errorf("of %v it leaves %v, want %v", left, got, want)
			}
			<-ctx.Done()
			if invocation.Err() != nil {
				t.Errorf("%v: the invocation has ended first", left)
			}
			stop()
			cancel()
		}
		ctx, stop := boot.BeforeDeadline(t.Context())
		defer stop()
		if _, ok := ctx.Deadline(); ok {
			t.Error("without a deadline there is one")
		}
	})
}
