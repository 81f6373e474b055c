package main

// What an operation takes of the stores. All of it is counted by the project's own
// tests and benchmarks, which say so beside each figure; no formula of a driver is
// repeated here. What could not be measured on this side of Amazon is in assumed.go.

// The limits of a segment: SEGMENT_MAX_MESSAGES and SEGMENT_MAX_BYTES as they are if
// nobody sets them.
const (
	segmentMessages = 1000
	segmentBytes    = 4 << 20
)

// life is a row of `make bench-lambda BENCH_FLAGS='-parts life'`: what a stream costs
// over its life if each request has so many bytes.
type life struct {
	bytes float64
	// An append with its flushes: write units, and puts of objects.
	append, puts float64
	// Its share of a read of everything before compaction: read units and gets.
	read, gets float64
	// Its share of its segment's compaction: write units, and read units. The write units
	// of the segment itself are in them; see segmentWrites.
	compactWrites, compactReads float64
}

// inTable is that table, by size, for requests below OBJECT_BYTES; from 16 KiB on with the
// flag `-object-bytes 65536`.
func inTable() []life {
	return []life{
		{50, 1.21, 0, 0.016, 0, 0.093, 0.0265},
		{100, 1.335, 0, 0.03, 0, 0.17, 0.0475},
		{200, 1.667, 0, 0.0585, 0, 0.338, 0.077},
		{300, 2.001, 0, 0.087, 0, 0.503, 0.091},
		{400, 2.999, 0, 0.1235, 0, 1.003, 0.129},
		{500, 3.001, 0, 0.148, 0, 1.004, 0.153},
		{700, 3.001, 0, 0.205, 0, 1.004, 0.2025},
		{850, 5, 0, 0.245, 0, 1.005, 0.24},
		{1024, 6.001, 0, 0.291, 0, 2.005, 0.2835},
		{1500, 6.001, 0, 0.4285, 0, 2.006, 0.4},
		{2000, 9.001, 0, 0.5755, 0, 3.007, 0.6445},
		{2100, 5.032, 0, 1.0765, 0, 4.013, 1.0325},
		{2500, 5.032, 0, 1.087, 0, 4.014, 1.0325},
		{4096, 7.032, 0, 2.132, 0, 6.019, 2.033},
		{8192, 11.028, 0, 3.1396, 0, 10.034, 3.0352},
		{16384, 19.039, 0, 5.1543, 0, 18.051, 5.0566},
		{32768, 35.016, 0, 9.1719, 0, 34.125, 9.0703},
		{61440, 62.87, 0, 17.1087, 0, 62.37, 16.0942},
	}
}

// inBucket is the same for requests from OBJECT_BYTES on; below 16 KiB with the flags
// `-object-bytes 4096 -sizes 5000,8192,16384`.
func inBucket() []life {
	return []life{
		{5000, 2.029, 1, 0.1341, 1.005, 1.023, 0.0364},
		{8192, 2.028, 1, 0.1396, 1, 1.034, 0.0352},
		{16384, 2.039, 1, 0.1543, 1, 1.051, 0.0566},
		{32768, 2.016, 1, 0.1719, 1, 1.125, 0.0703},
		{65536, 1.938, 1, 0.1953, 1, 1.32, 0.0938},
		{102400, 1.78, 1, 0.2195, 1.098, 1.598, 0.122},
		{262144, 2.031, 1, 0.5, 1, 1.906, 0.25},
		{1048576, 1.25, 1, 1, 1, 5.375, 1},
	}
}

const (
	// segmentWrites is what the compaction of a segment writes beside the marks of its
	// chunks: the manifest, its entry in the listing index, the head. By `make
	// bench-lambda BENCH_FLAGS='-parts cold'`, where each segment of 1,000 messages of 1
	// KiB takes (2,102,395 - 2 * 1,048,576) / 1,049 of them.
	segmentWrites = 5
	// segmentPuts and segmentGets are what it asks of the bucket: the object, and the
	// check of it. Same command.
	segmentPuts, segmentGets = 1, 1
	// coldUnits and coldGets are what a cold read takes for each segment that it needs.
	// Same command: 2,621 and 1,573 for 1,049 segments.
	coldUnits, coldGets = 2.5, 1.5
	// producerWrites is what numbering its requests adds to an append of up to 100 bytes
	// where eight producers share a stream, in write units; larger ones cost the same. By
	// `-parts units`.
	producerWrites, producerBytes = 0.06, 100
	// pollUnits is what one look of a live reader costs, in read units (`-parts live`), and
	// headUnits a strong read of the head (TestRequests in pkg/dynamo).
	pollUnits, headUnits = 0.5, 1
	// createWrites counts the head and its entry in the listing index (TestRequests).
	createWrites = 2
	// deleteWrites counts the tombstone, the settling of what it owes, and the entries in
	// both indexes that go and come (TestRequests, TestBackgroundRequests); deleteReads the
	// head. What is in the table of it costs a unit for each KB more, which is not counted.
	deleteWrites, deleteReads = 6, 1
	// forkWrites counts the transaction, the listing index, and the flush of the source
	// (TestForkRequests); forkReads the source's head.
	forkWrites, forkReads = 12, 1
	// registryWrites and registryReads are what it takes to tell the registry of one creation
	// or deletion alone (TestRegistryRequests); of many at once, half of it.
	registryWrites, registryReads = 4, 2
	// logLine is the line of a request, in bytes, with its metrics (METRICS=emf): `go test
	// ./functions/boot -run XXX -bench Append`, log-B/op.
	logLine = 996
	// headerBytes is what the answer to a read has beside its body (`curl -i`); others have less.
	headerBytes = 700
	// controlBytes is what server-sent events have beside each append: the data's framing and
	// the control event (`curl -N`).
	controlBytes = 140
)

// An appended is what one append takes, over the life of its stream; as in life, but
// compaction's share is without what is written once a segment.
type appended struct{ append, puts, read, gets, marks, compactReads float64 }

// each is what one append of a measured row takes.
func (l life) each() appended {
	inSegment := max(1, min(segmentMessages, segmentBytes/l.bytes))
	return appended{l.append, l.puts, l.read, l.gets, max(0, l.compactWrites-segmentWrites/inSegment), l.compactReads}
}

// chunks is how many chunks an append makes, or about: the mark of one that holds small
// messages costs two units.
func (a appended) chunks() float64 { return min(1, a.marks/2) }

// at returns what an append of so many bytes takes: between two measured sizes, in
// proportion.
func at(bytes, objectBytes float64) appended {
	rows := inTable()
	if bytes >= objectBytes {
		rows = inBucket()
	}
	if bytes <= rows[0].bytes {
		return rows[0].each()
	}
	for i, next := range rows[1:] {
		if bytes > next.bytes {
			continue
		}
		a, b := rows[i].each(), next.each()
		f := (bytes - rows[i].bytes) / (next.bytes - rows[i].bytes)
		mix := func(x, y float64) float64 { return x + f*(y-x) }
		return appended{
			mix(a.append, b.append), mix(a.puts, b.puts), mix(a.read, b.read),
			mix(a.gets, b.gets), mix(a.marks, b.marks), mix(a.compactReads, b.compactReads),
		}
	}
	return rows[len(rows)-1].each()
}
