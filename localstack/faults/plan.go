package faults

import (
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
)

// Plan decides what happens to requests. It is called by one goroutine at a time.
type Plan interface {
	Decide(Call) Fault
}

// Rule lets requests of an operation go wrong.
type Rule struct {
	// Operation is its name in the store's API.
	Operation string
	// Nth is which of its requests, counted from 1; 0 is every one.
	Nth   int
	Fault Fault
}

// Script is a plan for certain requests. The first rule that is about a request holds.
type Script []Rule

// Decide implements [Plan].
func (s Script) Decide(c Call) Fault {
	for _, r := range s {
		if r.Operation == c.Operation && (r.Nth == 0 || r.Nth == c.Nth) {
			return r.Fault
		}
	}
	return Fault{}
}

// Random is a plan that lets a share of all requests go wrong, each in one of the ways that
// are possible for it. See the package's comment for what a seed repeats.
type Random struct {
	Seed  uint64
	Share float64
}

// Decide implements [Plan].
func (p Random) Decide(c Call) Fault {
	h := fnv.New64a()
	for _, part := range []string{string(c.Store), c.Operation, c.Stream} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(c.N)))
	r := rand.New(rand.NewPCG(p.Seed, h.Sum64()))
	if r.Float64() >= p.Share {
		return Fault{}
	}
	all := possible(c)
	f := all[r.IntN(len(all))]
	f.Draw = r.Uint64()
	return f
}

// possible are the ways in which a call goes wrong at random, each as often as it is listed.
func possible(c Call) []Fault {
	all := []Fault{Of(Latency), Of(Latency), Of(Unconnected), Of(NotSent), Of(Lost), Of(SlowBody), Of(TornBody)}
	if c.writes() {
		all = append(all, Of(Late), Of(Late), Of(Twice), Of(Twice))
	}
	// One that waits as long as its client does makes a run slow; once in about a hundred.
	if c.N%8 == 0 {
		all = append(all, Of(Silent))
	}
	if c.Store == Table {
		return append(all, ofTable(c)...)
	}
	return append(all, ofBucket(c)...)
}

// ofTable are those that only DynamoDB knows.
func ofTable(c Call) []Fault {
	all := []Fault{
		Error(400, "ProvisionedThroughputExceededException"), Error(400, "ThrottlingException"), Error(400, "RequestLimitExceeded"),
		Error(500, "InternalServerError"), Error(503, "ServiceUnavailable"), Page(502),
	}
	switch c.Operation {
	case "PutItem", "UpdateItem", "DeleteItem":
		all = append(all, Error(400, "TransactionConflictException"))
	case "TransactWriteItems":
		all = append(all, Cancelled("TransactionConflict", "None"), Cancelled("None", "ThrottlingError"),
			Cancelled("ProvisionedThroughputExceeded", "None"), Error(400, "TransactionInProgressException"))
	case "BatchWriteItem":
		all = append(all, Of(Unprocessed), Of(Unprocessed))
	case "GetRecords":
		all = append(all, Error(400, "ExpiredIteratorException"))
	}
	if c.Eventual {
		all = append(all, Of(Stale), Of(Stale), Of(Stale))
	}
	if c.writes() {
		all = append(all, ErrorAfter(500, "InternalServerError"), ErrorAfter(503, "ServiceUnavailable"))
	}
	return all
}

// ofBucket are those that only buckets know.
func ofBucket(c Call) []Fault {
	all := []Fault{Error(503, "SlowDown"), Error(500, "InternalError"), Error(503, "ServiceUnavailable"), Error(400, "RequestTimeout"), Page(502)}
	switch c.Operation {
	case "PutObject":
		return append(all, Error(409, "ConditionalRequestConflict"), ErrorAfter(500, "InternalError"))
	case "GetObject":
		return append(all, Of(Missing), Of(WrongLength), Of(WrongLength), Of(BitFlip), Of(BitFlip))
	case "DeleteObjects":
		return append(all, Of(NotDeleted), Of(NotDeleted), ErrorAfter(500, "InternalError"))
	case "ListObjectsV2":
		return append(all, Of(StaleList), Of(StaleList))
	}
	return all
}
