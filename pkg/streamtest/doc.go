// Package streamtest holds the tests that every [stream.Driver] must pass, and
// the tools that they are made of. A driver's own tests call:
//
//   - [RunDriver]: the contract of the driver's methods, one by one.
//   - [RunLog]: how a [stream.Log] behaves over the driver.
//   - [RunFaults]: that nothing is lost, repeated or reordered when any write
//     fails in any of the ways in which a write can fail.
//   - [RunModel]: that random operations have the outcomes that a second, much
//     simpler implementation of the protocol gives them.
//   - [RunForest]: that random trees of forks hold what a model does which copies.
//   - [RunBackground]: that nobody notices what runs in the background.
//
// [History] is the checker that these use, [Faults] the driver that fails, and [Lazy] the
// driver that is slow to let go of what was retired. What looks at the stored data alone
// is in package fsck, which imports no tests.
//
// Environment: STREAMTEST_SEED repeats a round of random faults, STREAMTEST_ALL
// tries every combination of scripted faults, and not only a selection.
//
// The tests know a driver only by its interface. They run against a real store
// as well as one in memory, so they await conditions and never sleep, and no
// test runs in a synctest bubble: the goroutines of a real driver do not live in
// the bubble.
package streamtest
