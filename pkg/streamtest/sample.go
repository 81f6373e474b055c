package streamtest

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Slow marks a driver whose calls take as long as requests to another process do.
// The exhaustive suites then try one in so many of their cases, chosen by name, and
// fewer under the race detector. Nothing else is different.
type Slow struct {
	stream.Driver
	OneIn uint32
}

// sampled reports whether a case is to be tried on a driver.
func sampled(d stream.Driver, name string) bool { return chosen(name, oneIn(d)) }

// chosen reports whether a case is among one in so many.
func chosen(name string, oneIn uint32) bool {
	// A hash whose every bit is as good as the others: names differ in a letter.
	hash := sha256.Sum256([]byte(name))
	return binary.BigEndian.Uint32(hash[:])%oneIn == 0
}

func isSlow(d stream.Driver) bool {
	_, slow := d.(Slow)
	return slow
}

func oneIn(d stream.Driver) uint32 {
	if s, ok := d.(Slow); ok {
		return max(1, s.OneIn) * always
	}
	return always
}
