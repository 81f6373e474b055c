package main

// What is assumed, because it can only be measured on Amazon's side, and nothing has run
// there yet. None of it decides a bill: requests and units do.
const (
	// updateMS, getMS and putMS are how long calls to DynamoDB take in its region, and
	// bucketMS one to the bucket, in milliseconds; the design rests on these figures.
	updateMS, getMS, putMS, bucketMS = 6.8, 4.3, 4.4, 30
	// workMS is what a request takes beside that: TLS, JSON, the runtime.
	workMS = 5
	// bytesAMS is how fast pages and segments are carried, in bytes a millisecond.
	bytesAMS = 50e3
	// compactMS is what a run of compaction takes beside its calls, and marksAtOnce how
	// many chunks it marks together.
	compactMS, marksAtOnce = 300, 16
	// platformLog is what Lambda itself logs of an invocation (START, END, REPORT), in
	// bytes.
	platformLog = 300
	// ttlSeconds is how much later than it may the table removes an item: Amazon says
	// within a few days.
	ttlSeconds = 86400
	// itemBytes is what DynamoDB adds to each item's size for the bill of storage, and
	// headBytes the size of a head.
	itemBytes, headBytes = 100, 700
	// manifestShare is how large manifests are, of what is stored (`make bench-lambda
	// BENCH_FLAGS='-parts cold'`).
	manifestShare = 0.002

	// The stack: its metrics that have a value in most hours, alarms, dashboards, secrets;
	// and the metrics of requests, as far as there are any: of 50 at most (METRICS, DESIGN.md),
	// about half.
	ownMetrics, alarms, dashboards, secrets = 14, 22, 1, 2
	requestMetrics                          = 25
	// cdnAlarms and liveAlarms are there with CloudFront, and with containers.
	cdnAlarms, liveAlarms = 1, 4
	// sweepItems and sweepObjects are SWEEP_ITEMS and SWEEP_OBJECTS, as they are if nobody
	// sets them.
	sweepItems, sweepObjects = 2000, 5000

	// The container for live readers: tasks of half a vCPU and a GB, of which there are two
	// at least. 2,000 SSE readers of 50 streams took the local server to 99 MB (VmRSS); how
	// fast one delivers to so many was not measured.
	taskCPU, taskGB, leastTasks, readersPerTask = 0.5, 1, 2, 2000
	// balancerReaders is how many connections a capacity unit of the load balancer is for,
	// balancerGB how many GB an hour.
	balancerReaders, balancerGB = 3000, 1
)
