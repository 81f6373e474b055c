package main

import (
	"math"
	"sort"

	"github.com/commoncurriculum/durable-streams-aws/infra/cost/price"
)

// watched is what the live readers of a workload ask for.
type watched struct {
	// perStream is how many appends a second each of the streams gets.
	perStream float64
	// lasts is how long a request is under way, in seconds.
	lasts float64
	// requests is how many the clients make in a month.
	requests float64
	// bytes is what is sent to them in a month.
	bytes float64
}

func watchedOf(w Workload) watched {
	var v watched
	if w.ActiveStreams > 0 {
		v.perStream = w.AppendsPerSecond / w.ActiveStreams
	}
	v.lasts = w.SSELifetime.seconds()
	if w.LongPoll {
		// An answer comes with the next append, or when the time is up; and a client needs
		// a moment for each.
		v.lasts = w.LongPollWait.seconds()
		if v.perStream > 0 {
			v.lasts = max(0.1, min(v.lasts, 1/v.perStream))
		}
	}
	v.requests = w.LiveReaders * secondsAMonth / v.lasts
	v.bytes = w.LiveReaders*v.perStream*secondsAMonth*w.requestBytes() + v.requests*headerBytes
	if !w.LongPoll {
		v.bytes += w.LiveReaders * v.perStream * secondsAMonth * controlBytes
	}
	return v
}

// polls is how often a watcher looks at the head of its stream in a month: soon after an
// append, and then less and less often (stream.Poll).
func polls(w Workload, perStream float64) float64 {
	idle := 1 / w.PollIdle.seconds()
	if perStream == 0 {
		return idle * secondsAMonth
	}
	between, looks := 1/perStream, 0.0
	interval, at := w.PollFast.seconds(), 0.0
	for interval < w.PollIdle.seconds() && at+interval < between {
		at += interval
		looks++
		interval = min(interval*1.5, w.PollIdle.seconds())
	}
	looks += math.Max(0, (between-at)/interval)
	return looks * perStream * secondsAMonth
}

// live adds what live readers cost if the function serves them: each is a process of its own that
// waits, and looks at the stream for itself. With CloudFront and long-poll one waits for all at
// a place.
func live(b *Bill, w Workload) {
	if w.LiveReaders == 0 {
		return
	}
	p, v := price.List(), watchedOf(w)
	waiting := waitingFor(w)
	invoked := v.requests * waiting / w.LiveReaders
	b.add(p.DynamoDB.Read, forLive, waiting*polls(w, v.perStream)*pollUnits+invoked*headUnits)
	invoke(b, forLive, invoked, v.lasts*1000, w.MemoryMB)
	asked(b, w, forLive, v.requests, invoked)
	send(b, w, forLive, v.bytes)
}

// waitingFor counts the requests that wait at the origin at any time.
func waitingFor(w Workload) float64 {
	if w.LongPoll && w.CloudFront {
		return min(w.LiveReaders, w.WatchedStreams*w.Edges)
	}
	return w.LiveReaders
}

// Container is the bill if tasks on Fargate serve the live readers, and functions the
// rest, with CloudFront in front to tell them apart. All readers of a stream in a task
// share one watcher, and come to any task.
func Container(w Workload) Bill {
	if w.LiveReaders == 0 {
		return background(w)
	}
	w.CloudFront = true
	b, p, v := background(w), price.List(), watchedOf(w)
	tasks := max(leastTasks, math.Ceil(w.LiveReaders/readersPerTask))
	b.add(p.Fargate.CPU, forLive, tasks*taskCPU*hoursAMonth)
	b.add(p.Fargate.Memory, forLive, tasks*taskGB*hoursAMonth)
	b.add(p.Fargate.Address, forLive, tasks*hoursAMonth)
	b.add(p.Fargate.Balancer, forLive, hoursAMonth)
	b.add(p.CloudWatch.Alarm, forLive, liveAlarms)
	units := max(w.LiveReaders/balancerReaders, v.bytes/gib/hoursAMonth/balancerGB)
	b.add(p.Fargate.BalancerUnit, forLive, units*hoursAMonth)
	watchers := min(tasks*w.WatchedStreams, w.LiveReaders)
	arriving := v.requests * waitingFor(w) / w.LiveReaders
	b.add(p.DynamoDB.Read, forLive, watchers*polls(w, v.perStream)*pollUnits+arriving*headUnits)
	b.add(p.CloudFront.Request, forLive, v.requests)
	b.add(p.CloudFront.Program, forLive, v.requests)
	if w.RequestLog {
		logged(&b, w, forLive, arriving*logLine)
	}
	send(&b, w, forLive, v.bytes)
	return b
}

// maxBreakEven bounds what is looked at.
const maxBreakEven = 100_000

// BreakEven returns from how many live readers on the container is cheaper than the
// function, for X
func BreakEven(w Workload) (readers int, found bool) {
	perStream := w.LiveReaders / w.WatchedStreams
	n := 1 + sort.Search(maxBreakEven, func(i int) bool {
		w.LiveReaders = float64(i + 1)
		w.WatchedStreams = max(1, w.LiveReaders/perStream)
		return Container(w).For(forLive) < Serverless(w).For(forLive)
	})
	return n, n <= maxBreakEven
}
