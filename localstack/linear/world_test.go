package linear

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
	"github.com/commoncurriculum/durable-streams-aws/pkg/streamtest"
)

// world is a store in memory, processes of the whole server above it, and clients, whose
// schedule and faults a seed decides.
type world struct {
	seed     uint64
	schedule *schedule
	history  *History
	store    *store
	objects  *memory.Objects
	faults   float64

	mu sync.Mutex
	// processes are those that run, worldProcesses of them, and then those that have crashed,
	// whose late writes may still be delivered.
	processes []*process
	born      int
	crashes   int
	injected  int
}

// process is a server. One that has crashed answers nobody, and its calls come to nothing.
type process struct {
	faults  *streamtest.Faults
	log     *stream.Log
	handler http.Handler
	crashed atomic.Bool
}

// settings of worlds.
const (
	worldClients   = 3
	worldProcesses = 2
	worldSteps     = 11
)

func newWorld(seed uint64) *world {
	s := newSchedule(seed)
	w := &world{
		seed: seed, schedule: s, history: NewHistory(s.now), objects: new(memory.Objects),
		store: &store{Driver: memory.New(), random: rand.New(rand.NewPCG(seed, 2)), heads: make(map[string][]*stream.Head), begun: make(map[stream.Incarnation]bool), ended: make(map[string]int), asked: make(map[stream.Incarnation]int)},
	}
	if seed%4 > 0 {
		w.faults = 0.04
	}
	for range worldProcesses {
		w.processes = append(w.processes, w.start())
	}
	return w
}

// start starts a process.
func (w *world) start() *process {
	w.born++
	p := &process{faults: streamtest.NewFaults(w.store)}
	p.faults.Random(w.seed+uint64(w.born), w.faults)
	driver := turns{p.faults, w.store, w.schedule, fmt.Sprint("process ", w.born), func() bool { return !p.crashed.Load() }}
	p.faults.Each(driver.each)
	limits := streamtest.Tiny()
	limits.PageSize, limits.EarlyWait = 120, 3*time.Millisecond
	var err error
	p.log, err = stream.New(driver, stream.Options{
		Objects: streamtest.NewObjectFaults(w.objects, p.faults), Limits: limits,
		Poll:   stream.Poll{Fast: 2 * time.Millisecond, Idle: 5 * time.Millisecond},
		Random: &randomness{source: rand.New(rand.NewPCG(w.seed, uint64(100+w.born)))},
	})
	if err != nil {
		panic(err) // the limits are ours
	}
	p.handler, err = protocol.New(p.log, protocol.Config{LongPollWait: 20 * time.Millisecond, SSELifetime: 30 * time.Millisecond})
	if err != nil {
		panic(err) // so are these
	}
	return p
}

// crash ends a process at its next call, of which anything may become, and starts another one.
func (w *world) crash() {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := w.schedule.random.IntN(worldProcesses)
	p := w.processes[i]
	kinds := []streamtest.Kind{streamtest.Lost, streamtest.Applied, streamtest.Late}
	p.faults.ScriptNth(1, kinds[w.schedule.random.IntN(len(kinds))])
	p.faults.ThenDie()
	p.crashed.Store(true)
	w.crashes++
	w.processes[i] = w.start()
	w.processes = append(w.processes, p)
}

// chance is what happens now and then: what was late is delivered, or a process crashes.
func (w *world) chance() {
	if w.faults > 0 && w.schedule.random.IntN(4) == 0 {
		w.crash()
		return
	}
	w.deliver()
}

func (w *world) deliver() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.processes {
		p.faults.ReleaseLate()
	}
}

var errCrashed = errors.New("the process has crashed")

// balancer sends each request of a client to some process.
type balancer struct {
	world  *world
	random *rand.Rand
}

// Do implements [Doer].
func (b *balancer) Do(r *http.Request) (*http.Response, error) {
	b.world.mu.Lock()
	p := b.world.processes[b.random.IntN(worldProcesses)]
	b.world.mu.Unlock()
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	if p.crashed.Load() {
		return nil, errCrashed
	}
	return w.Result(), nil
}

// run lets the clients loose, and returns when all is read in the end.
func (w *world) run(ctx context.Context) {
	profile := rand.New(rand.NewPCG(w.seed, 3))
	names := []string{"a", "b", "c"}[:1+2*profile.IntN(2)]
	contentType := []string{jsonType, textType}[profile.IntN(2)]
	ends, large := profile.IntN(3) > 0, 60*profile.IntN(3)
	var clients sync.WaitGroup
	done := make(chan struct{})
	for id := range worldClients {
		walk := w.walk(id, names, contentType)
		walk.Ends, walk.Large = ends, large
		clients.Go(func() {
			for range worldSteps {
				w.schedule.await(fmt.Sprint("client ", id), "request")
				walk.Step(ctx)
			}
		})
	}
	background := make(chan struct{})
	go func() { defer close(background); w.background(ctx, names, done) }()
	finished := make(chan struct{})
	go func() {
		clients.Wait()
		close(done)
		<-background
		// What is late is delivered before the last reads.
		w.mu.Lock()
		for _, p := range w.processes {
			p.faults.Stop()
		}
		w.mu.Unlock()
		w.deliver()
		w.walk(worldClients, names, contentType).Audit(ctx)
		close(finished)
	}()
	w.schedule.run(func() bool {
		select {
		case <-finished:
			return true
		default:
			return false
		}
	}, w.chance)
	for _, p := range w.processes {
		w.injected += len(p.faults.Injected())
	}
}

func (w *world) walk(id int, names []string, contentType string) *Walk {
	random := rand.New(rand.NewPCG(w.seed, uint64(10+id)))
	return &Walk{
		Client: Client{
			History: w.history, Group: fmt.Sprintf("seed-%d", w.seed), ID: id,
			HTTP: &balancer{world: w, random: random}, Base: "http://world" + worldPath, Path: worldPath,
		},
		Names: names, Type: contentType, Random: random,
	}
}

const worldPath = "/v1/stream/"

// background compacts, collects and sweeps, in some process, until done.
func (w *world) background(ctx context.Context, names []string, done <-chan struct{}) {
	random := rand.New(rand.NewPCG(w.seed, 4))
	for {
		select {
		case <-done:
			return
		case <-time.After(time.Duration(1+random.IntN(10)) * time.Millisecond):
		}
		w.mu.Lock()
		p := w.processes[random.IntN(worldProcesses)]
		w.mu.Unlock()
		// What fails is done again.
		switch random.IntN(4) {
		case 0:
			_, _ = p.log.Sweep(ctx, stream.SweepOptions{IdleAfter: time.Millisecond, Items: 20, Objects: 20, Lives: 5})
		case 1:
			_, _ = p.log.Collect(ctx, 5)
		default:
			_, _ = p.log.Compact(ctx, names[random.IntN(len(names))])
		}
	}
}

// store is a driver in memory to which requests travel. Its eventually consistent reads return any
// head that there was in the last while. A creation that arrives twice, because its first attempt
// was late, creates a stream once (DESIGN.md, "When a write's outcome is unknown").
type store struct {
	stream.Driver
	mu     sync.Mutex
	random *rand.Rand
	heads  map[string][]*stream.Head
	begun  map[stream.Incarnation]bool
	// ended counts the lives of a name that were deleted, and asked says how many there were when
	// a creation was asked for: one that arrives after another deletion comes too late.
	ended map[string]int
	asked map[stream.Incarnation]int
}

// ask notes that a creation is asked for.
func (s *store) ask(name string, head *stream.Head) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[head.Incarnation] = s.ended[name]
}

// Delete implements [stream.Heads].
func (s *store) Delete(ctx context.Context, name string, inc stream.Incarnation, owed ...stream.Notice) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.Driver.Delete(ctx, name, inc, owed...)
	if err == nil {
		s.ended[name]++
	}
	return err
}

// Head implements [stream.Heads].
func (s *store) Head(ctx context.Context, name string, c stream.Consistency) (*stream.Head, error) {
	h, err := s.Driver.Head(ctx, name, c)
	if err != nil && !errors.Is(err, stream.ErrNoHead) {
		return h, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	recent := append(s.heads[name], h)
	s.heads[name] = recent[max(0, len(recent)-6):]
	if c == stream.Eventual {
		if h = s.heads[name][s.random.IntN(len(s.heads[name]))]; h == nil {
			return nil, stream.ErrNoHead
		}
		return h, nil
	}
	return h, err
}

// Create implements [stream.Heads].
func (s *store) Create(ctx context.Context, name string, head, replaced *stream.Head, owed ...stream.Notice) error {
	return s.begin(ctx, name, head, func() error { return s.Driver.Create(ctx, name, head, replaced, owed...) })
}

// Fork implements [stream.Forks].
func (s *store) Fork(ctx context.Context, name string, head, replaced *stream.Head, lineage *stream.Lineage, now time.Time, owed ...stream.Notice) error {
	return s.begin(ctx, name, head, func() error { return s.Driver.Fork(ctx, name, head, replaced, lineage, now, owed...) })
}

func (s *store) begin(ctx context.Context, name string, head *stream.Head, create func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.begun[head.Incarnation] || s.asked[head.Incarnation] < s.ended[name] {
		h, err := s.Driver.Head(ctx, name, stream.Strong)
		if err != nil && !errors.Is(err, stream.ErrNoHead) {
			return err
		}
		return &stream.RefusedError{Head: h}
	}
	err := create()
	s.begun[head.Incarnation] = err == nil
	return err
}

// randomness is a source that is safe for concurrent use.
type randomness struct {
	mu     sync.Mutex
	source *rand.Rand
}

// Read implements [io.Reader].
func (r *randomness) Read(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := 0; i < len(b); i += 8 {
		var word [8]byte
		binary.LittleEndian.PutUint64(word[:], r.source.Uint64())
		copy(b[i:], word[:])
	}
	return len(b), nil
}

var _ io.Reader = (*randomness)(nil)
