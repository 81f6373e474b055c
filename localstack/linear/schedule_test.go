package linear

import (
	"cmp"
	"context"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing/synctest"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
	"github.com/commoncurriculum/durable-streams-aws/pkg/streamtest"
)

// schedule lets one of several goroutines go on at a time, and a seed decides which: each waits
// for its turn before every call to its driver, and before every request that it makes. It needs
// a bubble of testing/synctest, which tells when all wait.
type schedule struct {
	random *rand.Rand

	mu      sync.Mutex
	waiting []*turn
	// step counts turns. It is the clock of the history.
	step int64
	// trace is a hash of all turns.
	trace uint64
}

// turn is a goroutine that waits for its turn to do something.
type turn struct {
	who, what string
	granted   chan struct{}
}

func newSchedule(seed uint64) *schedule {
	return &schedule{random: rand.New(rand.NewPCG(seed, 1))}
}

func (s *schedule) now() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.step
}

// await waits for a turn.
func (s *schedule) await(who, what string) {
	t := &turn{who, what, make(chan struct{})}
	s.mu.Lock()
	s.waiting = append(s.waiting, t)
	s.mu.Unlock()
	<-t.granted
}

// turns is the driver of a process, above its faults, whose calls wait for their turns as long as
// the process is alive.
type turns struct {
	stream.Driver
	store    *store
	schedule *schedule
	who      string
	alive    func() bool
}

func (t turns) await(what string) {
	if t.alive() {
		t.schedule.await(t.who, what+" for "+caller())
	}
}

// each has all calls wait but those for heads: there are so many of them that a turn says of which
// stream they are.
func (t turns) each(m streamtest.Method) {
	if m != streamtest.Head {
		t.await(string(m))
	}
}

// Head implements [stream.Heads].
func (t turns) Head(ctx context.Context, name string, c stream.Consistency) (*stream.Head, error) {
	t.await("Head of " + name)
	return t.Driver.Head(ctx, name, c)
}

// Create implements [stream.Heads].
func (t turns) Create(ctx context.Context, name string, head, replaced *stream.Head, owed ...stream.Notice) error {
	t.store.ask(name, head)
	return t.Driver.Create(ctx, name, head, replaced, owed...)
}

// Fork implements [stream.Forks].
func (t turns) Fork(ctx context.Context, name string, head, replaced *stream.Head, lineage *stream.Lineage, now time.Time, owed ...stream.Notice) error {
	t.store.ask(name, head)
	return t.Driver.Fork(ctx, name, head, replaced, lineage, now, owed...)
}

// caller tells apart by their stacks who make the same call at once: a reader, say, and the poll
// for another one.
func caller() string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(4, pcs)])
	h := fnv.New32a()
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		_, _ = io.WriteString(h, f.Function) // never fails
	}
	return strconv.FormatUint(uint64(h.Sum32()), 36)
}

// run grants turns until over says that all is done. Now and then time passes instead, or chance
// has something else happen.
func (s *schedule) run(over func() bool, chance func()) {
	for {
		synctest.Wait()
		s.mu.Lock()
		s.step++
		n := len(s.waiting)
		s.mu.Unlock()
		switch done := over(); {
		case done && n == 0:
			return
		case done:
			s.grant() // a poll for somebody who has left
		case n == 0 || s.random.IntN(12) == 0:
			time.Sleep(time.Duration(1+s.random.IntN(8)) * time.Millisecond)
		case s.random.IntN(40) == 0:
			chance()
		default:
			s.grant()
		}
	}
}

// grant gives the next turn to one of those who wait.
func (s *schedule) grant() {
	s.mu.Lock()
	defer s.mu.Unlock()
	// In which order they came to wait is nobody's decision.
	slices.SortStableFunc(s.waiting, func(a, b *turn) int { return cmp.Or(cmp.Compare(a.who, b.who), cmp.Compare(a.what, b.what)) })
	i := s.random.IntN(len(s.waiting))
	t := s.waiting[i]
	s.waiting = slices.Delete(s.waiting, i, i+1)
	h := fnv.New64a()
	_, _ = io.WriteString(h, t.who+" "+t.what) // never fails
	s.trace = s.trace*31 + h.Sum64()
	close(t.granted)
}
