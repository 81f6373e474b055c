//go:build race

package simulation_test

// worlds is how many worlds TestWorlds simulates if it is not told for how long. Under the
// race detector each costs ten times as much; `make test` simulates the others without.
const worlds = 60
