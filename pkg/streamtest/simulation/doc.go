// Package simulation runs whole worlds of a [stream.Log] in no time, each of which
// follows from a seed: a few processes that serve a few streams to a few clients, while
// background work runs, calls fail, are late, get lost or arrive twice, objects are damaged,
// processes die or freeze for hours, events come twice or never, and clocks differ.
//
// It is for drivers that keep everything in memory: all goroutines must be in a bubble of
// package testing/synctest, whose fake clock is the scheduler (network.go says how).
//
// What is right is decided by the store's heads alone ([truth]): an answer must have been
// true at some moment while it was asked for, and what was acknowledged must have become
// part of the stream then, once. In the end faults stop, time passes, and the streams must
// hold what they were told, with nothing else left in the store.
package simulation
