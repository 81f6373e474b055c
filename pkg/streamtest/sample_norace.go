//go:build !race

package streamtest

// always says of how many cases one is tried; see sample_race.go.
const always = 1

// slowRuns is how many random sequences are enough for a driver that is [Slow].
const slowRuns = 10
