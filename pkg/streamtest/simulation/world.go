package simulation

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
	"github.com/commoncurriculum/durable-streams-aws/pkg/streamtest"
)

const (
	registryName = "__registry__"
	// longestFreeze is for how long a process is frozen at most.
	longestFreeze = 3 * time.Hour
)

// plan is what a world is like.
type plan struct {
	limits stream.Limits
	// differ says that processes have limits of their own.
	differ   bool
	registry bool
	// long says that clients sometimes wait for long.
	long bool
	// servers, functions and clients are how many there are at the beginning.
	servers, functions, clients int
	// streams is how many names there are, requests how many each client makes.
	streams, requests int
	// faults is the share of calls that fail, flaws that of objects that are damaged;
	// deaths and freezes are how likely a process dies or is frozen at a call.
	faults, flaws, deaths, freezes float64
	sweep                          stream.SweepOptions
}

func newPlan(r *rand.Rand) plan {
	some := func(most float64) float64 {
		if r.IntN(3) == 0 {
			return 0
		}
		return r.Float64() * most
	}
	return plan{
		limits: randomLimits(r), differ: r.IntN(4) == 0, registry: r.IntN(2) == 0, long: r.IntN(3) == 0,
		servers: r.IntN(3), functions: 1 + r.IntN(3), clients: 2 + r.IntN(4),
		streams: 1 + r.IntN(5), requests: 5 + r.IntN(36),
		faults: some(0.15), flaws: some(0.2), deaths: some(0.01), freezes: some(0.01),
		sweep: stream.SweepOptions{IdleAfter: time.Duration(1+r.IntN(100)) * time.Minute, Items: 1 + r.IntN(60), Objects: 1 + r.IntN(20), Lives: 1 + r.IntN(4)},
	}
}

// randomLimits are limits at which everything happens often.
func randomLimits(r *rand.Rand) stream.Limits {
	l := stream.Limits{
		SegmentCount: 1 + r.IntN(8), SegmentSize: 50 + r.IntN(700),
		FlushCount: 1 + r.IntN(4), FlushSize: 20 + r.IntN(200),
		StageSize: 30 + r.IntN(200), PartSize: 20 + r.IntN(100), PageSize: 20 + r.IntN(300),
		Producers: 1 + r.IntN(4), Remember: 1 + r.IntN(8),
		WriteTimeout: []time.Duration{2 * time.Second, 10 * time.Second}[r.IntN(2)],
	}
	l.BufferCount = l.FlushCount + r.IntN(4)
	l.BufferSize = max(l.StageSize, l.FlushSize) + r.IntN(200)
	if r.IntN(2) == 0 {
		l.ObjectSize = 20 + r.IntN(100)
	}
	if r.IntN(2) == 0 {
		l.EarlyWait = 250 * time.Millisecond
	}
	return l
}

// world is a store, those who use it, and what is true of it.
type world struct {
	seed  uint64
	plan  plan
	names []string
	// ctx ends with the world.
	ctx  context.Context
	over chan struct{}
	// calm says that nothing fails any more.
	calm atomic.Bool

	// mu guards the store and the truth of it, the objects and what was done to them, and
	// the puts.
	mu      sync.Mutex
	store   *streamtest.Lazy
	objects stream.Objects
	truth   *truth
	// torn are the objects that were torn, with their lengths, put when each was put.
	torn    map[string]int
	put     map[string]time.Time
	puts    map[string]*put
	inOrder []*put

	events struct {
		sync.Mutex
		random *rand.Rand
		all    []event
	}

	// processes are those that may be used, started counts all that there ever were.
	processes []*process
	started   int
	// requests are those under way, late the calls that are still to arrive.
	requests, late sync.WaitGroup

	traced struct {
		sync.Mutex
		begun      time.Time
		hash       uint64
		calls      int
		log        func(line string)
		violations []error
	}
}

// Report is what became of a world.
type Report struct {
	// Trace is a hash of all calls, when they took effect, and what became of them.
	Trace uint64
	// Calls counts them, Requests those of the clients; Processes counts the processes that
	// there were, Lives the lives of streams. Span is for how long it was simulated.
	Calls, Requests, Processes, Lives int
	Span                              time.Duration
	// Violations are what must not be; there may be more of them.
	Violations []error
}

// Run simulates the world of a seed on an empty store, in a bubble of package synctest,
// which must be the caller's. log gets a line for each call, unless it is nil.
func Run(seed uint64, d stream.Driver, o stream.Objects, log func(line string)) Report {
	r := rand.New(rand.NewPCG(seed, 0))
	ctx, cancel := context.WithCancel(context.Background())
	w := &world{
		seed: seed, plan: newPlan(r), ctx: ctx, over: make(chan struct{}),
		store: streamtest.NewLazy(d), objects: o,
		torn: make(map[string]int), put: make(map[string]time.Time), puts: make(map[string]*put),
	}
	w.events.random = rand.New(rand.NewPCG(seed, 999))
	w.traced.log, w.traced.begun = log, time.Now()
	for n := range w.plan.streams {
		w.names = append(w.names, []string{"a", "ab", "b", "bc", "c"}[n])
	}
	w.truth = &truth{world: w, names: append([]string{registryName}, w.names...), heads: make(map[string][]version), lives: make(map[stream.Life]*life), order: make(map[string][]*life)}
	if log != nil {
		log(fmt.Sprintf("seed %d: %+v", seed, w.plan))
	}
	for range w.plan.servers {
		w.start(false)
	}
	for range w.plan.functions {
		w.start(true)
	}
	report := w.live()
	close(w.over)
	cancel()
	w.requests.Wait()
	w.late.Wait()
	time.Sleep(time.Minute) // pollers end with their next poll
	return report
}

// live lets clients and background work, and then checks what came of it.
func (w *world) live() Report {
	report := Report{}
	done := make(chan struct{})
	var clients, workers sync.WaitGroup
	var all []*client
	for n := range w.plan.clients {
		c := w.newClient(1 + n)
		all = append(all, c)
		clients.Go(func() { c.work(w.plan.requests) })
	}
	for n := range 2 {
		c := w.newClient(10 + n)
		workers.Go(func() { c.background(done) })
	}
	clients.Wait()
	close(done)
	workers.Wait()
	w.calm.Store(true)
	// All that is frozen thaws, and all that is late arrives.
	time.Sleep(longestFreeze + time.Hour)
	w.settle()
	for _, c := range all {
		report.Requests += c.requests
	}
	w.traced.Lock()
	defer w.traced.Unlock()
	report.Trace, report.Calls, report.Violations = w.traced.hash, w.traced.calls, w.traced.violations
	report.Processes, report.Lives, report.Span = w.started, len(w.truth.lives), time.Since(w.traced.begun)
	return report
}

// pick returns a process that a client reaches, perhaps a new one; nil if there were too
// many.
func (w *world) pick(r *rand.Rand) *process {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []*process
	for _, p := range w.processes {
		if p.available() {
			all = append(all, p)
		}
	}
	if len(all) > 0 && r.IntN(20) > 0 {
		return all[r.IntN(len(all))]
	}
	if w.started >= maxProcesses {
		return nil
	}
	return w.start(r.IntN(4) > 0)
}

// poller is the actor who polls a stream.
func (w *world) poller(name string) actor {
	for n, known := range w.truth.names {
		if known == name {
			return actor(1<<(actorBits-1) + n)
		}
	}
	return 1<<actorBits - 1
}

// violation notes something that must not be.
func (w *world) violation(format string, args ...any) {
	w.traced.Lock()
	defer w.traced.Unlock()
	const most = 10
	if len(w.traced.violations) < most {
		err := fmt.Errorf("after %v: "+format, append([]any{time.Since(w.traced.begun)}, args...)...)
		w.traced.violations = append(w.traced.violations, err)
		if w.traced.log != nil {
			w.traced.log("VIOLATION " + err.Error())
		}
	}
}

// note adds a call to the trace. Two at one instant may come in any order.
func (w *world) note(c *call, kind streamtest.Kind, err error) {
	w.traced.Lock()
	defer w.traced.Unlock()
	h := fnv.New64a()
	at := time.Since(w.traced.begun)
	fmt.Fprint(h, at, c.process.number, c.method, c.what, kind, err)
	w.traced.hash += h.Sum64()
	w.traced.calls++
	if w.traced.log != nil {
		w.traced.log(fmt.Sprintf("%v process %d, actor %d: %s %s: %v, %v", at, c.process.number, c.track>>aboutBits&(1<<actorBits-1), c.method, c.what, kind, err))
	}
}

// tracef adds a line to the log.
func (w *world) tracef(format string, args ...any) {
	w.traced.Lock()
	defer w.traced.Unlock()
	if w.traced.log != nil {
		w.traced.log(fmt.Sprint(time.Since(w.traced.begun), " ", fmt.Sprintf(format, args...)))
	}
}
