// Package changestream simulates the change stream of a table, for tests of what is behind
// it: a [Feed] has the shards, iterators, limits and troubles of DynamoDB Streams, and
// [Watch] lets it tell of the writes of any driver, in the form in which the table of
// package dynamo would. Its clock is time.Now, so in a bubble of testing/synctest a day
// passes at once.
package changestream
