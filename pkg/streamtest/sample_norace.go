//go:build !race

package streamtest

// always says of how many cases one is tried; see sample_race.go.
const always = 1
