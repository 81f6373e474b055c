//go:build race

package streamtest

import "hash/fnv"

// sampled picks every eighth case by its name. Under the race detector a case
// costs twenty times as much, and one in eight still meets every kind of fault at
// every kind of call; `make test` runs the suites without the detector as well,
// with every case.
func sampled(name string) bool {
	h := fnv.New32a()
	h.Write([]byte(name))
	return h.Sum32()%8 == 0
}
