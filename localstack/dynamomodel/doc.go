// Package dynamomodel is a model of one DynamoDB table inside a process, for
// measurements that stand-ins are too slow for, or that need many processes at once: as
// much of the API as the driver uses ([dynamo.Client]), the expressions evaluated, writes
// of an item one after the other, and units charged by Amazon's rules, those of the
// indexes included.
//
// Time is the caller's: each call of a [Client] takes as long as its delay says, and
// takes effect in the middle of that. A table can have the limit that Amazon puts on a
// partition (1,000 write units a second); what goes beyond it is throttled. All waits
// are those of package time, so that in a bubble of testing/synctest hours pass in
// seconds, and the machine's own speed is not in the figures.
//
// The driver's contract suite runs on it (dynamomodel_test.go), and so it agrees with
// what stand-ins do. It has no change stream, no TTL, no transactions in conflict, and no
// failures; eventually consistent reads are never stale.
package dynamomodel
