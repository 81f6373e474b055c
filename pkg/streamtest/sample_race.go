//go:build race

package streamtest

// always is one in seven cases (a prime: the hash that chooses is weak in its low bits).
// Under the race detector a case costs twenty times as much, and one in seven still meets every kind of fault at every kind of call; `make
// test` runs the suites without the detector as well, with every case.
const always = 7
