package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/commoncurriculum/durable-streams-aws/localstack/changestream"
	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/eventsource"
	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/template"
	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/registry"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
	"github.com/commoncurriculum/durable-streams-aws/pkg/streamtest"
)

// trouble is what happens for a day in the middle of a run.
type trouble string

const (
	// none: only what always happens, to a share of all requests and invocations: changes
	// come late, twice, in batches that are repeated, from shards that are split.
	none trouble = "none"
	// failing: every invocation fails, so changes are given up.
	failing trouble = "the function fails"
	// forgetting: the stream cannot be read until it has forgotten what it had.
	forgetting trouble = "the stream is down"
	// stopped: nobody reads the stream, and then all that it still has comes again.
	stopped trouble = "the mapping is off"
	// poisoned: one stream cannot be compacted, and there are changes that mean nothing.
	poisoned trouble = "a poisoned record"
)

// TestChangesGoWrong: whatever happens to the changes of the table on their way to the
// function, all segments that ended are compacted, the registry tells of each life once and in
// order, and nothing is left behind. Where no change is lost, events alone do it; what was
// lost, the sweep finds.
func TestChangesGoWrong(t *testing.T) {
	deployed, err := template.Load("../../infra/stack/testdata/default.template.json")
	if err != nil {
		t.Fatal(err)
	}
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	worlds := 0
	for begin := time.Now(); !t.Failed() && (worlds == 0 || time.Since(begin) < *faultTime); seed++ {
		for _, what := range []trouble{none, failing, forgetting, stopped, poisoned} {
			synctest.Test(t, func(t *testing.T) {
				w := newChangingWorld(t, seed, what, *deployed["compact"].Changes)
				w.run()
				w.verify()
			})
			if t.Failed() {
				t.Fatalf("make faults SEED=%d: %s", seed, what)
			}
			worlds++
		}
	}
	t.Logf("%d worlds", worlds)
}

var (
	faultTime = flag.Duration("faulttime", 0, "how long worlds are run one after the other; 0 runs one for each trouble")
	seedFlag  = flag.Uint64("seed", 0, "the seed of the first world; 0 draws one")
)

// changingWorld is a table whose changes are delivered to the function.
type changingWorld struct {
	*testing.T
	random  *rand.Rand
	what    trouble
	feed    *changestream.Feed
	store   streamtest.Store
	faults  *streamtest.Faults
	clients *stream.Log
	mapping eventsource.Config
	invoker *unreliable
	stop    func()
	// lost counts records that were given up, missed those that should not have been, but for
	// bad luck.
	lost, missed int
	live         map[string]*streamtest.History
	types        map[string]string
	// broken is the stream that cannot be compacted, and its life.
	broken stream.Life
	wrote  int
}

func newChangingWorld(t *testing.T, seed uint64, what trouble, mapping eventsource.Config) *changingWorld {
	w := &changingWorld{
		T: t, what: what, random: rand.New(rand.NewPCG(seed, 1)), mapping: mapping,
		feed: changestream.NewFeed(seed, 2, 0.02, time.Minute),
		live: make(map[string]*streamtest.History), types: make(map[string]string),
	}
	objects := new(memory.Objects)
	w.store = streamtest.Store{Driver: changestream.Watch(memory.New(), w.feed), Objects: objects}
	w.faults = streamtest.NewFaults(w.store.Driver)
	w.faults.Random(seed, 0.01)
	w.clients = w.process(w.store)
	working := w.process(streamtest.Store{Driver: w.faults, Objects: streamtest.NewObjectFaults(objects, w.faults)})
	w.invoker = &unreliable{
		function: &function{streams: working, logger: slog.New(slog.DiscardHandler), namespace: "t"},
		random:   rand.New(rand.NewPCG(seed, 2)),
	}
	w.mapping.StreamARN = changestream.ARN
	w.mapping.OnFailure = func(f eventsource.Failure) {
		w.lost += f.BatchSize
		if !strings.Contains(string(f.Event), "stream#"+brokenName) {
			w.missed++
		}
	}
	return w
}

func (w *changingWorld) process(s streamtest.Store) *stream.Log {
	l, err := stream.New(s.Driver, stream.Options{
		Objects: s.Objects, Limits: streamtest.Tiny(),
		Registry: stream.Registry{On: true, Tenants: true}, Record: registry.Record,
	})
	w.must(err)
	return l
}

func (w *changingWorld) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// start begins to deliver changes, from the oldest on that the stream has.
func (w *changingWorld) start() {
	m, err := eventsource.New(w.mapping, w.feed, w.invoker)
	w.must(err)
	ctx, cancel := context.WithCancel(w.Context())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	w.stop = func() { cancel(); w.must(<-ended) }
}

// run lets clients use streams for some hours, and a day of trouble.
func (w *changingWorld) run() {
	w.start()
	w.steps(60)
	switch w.what {
	case failing:
		w.invoker.fails.Store(true)
	case forgetting:
		w.feed.Down(true)
	case stopped:
		w.stop()
	case poisoned:
		w.poison()
	}
	w.steps(40)
	if w.what != none {
		time.Sleep(25 * time.Hour)
	}
	w.invoker.fails.Store(false)
	w.feed.Down(false)
	if w.what == stopped {
		w.start()
	}
	w.steps(40)
	// What is on its way arrives.
	time.Sleep(time.Hour)
	w.stop()
}

// steps does things at random, some minutes apart.
func (w *changingWorld) steps(n int) {
	for range n {
		time.Sleep(time.Duration(w.random.ExpFloat64() * float64(2*time.Minute)))
		w.step()
	}
}

func (w *changingWorld) step() {
	ctx := w.Context()
	name := fmt.Sprint("t/", w.random.IntN(5))
	history := w.live[name]
	switch do := w.random.IntN(20); {
	case history == nil:
		w.types[name] = "application/json"
		h, created, err := w.clients.Create(ctx, name, &stream.Create{Config: stream.Config{ContentType: "application/json"}})
		w.must(err)
		if !created {
			w.Fatalf("%s exists: %+v", name, h)
		}
		w.live[name] = &streamtest.History{}
	case do < 14:
		for range 1 + w.random.IntN(6) {
			w.append(name, history)
		}
	case do < 16:
		w.must(w.clients.Delete(ctx, name))
		delete(w.live, name)
	case do < 17:
		fork := fmt.Sprint(name, "/", w.random.IntN(1000))
		w.types[fork] = "application/json"
		_, _, err := w.clients.Create(ctx, fork, &stream.Create{Fork: &stream.Fork{Source: name}})
		w.must(err)
		w.append(fork, &streamtest.History{})
		w.must(w.clients.Delete(ctx, fork))
	case do < 18:
		w.feed.Reshard()
	default:
		w.faults.ReleaseLate()
	}
}

func (w *changingWorld) append(name string, h *streamtest.History) {
	w.wrote++
	one := h.Begin("w", w.wrote, 1+w.random.IntN(2), 2*w.random.IntN(60))
	r, err := h.Append(w.Context(), w.clients, name, one, &stream.Append{ContentType: "application/json"})
	w.must(err)
	if r.FlushDue() {
		w.must(w.clients.Flush(w.Context(), name, r))
	}
}

// brokenName is the stream that poison breaks.
const brokenName = "t/broken"

// poison lets a stream have another object than its own where its next segment is to be, and
// the change stream records that mean nothing.
func (w *changingWorld) poison() {
	name := brokenName
	w.types[name] = "application/json"
	h, _, err := w.clients.Create(w.Context(), name, &stream.Create{Config: stream.Config{ContentType: "application/json"}})
	w.must(err)
	w.broken = h.Life(name)
	body := io.NewSectionReader(strings.NewReader("another object"), 0, 14)
	w.must(w.store.Objects.PutObject(w.Context(), stream.SegmentKey(w.broken, 0), body))
	w.live[name] = &streamtest.History{}
	for range 10 {
		w.append(name, w.live[name])
	}
	mark := &types.AttributeValueMemberS{Value: "3"}
	w.feed.Put("x", types.StreamRecord{NewImage: map[string]types.AttributeValue{"en": mark}})
	w.feed.Put("y", types.StreamRecord{NewImage: map[string]types.AttributeValue{"en": mark}, Keys: map[string]types.AttributeValue{"pk": mark, "sk": mark}})
}

// verify compares what is stored with what clients did.
func (w *changingWorld) verify() {
	ctx := w.Context()
	if given := w.what == failing || w.what == poisoned; given && w.lost == 0 {
		w.Error("no change was given up")
	}
	w.faults.Stop()
	w.faults.ReleaseLate()
	if w.broken.Name != "" {
		w.repair()
	}
	if (w.what == none || w.what == poisoned) && w.missed == 0 {
		// Nothing has swept so far.
		w.done("by events alone")
	}
	for range 4 {
		time.Sleep(10 * 24 * time.Hour)
		done, err := w.clients.Sweep(ctx, stream.SweepOptions{IdleAfter: 24 * time.Hour, Items: 100_000, Objects: 100_000, Lives: 1000})
		if err != nil || !done.ItemsEnd || !done.ObjectsEnd {
			w.Fatalf("sweep: %+v, %v", done, err)
		}
	}
	w.done("after sweeps")
	w.must(streamtest.InOrder(ctx, w.store, time.Now))
	for name, h := range w.live {
		h.Check(w.T, w.clients, w.store.Driver, w.store.Objects, name)
	}
}

// done checks that all is compacted, and the registry right.
func (w *changingWorld) done(how string) {
	for name := range w.live {
		h, err := w.store.Driver.Head(w.Context(), name, stream.Strong)
		w.must(err)
		if h.CompactionOwed() {
			w.Errorf("%s, %s is compacted up to %d of %d segments", how, name, h.Compacted, h.Tail.Segment)
		}
	}
	if err := streamtest.CheckRegistry(w.Context(), w.clients, w.store, "t", w.types); err != nil {
		w.Errorf("%s: registry: %v", how, err)
	}
}

// repair is what somebody does who looks: the foreign object goes, and the stream is
// compacted.
func (w *changingWorld) repair() {
	h, err := w.store.Driver.Head(w.Context(), w.broken.Name, stream.Strong)
	w.must(err)
	if h.Compacted > 0 {
		w.Errorf("a segment counts as compacted whose object is another one: %+v", h)
	}
	w.must(w.store.Objects.RemoveObjects(w.Context(), []string{stream.SegmentKey(w.broken, 0)}))
	_, err = w.clients.Compact(w.Context(), w.broken.Name)
	w.must(err)
}
