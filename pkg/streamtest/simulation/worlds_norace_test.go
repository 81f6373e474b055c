//go:build !race

package simulation_test

// worlds is how many worlds TestWorlds simulates if it is not told for how long.
const worlds = 500
