package main

import (
	"context"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/infra/cost/price"
	"github.com/commoncurriculum/durable-streams-aws/localstack/dynamomodel"
	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// site is a table and a bucket that processes share. Nothing else is shared.
type site struct {
	table   *dynamomodel.Table
	objects stream.Objects
	limits  stream.Limits
	// network is between each process and the stores; nil means that calls take no time.
	network *network
}

// newSite returns empty stores. The limit is that of the table's partitions, in write
// units a second; 0 means none.
func newSite(limits stream.Limits, n *network, limit float64) *site {
	return &site{table: dynamomodel.NewTable(limit), objects: new(memory.Objects), limits: limits, network: n}
}

// process is a log of its own, with what it has asked of the stores.
type process struct {
	*stream.Log
	client  *dynamomodel.Client
	objects *objects
	usage   *stream.Usage
}

// process starts one.
func (s *site) process(poll stream.Poll) (*process, error) {
	p := &process{client: &dynamomodel.Client{Table: s.table}, objects: &objects{Objects: s.objects, network: s.network}, usage: new(stream.Usage)}
	if s.network != nil {
		p.client.Delay, p.client.Bandwidth = s.network.delay, s.network.bandwidth
	}
	d, err := dynamo.New(p.client, dynamo.Options{Table: "bench"})
	if err != nil {
		return nil, err
	}
	p.Log, err = stream.New(d, stream.Options{Limits: s.limits, Objects: p.objects, Poll: poll})
	return p, err
}

// counted is a context in which the process counts what it asks of the table.
func (p *process) counted(ctx context.Context) context.Context {
	return stream.WithUsage(ctx, p.usage)
}

// cost is what was asked of the stores.
type cost struct {
	requests            int
	writes, reads       float64 // units
	puts, gets, fetched float64
}

// spent is what the process has asked for so far.
func (p *process) spent() cost {
	s := p.usage.Spent()
	p.objects.mu.Lock()
	defer p.objects.mu.Unlock()
	return cost{s.Requests(stream.Table), s.WriteUnits, s.ReadUnits, float64(p.objects.puts), float64(p.objects.gets), float64(p.objects.fetched)}
}

// since is what was asked for after an earlier moment.
func (c cost) since(earlier cost) cost {
	return cost{
		c.requests - earlier.requests, c.writes - earlier.writes, c.reads - earlier.reads,
		c.puts - earlier.puts, c.gets - earlier.gets, c.fetched - earlier.fetched,
	}
}

// and adds two costs.
func (c cost) and(other cost) cost {
	return cost{
		c.requests + other.requests, c.writes + other.writes, c.reads + other.reads,
		c.puts + other.puts, c.gets + other.gets, c.fetched + other.fetched,
	}
}

// dollars is what it costs at DynamoDB and S3.
func (c cost) dollars() float64 {
	p := price.List()
	return p.DynamoDB.Write.Of(c.writes) + p.DynamoDB.Read.Of(c.reads) + p.S3.Put.Of(c.puts) + p.S3.Get.Of(c.gets)
}

// compute is what a function costs while it runs or waits, in dollars.
func compute(megabytes float64, d time.Duration) float64 {
	return price.List().Lambda.Compute.Of(megabytes / 1024 * d.Seconds())
}

func (s *site) create(ctx context.Context, name, contentType string) error {
	p, err := s.process(stream.Poll{})
	if err != nil {
		return err
	}
	_, _, err = p.Create(ctx, name, &stream.Create{Config: stream.Config{ContentType: contentType}})
	return err
}

const contentType = "text/plain"

// text is an append of one record.
func text(size int) *stream.Append {
	a := &stream.Append{ContentType: contentType}
	a.Records.Add(make([]byte, size))
	return a
}

// add appends, and flushes if that is due, as a function does. It returns the time after
// which the client has its answer, and that after which the process is free.
func (p *process) add(ctx context.Context, name string, a *stream.Append) (answered, free time.Duration, err error) {
	ctx = p.counted(ctx)
	start := time.Now()
	done, err := p.Append(ctx, name, a)
	answered = time.Since(start)
	if err == nil && done.FlushDue() {
		err = p.Flush(ctx, name, done)
	}
	return answered, time.Since(start), err
}
