// Package dynamo is the driver on Amazon DynamoDB: the store of the serverless
// server, shared by any number of processes that know nothing of each other.
//
// A stream's head is one item (head.go), and everything that decides what a writer
// may do is in it. An append is one conditional UpdateItem of that item (commit.go)
// with no read before it. A refused one brings the head back with the failure, so
// that the core can tell why without another request. No transactions are used.
//
// Items, all in one table (table.go); each file says what its item is made of:
//
//	partition            sort                 item                       file
//	stream#<name>        head                 head, or its tombstone     head.go
//	data#<incarnation>   chunk#<end offset>   run of records             chunks.go
//	data#<incarnation>   staged#<id>-<part>   records put ahead          chunks.go
//	data#<incarnation>   producer#<id>        spilled producer           producers.go
//	data#<incarnation>   segment#<number>     manifest of a segment      manifests.go
//
// Owed work is part of the head: whatever makes work necessary changes the head, so
// both happen in one write, and a sparse index lists the heads that owe something
// (works.go). A deleted head leaves a tombstone, which keeps a create that is
// delivered late from bringing the stream back.
//
// Costs are given in requests and in write units (WU, 1 KB of the whole item, begun
// ones count) and read units (RU, 4 KB strongly consistent, half for eventual).
package dynamo
