// Package dynamo is the driver on Amazon DynamoDB: the store of the serverless
// server, shared by any number of processes that know nothing of each other.
//
// A stream's head is one item (head.go), and everything that decides what a writer
// may do is in it. An append is one conditional UpdateItem of that item (commit.go)
// with no read before it. A refused one brings the head back with the failure, so
// that the core can tell why without another request. Transactions, which cost twice
// as much, are used only to create and to release forks (fork.go) and to tell the
// registry (notices.go).
//
// Items, all in one table (table.go); each file says what its item is made of:
//
//	partition                   sort                          item                     file
//	stream#<name>               head                          head, or its tombstone   head.go
//	data#<incarnation>#<name>   chunk#<end offset>            run of records           chunks.go
//	data#<incarnation>#<name>   staged#<at>-<commit>-<part>   records put ahead        staged.go
//	data#<incarnation>#<name>   producer#<id>                 spilled producer         producers.go
//	data#<incarnation>#<name>   segment#<number>              manifest of a segment    manifests.go
//	data#<incarnation>#<name>   lineage                       what a fork inherits     lineage.go
//	data#<incarnation>#<name>   fork#<incarnation>#<name>     note of a fork of it     fork.go
//	cursor#<key>                cursor                        where a walk stopped     cursors.go
//
// Owed work is part of the head: whatever makes work necessary changes the head, so
// both happen in one write, and a sparse index lists the heads that owe something
// (works.go). A deleted head leaves a tombstone, which keeps a create that is
// delivered late from bringing the stream back.
//
// Another sparse index lists the names that have a head, and the manifests
// (listing.go). A head that ends a segment says so in its item, once, for whoever
// follows the table's change stream (ended.go). Chunks and staged items whose records
// are in an object are left to the table to remove (retire.go).
//
// Costs are given in requests and in write units (WU, 1 KB of the whole item, begun
// ones count) and read units (RU, 4 KB strongly consistent, half for eventual).
package dynamo
