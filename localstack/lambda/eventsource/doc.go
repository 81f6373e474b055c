// Package eventsource plays Lambda's event source mapping for DynamoDB Streams on
// your own machine: it reads the change stream of a table and invokes a function
// with batches of its records, as the mapping of the deployed stack does.
//
// The settings, the event, the retries and the filter patterns are those of the
// real one. What is different:
//   - The position is kept in memory: a new [Mapping] begins at its starting
//     position again.
//   - There is one invocation at a time for each shard (ParallelizationFactor 1).
//   - Records do not expire in the mapping's hands: without a limit, a batch is
//     retried for as long as the mapping runs.
//
// # Delivery
//
// Every record that passes the filters is delivered at least once, and records of
// one shard in their order: a batch that fails holds up those behind it, until it
// succeeds or is given up. A shard is read when its parent has been, so changes of
// one item arrive in their order.
//
// Time is that of package time, so that tests run it in a testing/synctest bubble.
package eventsource
