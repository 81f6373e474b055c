package boot

import (
	"context"
	"time"
)

// spare is what is kept of an invocation's time for its answer and its log.
const spare = 5 * time.Second

// BeforeDeadline returns a context that ends a while before the invocation does: five
// seconds, or a quarter of the time that is left if that is shorter. What stops with it
// can still say what it has done, which an invocation that Lambda ends cannot. Without
// a deadline it is ctx.
func BeforeDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline.Add(-min(spare, time.Until(deadline)/4)))
}
