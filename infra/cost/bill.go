package main

import (
	"math"

	"github.com/commoncurriculum/durable-streams-aws/infra/cost/price"
)

// Line is one position of a bill: so much of something, for a purpose.
type Line struct {
	Service  string  `json:"service"`
	Item     string  `json:"item"`
	For      string  `json:"for"`
	Quantity float64 `json:"quantity"`
	Unit     string  `json:"unit"`
	Dollars  float64 `json:"dollars"`
}

// Bill is a month's.
type Bill []Line

// add puts a line on the bill, unless it is nothing.
func (b *Bill) add(p price.Price, purpose string, quantity float64) {
	if quantity <= 0 {
		return
	}
	*b = append(*b, Line{p.Service, p.Item, purpose, quantity, p.Unit, p.Of(quantity)})
}

// Total is the sum of a bill, in dollars.
func (b Bill) Total() float64 {
	sum := 0.0
	for _, l := range b {
		sum += l.Dollars
	}
	return sum
}

// For is the sum of the lines for one purpose.
func (b Bill) For(purpose string) float64 {
	sum := 0.0
	for _, l := range b {
		if l.For == purpose {
			sum += l.Dollars
		}
	}
	return sum
}

// The purposes of lines.
const (
	forAppends    = "appends"
	forReads      = "catch-up reads"
	forLive       = "live readers"
	forCompaction = "compaction"
	forSweep      = "sweep"
	forStreams    = "streams created, deleted, forked"
	forData       = "stored data"
	forWatching   = "watching"
)

// Serverless is the bill of the stack: functions, table and bucket.
func Serverless(w Workload) Bill {
	b := background(w)
	live(&b, w)
	return b
}

// background is the bill without live readers, whoever serves those.
func background(w Workload) Bill {
	var b Bill
	appends(&b, w)
	reads(&b, w)
	compaction(&b, w)
	sweep(&b, w)
	streams(&b, w)
	data(&b, w)
	watching(&b, w)
	return b
}

// bucketOf is the price list of the workload's bucket.
func bucketOf(w Workload) price.Bucket {
	if w.R2 {
		return price.CloudflareList().R2
	}
	return price.List().S3
}

// invoke adds invocations of a function, of so many milliseconds each.
func invoke(b *Bill, purpose string, times, ms, memoryMB float64) {
	p := price.List().Lambda
	b.add(p.Request, purpose, times)
	b.add(p.Compute, purpose, times*ms/1000*memoryMB/1024)
}

// send adds what leaves to the internet.
func send(b *Bill, w Workload, purpose string, bytes float64) {
	p := price.List()
	if w.CloudFront {
		b.add(p.CloudFront.Transfer, purpose, bytes/gib)
	} else {
		b.add(p.Internet, purpose, bytes/gib)
	}
}

// asked adds the requests that arrive at the front door, and what it logs of those that
// reach a function.
func asked(b *Bill, w Workload, purpose string, requests, invoked float64) {
	p := price.List()
	if w.CloudFront {
		b.add(p.CloudFront.Request, purpose, requests)
		b.add(p.CloudFront.Program, purpose, requests)
	}
	line := float64(platformLog)
	if w.RequestLog {
		line += logLine
	}
	logged(b, w, purpose, invoked*line)
}

// logged adds what goes to the logs.
func logged(b *Bill, w Workload, purpose string, bytes float64) {
	p := price.List().CloudWatch
	b.add(p.Ingest, purpose, bytes/gib)
	b.add(p.Storage, purpose, bytes/gib*w.LogDays/daysAMonth)
}

func appends(b *Bill, w Workload) {
	if w.AppendsPerSecond == 0 {
		return
	}
	p, n, l := price.List(), w.appends(), w.each()
	units := l.append
	if w.requestBytes() <= producerBytes {
		units += w.Producers * producerWrites
	}
	b.add(p.DynamoDB.Write, forAppends, n*units)
	b.add(bucketOf(w).Put, forAppends, n*l.puts)
	if w.R2 {
		b.add(p.Internet, forAppends, n*l.puts*w.requestBytes()/gib)
	}
	ms := workMS + updateMS + l.chunks()*(putMS+updateMS) + l.puts*bucketMS + w.requestBytes()/bytesAMS
	invoke(b, forAppends, n, ms, w.MemoryMB)
	asked(b, w, forAppends, n, n)
	send(b, w, forAppends, n*headerBytes)
}

func reads(b *Bill, w Workload) {
	p, n := price.List(), w.ReadsPerSecond*secondsAMonth
	invoked := n
	if w.CloudFront {
		invoked *= 1 - w.CacheHits
	}
	if n == 0 {
		return
	}
	catchUp := invoked * (1 - w.Tail)
	l := w.each()
	// A cold read asks for each segment that it touches, a hot one for each append.
	touched := max(1, w.ReadBytes/(w.appendsPerSegment()*w.requestBytes()))
	hotAppends := w.ReadBytes / w.requestBytes()
	hot, cold := catchUp*(1-w.Cold), catchUp*w.Cold
	b.add(p.DynamoDB.Read, forReads, invoked*w.Tail*headUnits+hot*(headUnits+hotAppends*l.read)+cold*coldUnits*touched)
	b.add(bucketOf(w).Get, forReads, hot*hotAppends*l.gets+cold*coldGets*touched)
	ms := workMS + getMS + (1-w.Tail)*(getMS+w.Cold*bucketMS) + w.ReadBytes/bytesAMS
	invoke(b, forReads, invoked, ms, w.MemoryMB)
	asked(b, w, forReads, n, invoked)
	send(b, w, forReads, n*(w.ReadBytes+headerBytes))
}

func compaction(b *Bill, w Workload) {
	n := w.segments()
	if n == 0 {
		return
	}
	p, l := price.List(), w.each()
	each := w.appendsPerSegment()
	b.add(p.DynamoDB.Write, forCompaction, n*(each*l.marks+segmentWrites))
	b.add(p.DynamoDB.Read, forCompaction, n*(each*l.compactReads))
	b.add(bucketOf(w).Put, forCompaction, n*segmentPuts)
	b.add(bucketOf(w).Get, forCompaction, n*(segmentGets+each*l.puts))
	bytes := each * w.requestBytes()
	if w.R2 {
		b.add(p.Internet, forCompaction, n*bytes/gib)
	}
	ms := compactMS + math.Ceil(each*l.chunks()/marksAtOnce)*updateMS + 2*bucketMS + 3*bytes/bytesAMS
	invoke(b, forCompaction, n, ms, w.WorkMemoryMB)
	logged(b, w, forCompaction, n*(platformLog+3*logLine))
}

func sweep(b *Bill, w Workload) {
	p := price.List()
	runs := secondsAMonth / w.SweepEvery.seconds()
	t := tableOf(w)
	items, withData := min(sweepItems, t.items), min(sweepItems, w.ActiveStreams)
	lists := math.Ceil(min(sweepObjects, t.objects)/1000) + 1
	b.add(p.DynamoDB.Read, forSweep, runs*(items*1024/4096/2+withData*headUnits+2))
	b.add(p.DynamoDB.Write, forSweep, runs*2)
	b.add(bucketOf(w).Put, forSweep, runs*lists)
	b.add(bucketOf(w).Get, forSweep, runs)
	invoke(b, forSweep, runs, compactMS+withData*getMS+lists*bucketMS, w.WorkMemoryMB)
	logged(b, w, forSweep, runs*(platformLog+6*logLine))
}

func streams(b *Bill, w Workload) {
	p := price.List().DynamoDB
	created, deleted, forks := w.CreatedPerDay*daysAMonth, w.DeletedPerDay*daysAMonth, w.ForksPerDay*daysAMonth
	n := created + deleted + forks
	if n == 0 {
		return
	}
	b.add(p.Write, forStreams, created*createWrites+deleted*deleteWrites+forks*forkWrites+n*registryWrites)
	b.add(p.Read, forStreams, deleted*deleteReads+forks*forkReads+n*registryReads)
	invoke(b, forStreams, n, workMS+2*updateMS, w.MemoryMB)
	asked(b, w, forStreams, n, n)
	send(b, w, forStreams, n*headerBytes)
}

func data(b *Bill, w Workload) {
	p, t := price.List().DynamoDB, tableOf(w)
	b.add(p.Storage, forData, t.gib)
	b.add(p.Recovery, forData, t.gib)
	b.add(bucketOf(w).Storage, forData, t.bucketGiB)
}

func watching(b *Bill, w Workload) {
	p := price.List()
	series := float64(ownMetrics)
	if w.RequestLog && w.AppendsPerSecond+w.ReadsPerSecond+w.LiveReaders+w.CreatedPerDay > 0 {
		series += requestMetrics
	}
	b.add(p.CloudWatch.Metric, forWatching, series)
	watched := float64(alarms)
	if w.CloudFront {
		watched += cdnAlarms
	}
	b.add(p.CloudWatch.Alarm, forWatching, watched)
	b.add(p.CloudWatch.Dashboard, forWatching, dashboards)
	n := float64(secrets)
	if w.R2 {
		n++
	}
	b.add(p.Secret, forWatching, n)
}
