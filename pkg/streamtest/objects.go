package streamtest

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// RunObjects runs the contract suite of stores of objects. Each call of open must
// return an empty store that nobody else uses; what it needs to be closed it
// registers with t.Cleanup.
func RunObjects(t *testing.T, open func(t *testing.T) stream.Objects) {
	groups := []struct {
		name string
		run  func(t *testing.T, o *patientObjects)
	}{
		{"RoundTrip", testObjectRoundTrip},
		{"Ranges", testObjectRanges},
		{"Missing", testObjectMissing},
		{"Sections", testObjectSections},
		{"BodyFails", testObjectBodyFails},
		{"LargeBody", testLargeObject},
		{"PutIfAbsent", testObjectPutIfAbsent},
		{"RacePut", testObjectRacePut},
		{"Keys", testObjectKeys},
		{"BadArguments", testObjectBadArguments},
		{"List", testObjectList},
		{"ManyObjects", testManyObjects},
		{"Remove", testObjectRemove},
		{"Discard", testObjectDiscard},
		{"DiscardPrefix", testObjectDiscardPrefix},
		{"RaceDiscard", testObjectRaceDiscard},
		{"RaceRemove", testObjectRaceRemove},
		{"Concurrent", testObjectsConcurrently},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			store := open(t)
			_, slow := store.(SlowObjects)
			g.run(t, &patientObjects{store, slow})
		})
	}
}

// SlowObjects marks a store whose calls are requests over a network. The suite then
// stores fewer objects. Nothing else is different.
type SlowObjects struct{ stream.Objects }

// patientObjects repeats writes that were not applied, as patient does. It takes bodies
// as bytes.
type patientObjects struct {
	stream.Objects
	slow bool
}

// put stores the bytes of body.
func (p *patientObjects) put(ctx context.Context, key string, body []byte) error {
	return p.PutObject(ctx, key, io.NewSectionReader(bytes.NewReader(body), 0, int64(len(body))))
}

func (p *patientObjects) PutObject(ctx context.Context, key string, body *io.SectionReader) error {
	return repeat(func() error { return p.Objects.PutObject(ctx, key, body) })
}

func (p *patientObjects) RemoveObjects(ctx context.Context, keys []string) error {
	return repeat(func() error { return p.Objects.RemoveObjects(ctx, keys) })
}

func (p *patientObjects) DiscardObjects(ctx context.Context, prefix string, max int) (done bool, err error) {
	err = repeat(func() error { done, err = p.Objects.DiscardObjects(ctx, prefix, max); return err })
	return done, err
}
