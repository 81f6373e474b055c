//go:build race

package streamtest

// always says of how many cases one is tried. Under the race detector a case costs twenty
// times as much, and one in eight still meets every kind of fault at every kind of call;
// `make test` runs the suites without the detector as well, with every case.
const always = 8

// slowRuns is how many random sequences are enough for a driver that is [Slow].
const slowRuns = 4
