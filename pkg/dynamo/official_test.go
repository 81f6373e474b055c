//go:build !race

package dynamo_test

import (
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/streamtest"
)

// The suites on the official stand-in are about what a table does, and it takes its time.
// Races would be the driver's, and the same suites on the other stand-in look for them, so
// `make test` runs these without the race detector.

func TestDriverOfficial(t *testing.T) { streamtest.RunDriver(t, onOfficial) }
func TestLogOfficial(t *testing.T)    { streamtest.RunLog(t, slowly(onOfficial)) }
