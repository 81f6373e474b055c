//go:build race

package streamtest

// always says of how many cases one is tried. Under the race detector a case costs twenty
// times as much, and one in eight still meets every kind of fault at every kind of call;
// `make test` runs the suites without the detector as well, with every case.
const always = 8
