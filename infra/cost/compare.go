package main

import "github.com/commoncurriculum/durable-streams-aws/infra/cost/price"

// Alternative is another way to have the same, and what it would cost.
type Alternative struct {
	Name string  `json:"name"`
	Bill Bill    `json:"bill"`
	Cost float64 `json:"dollars"`
	// Assumes says what is behind the figure, and what one does not get.
	Assumes []string `json:"assumes"`
	// Beyond says why it cannot be had at all; empty if it can.
	Beyond string `json:"beyond,omitempty"`
}

// Alternatives returns what else the workload could run on.
func Alternatives(w Workload) []Alternative {
	all := []Alternative{original(w), kinesis(w), redis(w)}
	if w.LiveReaders > 0 {
		all = append([]Alternative{{
			Name: "this server, live readers in a container", Bill: Container(w),
			Assumes: []string{
				"at least two Fargate tasks of 0.5 vCPU and 1 GB, for 2,000 readers each (their memory was measured, nothing else)",
				"behind a load balancer and CloudFront, through which all requests go; a public address for each task",
				"what their network refuses is written into a log, some cents, which are not counted",
			},
		}}, all...)
	}
	for i := range all {
		all[i].Cost = all[i].Bill.Total()
	}
	return all
}

// What the original does for each request, by its source (commit e41f2f0,
// poc/cloudflare/src): every message is a row of ops with an index
// (storage/do_sqlite.ts), every append updates stream_meta and its producer, and every
// row is deleted again when its segment is in R2 (stream_do.ts).
const (
	originalInsertRows  = 2 // a message, and its entry in the index
	originalDeleteRows  = 2
	originalAppendRows  = 1
	originalSegmentRows = 6 // the segment and its index, the pointer in stream_meta, the admin database
	originalStreamRows  = 4
	originalObjectGB    = 0.125 // billed for each object that is awake
	originalMS          = 5     // an object is awake for a request, and a worker computes
	originalCPU         = 2
	originalLongPoll    = 4.0 // LONG_POLL_TIMEOUT_MS
	originalPage        = 256 << 10
	originalSSE         = 55.0
)

// original is the Durable Object server that this one re-imagines.
func original(w Workload) Alternative {
	p := price.CloudflareList()
	var b Bill
	ask := func(purpose string, requests float64) {
		b.add(p.Request, purpose, requests)
		b.add(p.CPU, purpose, requests*originalCPU)
		b.add(p.ObjectRequest, purpose, requests)
		b.add(p.ObjectDuration, purpose, requests*originalMS/1000*originalObjectGB)
	}
	b.add(p.Plan, forWatching, 1)
	n := w.appends()
	ask(forAppends, n)
	b.add(p.RowsWritten, forAppends, n*(w.MessagesPerRequest*originalInsertRows+originalAppendRows+w.Producers))
	b.add(p.RowsRead, forAppends, n*3)
	b.add(p.RowsWritten, forCompaction, n*w.MessagesPerRequest*originalDeleteRows+w.segments()*originalSegmentRows)
	b.add(p.RowsRead, forCompaction, n*w.MessagesPerRequest*2)
	b.add(p.R2.Put, forCompaction, w.segments())
	reads := w.ReadsPerSecond * secondsAMonth * max(1, w.ReadBytes/originalPage)
	ask(forReads, reads)
	b.add(p.RowsRead, forReads, reads*w.ReadBytes/w.MessageBytes*(1-w.Cold))
	b.add(p.R2.Get, forReads, reads*w.Cold)
	changed := (w.CreatedPerDay + w.DeletedPerDay) * daysAMonth
	ask(forStreams, 3*changed)
	b.add(p.RowsWritten, forStreams, changed*originalStreamRows)
	if w.LiveReaders > 0 {
		v := watchedOf(w)
		lasts := originalSSE
		if w.LongPoll {
			lasts = originalLongPoll
			if v.perStream > 0 {
				lasts = max(0.1, min(lasts, 1/v.perStream))
			}
		}
		ask(forLive, w.LiveReaders*secondsAMonth/lasts)
		b.add(p.ObjectDuration, forLive, w.WatchedStreams*secondsAMonth*originalObjectGB)
	}
	hot := w.ActiveStreams * w.appendsPerSegment() / 2 * w.requestBytes() / gib
	hot = min(hot, w.stored())
	b.add(p.ObjectStorage, forData, hot+w.Streams*20e3/gib)
	b.add(p.R2.Storage, forData, w.stored()-hot)
	return Alternative{Name: "the original, on Cloudflare", Bill: b, Assumes: []string{
		"Workers Paid; what the plan includes is not taken off, as free tiers are not",
		"an object is awake for 5 ms a request, and all the time while a live reader waits, however many do",
		"data sent to clients costs nothing; no edge cache hits, of which it has some",
		"each message is a row that is written and deleted again; no forks",
	}}
}

// kinesis is Kinesis Data Streams, on demand.
func kinesis(w Workload) Alternative {
	p := price.List()
	var b Bill
	b.add(p.Kinesis.Stream, forWatching, hoursAMonth)
	kb := max(1024, w.MessageBytes) // each record is rounded up to a KB
	in := w.appends() * w.MessagesPerRequest * kb / gib
	b.add(p.Kinesis.Ingest, forAppends, in)
	b.add(p.Kinesis.Read, forReads, w.ReadsPerSecond*secondsAMonth*w.ReadBytes/gib)
	v := watchedOf(w)
	b.add(p.Kinesis.Read, forLive, w.LiveReaders*v.perStream*secondsAMonth*w.requestBytes()/gib)
	b.add(p.Internet, forReads, w.ReadsPerSecond*secondsAMonth*w.ReadBytes/gib)
	b.add(p.Internet, forLive, w.LiveReaders*v.perStream*secondsAMonth*w.requestBytes()/gib)
	perDay := w.appends() * w.MessagesPerRequest * kb / gib / daysAMonth
	b.add(p.Kinesis.Week, forData, perDay*max(0, min(w.RetentionDays, 7)-1))
	b.add(p.Kinesis.Year, forData, perDay*max(0, min(w.RetentionDays, 365)-7))
	a := Alternative{Name: "Kinesis Data Streams, on demand", Bill: b, Assumes: []string{
		"ONE Kinesis stream for all: readers of one of our streams would have to read all of them and pick, which is not counted; one Kinesis stream each is $29.20 a month for each",
		"no HTTP for browsers, no forks, no closing; the server in between is not counted",
	}}
	if w.RetentionDays > kinesisDays {
		a.Beyond = "it keeps data for a year at most"
	}
	return a
}

// kinesisDays is how long it keeps data at most.
const kinesisDays = 365

// redis is the streams of a hosted Redis.
func redis(w Workload) Alternative {
	p := price.UpstashList()
	var b Bill
	b.add(p.Command, forAppends, w.appends())
	b.add(p.Command, forReads, w.ReadsPerSecond*secondsAMonth)
	b.add(p.Transfer, forReads, w.ReadsPerSecond*secondsAMonth*w.ReadBytes/gib)
	if w.LiveReaders > 0 {
		v := watchedOf(w)
		// A blocking read is a command, and ends with the next append or after its time.
		lasts := w.LongPollWait.seconds()
		if v.perStream > 0 {
			lasts = max(0.1, min(lasts, 1/v.perStream))
		}
		b.add(p.Command, forLive, w.LiveReaders*secondsAMonth/lasts)
		b.add(p.Transfer, forLive, w.LiveReaders*v.perStream*secondsAMonth*w.requestBytes()/gib)
	}
	b.add(p.Command, forStreams, (w.CreatedPerDay+w.DeletedPerDay)*daysAMonth)
	b.add(p.Storage, forData, w.stored())
	a := Alternative{Name: "Redis streams, hosted by Upstash", Bill: b, Assumes: []string{
		"pay as you go, one region: XADD with all messages of a request in one entry, XREAD BLOCK for live readers",
		"no HTTP protocol with offsets, producers, forks or closing; the server in between is not counted",
	}}
	if w.stored() > redisGB {
		a.Beyond = "it keeps at most 100 GB"
	}
	return a
}

// redisGB is how much there can be in one database of that plan.
const redisGB = 100
