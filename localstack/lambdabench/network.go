package main

import (
	"context"
	"io"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// network is how long calls to the stores take: log-normal, with a median that the flags
// give, and the tail of what was published for each operation in a region. The zero value
// takes no time.
type network struct {
	// trip is the median of a call to the table, bucket that of one to the bucket.
	trip, bucket time.Duration
	// bandwidth is how fast what is read arrives, in bytes a second; 0 means at once.
	bandwidth float64

	mu     sync.Mutex
	random *rand.Rand
}

func newNetwork(o options) *network {
	return &network{trip: o.roundTrip, bucket: o.bucketTrip, bandwidth: bandwidth, random: rand.New(rand.NewPCG(o.seed, 0))}
}

// bandwidth is what Amazon's guidelines for S3 reckon with for one request (85 to 90 MB/s).
const bandwidth = 85e6

// tail is the 99th percentile of an operation in medians. Those of DynamoDB are of
// 4.3/6.2 ms for a strong GetItem, 4.4/6.3 for a PutItem of 1 KB, 6.8/14 for a conditional
// UpdateItem of 1 KB, and 25/93 for a TransactWriteItems of five items, which also takes
// five times as long. For queries and for the bucket nothing was published that could be
// used: they are assumed to be like a GetItem, and three medians.
func tail(operation string) (medians, p99 float64) {
	switch operation {
	case "UpdateItem":
		return 1, 14 / 6.8
	case "PutItem", "BatchWriteItem":
		return 1, 6.3 / 4.4
	case "TransactWriteItems":
		return 25 / 5., 93. / 25
	case bucketCall:
		return 1, 3
	}
	return 1, 6.2 / 4.3
}

const bucketCall = "bucket"

// delay draws how long the next call takes.
func (n *network) delay(operation string) time.Duration {
	median := n.trip
	if operation == bucketCall {
		median = n.bucket
	}
	const z99 = 2.3263 // standard deviations to the 99th percentile
	medians, p99 := tail(operation)
	n.mu.Lock()
	defer n.mu.Unlock()
	return time.Duration(float64(median) * medians * math.Exp(math.Log(p99)/z99*n.random.NormFloat64()))
}

// objects are a bucket at the end of a network, and count what is asked of it.
type objects struct {
	stream.Objects
	network *network

	mu                  sync.Mutex
	puts, gets, fetched int
}

func (o *objects) PutObject(ctx context.Context, key string, body *io.SectionReader) error {
	o.wait(int(body.Size()))
	o.count(1, 0, 0)
	return o.Objects.PutObject(ctx, key, body)
}

func (o *objects) Object(ctx context.Context, key string, offset, n int64) ([]byte, error) {
	body, err := o.Objects.Object(ctx, key, offset, n)
	o.wait(len(body))
	o.count(0, 1, len(body))
	return body, err
}

func (o *objects) wait(size int) {
	if o.network == nil {
		return
	}
	d := o.network.delay(bucketCall)
	if o.network.bandwidth > 0 {
		d += time.Duration(float64(size) / o.network.bandwidth * float64(time.Second))
	}
	time.Sleep(d)
}

func (o *objects) count(puts, gets, fetched int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.puts += puts
	o.gets += gets
	o.fetched += fetched
}
