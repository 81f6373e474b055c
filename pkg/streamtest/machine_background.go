package streamtest

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
	"pgregory.net/rapid"
)

// What runs behind the clients' backs: it must not change anything that they see.

func (m *machine) flush(rt *rapid.T) {
	s, log := m.pick(rt)
	if err := log.Flush(m.Context, s.name, stream.Appended{}); err != nil {
		rt.Fatal(err)
	}
}

func (m *machine) compact(rt *rapid.T) {
	s, log := m.pick(rt)
	if _, err := log.Compact(m.Context, s.name); err != nil {
		rt.Fatal(err)
	}
}

// expire lets some of what was retired go.
func (m *machine) expire(rt *rapid.T) {
	random := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
	if err := m.driver.Expire(m.Context, random, rapid.IntRange(1, 8).Draw(rt, "items")); err != nil {
		rt.Fatal(err)
	}
}

// sweep finishes all that was left undone, in streams of earlier runs too.
func (m *machine) sweep(rt *rapid.T) {
	_, log := m.pick(rt)
	done, err := log.Sweep(m.Context, stream.SweepOptions{
		IdleAfter: rapid.SampledFrom([]time.Duration{time.Second, time.Minute, time.Hour}).Draw(rt, "idle after"),
		Items:     rapid.IntRange(1, 400).Draw(rt, "items"),
		Objects:   rapid.IntRange(1, 400).Draw(rt, "objects"),
		Lives:     100,
	})
	if err != nil {
		rt.Fatalf("Sweep: %+v, %v", done, err)
	}
}

func (m *machine) collect(rt *rapid.T) {
	if done, err := m.logs[0].Collect(m.Context, 100); err != nil || done.Failed > 0 {
		rt.Fatalf("Collect: %+v, %v", done, err)
	}
}

// end ends the streams. Once everything is swept nothing of them may be left, in any form.
func (m *machine) end(rt *rapid.T) {
	for _, s := range m.streams {
		if m.observe(rt, s) {
			if err := m.logs[0].Delete(m.Context, s.name); err != nil {
				rt.Fatal(err)
			}
		}
	}
	m.collect(rt)
	if isSlow(m.driver.Driver) {
		return // its lists are of a moment ago
	}
	// What was staged for nothing is litter after some time.
	m.clock.Advance(30 * 24 * time.Hour)
	for range 3 {
		all := stream.SweepOptions{IdleAfter: time.Hour, Items: 1 << 20, Objects: 1 << 20, Lives: 1 << 20}
		// The first one goes on where the last one stopped, and the third one collects
		// what the second one found to be over.
		if done, err := m.logs[0].Sweep(m.Context, all); err != nil {
			rt.Fatalf("the last sweep: %+v, %v", done, err)
		}
	}
	things, err := inventory(m.Context, m.driver, 1000, nil)
	objects, listErr := m.objects.ListObjects(m.Context, "", "", 1000)
	if err := errors.Join(err, listErr); err != nil {
		rt.Fatal(err)
	}
	// A run that failed left something, too.
	others := func(name string) bool { return !strings.HasPrefix(name, m.prefix+"/") }
	things = slices.DeleteFunc(things, func(s storedThing) bool { return others(s.Life.Name) })
	objects = slices.DeleteFunc(objects, func(key string) bool {
		object, ok := stream.ParseObjectKey(key)
		return ok && others(object.Life.Name)
	})
	if len(things) > 0 || len(objects) > 0 {
		rt.Fatalf("after the end there are still %v and the objects %q", things, objects)
	}
}
