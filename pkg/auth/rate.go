package auth

import (
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
)

// Rate is how many requests a token is good for. It is counted in each process by
// itself: where requests of a client are spread over n processes, as on Lambda, it gets
// up to n times as many.
type Rate struct {
	// PerSecond is how many requests a second, in the long run; 0 means no limit.
	PerSecond float64
	// Burst is how many at once.
	Burst int
}

// rememberedSenders is how many senders a process counts requests of. One that falls out
// begins anew.
const rememberedSenders = 10_000

// limiter counts requests by sender. It is safe for concurrent use.
type limiter struct {
	rate    Rate
	buckets *lru.Cache[string, *rate.Limiter]
}

func newLimiter(r Rate) (*limiter, error) {
	buckets, err := lru.New[string, *rate.Limiter](rememberedSenders)
	if err != nil {
		return nil, err
	}
	return &limiter{rate: r, buckets: buckets}, nil
}

// take counts a request, or returns a [*protocol.RateError].
func (l *limiter) take(sender string, now time.Time) error {
	if l.rate.PerSecond == 0 {
		return nil
	}
	bucket, ok := l.buckets.Get(sender)
	if !ok {
		bucket = rate.NewLimiter(rate.Limit(l.rate.PerSecond), l.rate.Burst)
		if other, found, _ := l.buckets.PeekOrAdd(sender, bucket); found {
			bucket = other
		}
	}
	r := bucket.ReserveN(now, 1)
	if wait := r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		return &protocol.RateError{After: wait}
	}
	return nil
}
