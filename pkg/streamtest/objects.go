package streamtest

import (
	"context"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// RunObjects runs the contract suite of stores of objects. Each call of open must
// return an empty store that nobody else uses; what it needs to be closed it
// registers with t.Cleanup.
func RunObjects(t *testing.T, open func(t *testing.T) stream.Objects) {
	groups := []struct {
		name string
		run  func(t *testing.T, o stream.Objects)
	}{
		{"RoundTrip", testObjectRoundTrip},
		{"Ranges", testObjectRanges},
		{"Missing", testObjectMissing},
		{"PutIfAbsent", testObjectPutIfAbsent},
		{"RacePut", testObjectRacePut},
		{"Keys", testObjectKeys},
		{"BadArguments", testObjectBadArguments},
		{"List", testObjectList},
		{"ManyObjects", testManyObjects},
		{"Discard", testObjectDiscard},
		{"DiscardPrefix", testObjectDiscardPrefix},
		{"RaceDiscard", testObjectRaceDiscard},
		{"Concurrent", testObjectsConcurrently},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			g.run(t, patientObjects{open(t)})
		})
	}
}

// patientObjects repeats writes that were not applied, as patient does.
type patientObjects struct{ stream.Objects }

func (p patientObjects) PutObject(ctx context.Context, key string, body []byte) error {
	return repeat(func() error { return p.Objects.PutObject(ctx, key, body) })
}

func (p patientObjects) DiscardObjects(ctx context.Context, prefix string, max int) (done bool, err error) {
	err = repeat(func() error { done, err = p.Objects.DiscardObjects(ctx, prefix, max); return err })
	return done, err
}
