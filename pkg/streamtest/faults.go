package streamtest

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Method is a method of [stream.Driver].
type Method string

// The methods that change something, and those that do not.
const (
	Create        Method = "Create"
	Commit        Method = "Commit"
	Update        Method = "Update"
	Trim          Method = "Trim"
	Compact       Method = "Compact"
	Delete        Method = "Delete"
	PutChunk      Method = "PutChunk"
	PutStaged     Method = "PutStaged"
	Retire        Method = "Retire"
	Discard       Method = "Discard"
	SpillProducer Method = "SpillProducer"
	PutManifest   Method = "PutManifest"
	Settle        Method = "Settle"
	Tell          Method = "Tell"
	Fork          Method = "Fork"
	Release       Method = "Release"
	SetCursor     Method = "SetCursor"

	Head            Method = "Head"
	Chunks          Method = "Chunks"
	Staged          Method = "Staged"
	SpilledProducer Method = "SpilledProducer"
	Manifests       Method = "Manifests"
	Owed            Method = "Owed"
	Unsettled       Method = "Unsettled"
	Owing           Method = "Owing"
	Lineage         Method = "Lineage"
	Forks           Method = "Forks"
	Streams         Method = "Streams"
	Segments        Method = "Segments"
	Inventory       Method = "Inventory"
	Cursor          Method = "Cursor"
)

// Writes are the methods that change something.
var Writes = []Method{Create, Commit, Update, Trim, Compact, Delete, PutChunk, PutStaged, Retire, Discard, SpillProducer, PutManifest, Settle, Tell, Fork, Release, SetCursor}

// Reads are the methods that do not.
var Reads = []Method{Head, Chunks, Staged, SpilledProducer, Manifests, Owed, Unsettled, Owing, Lineage, Forks, Streams, Segments, Inventory, Cursor}

// Kind is a way in which a call fails.
type Kind int

const (
	// None: the call does not fail.
	None Kind = iota
	// NotApplied: no effect, and the caller is told so.
	NotApplied
	// Rejected: no effect, and the caller is told that trying again is of no use.
	Rejected
	// Lost: no effect, and the caller does not know. All other kinds but Rejected are
	// the same for a read.
	Lost
	// Applied: the effect takes place, and the caller does not know.
	Applied
	// Late: the effect takes place when ReleaseLate is called, and the caller does
	// not know.
	Late
)

// Kinds are all ways in which a write fails.
var Kinds = []Kind{NotApplied, Rejected, Lost, Applied, Late}

// certain reports whether the caller is told that there was no effect.
func (k Kind) certain() bool { return k == NotApplied || k == Rejected }

func (k Kind) String() string {
	return [...]string{"None", "NotApplied", "Rejected", "Lost", "Applied", "Late"}[k]
}

// errInjected is the error of a call whose outcome the caller does not know.
var errInjected = errors.New("streamtest: injected failure")

// Faults is a driver that fails on demand, and passes everything else on to
// another one. It is safe for concurrent use.
type Faults struct {
	driver stream.Driver

	each func(Method)

	mu       sync.Mutex
	counts   map[Method]int
	script   map[call]Kind
	total    int
	between  map[int]func()
	then     []func()
	nth      map[int]Kind
	dead     Kind     // how all calls fail; None if they do not
	failing  []Method // only these, unless there are none
	random   *rand.Rand
	rate     float64
	late     []func()
	injected []string
}

// call is the nth call of a method, counted from 1.
type call struct {
	method Method
	n      int
}

// NewFaults returns a driver without faults yet.
func NewFaults(d stream.Driver) *Faults {
	return &Faults{driver: d, counts: make(map[Method]int), script: make(map[call]Kind), between: make(map[int]func()), nth: make(map[int]Kind)}
}

// Script makes the nth call of a method fail, counted from 1 from now on, and the
// calls after it too, one for each further kind.
func (f *Faults) Script(m Method, n int, kinds ...Kind) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, k := range kinds {
		f.script[call{m, f.counts[m] + n + i}] = k
	}
}

// Then makes the calls of a method fail that follow the first scripted fault, one
// for each kind.
func (f *Faults) Then(m Method, kinds ...Kind) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.then = append(f.then, func() {
		for i, k := range kinds {
			f.script[call{m, f.counts[m] + 1 + i}] = k
		}
	})
}

// Before runs something just before the nth call of any method, counted from 1
// from now on.
func (f *Faults) Before(n int, do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.between[f.total+n] = do
}

// Total returns how many calls there were.
func (f *Faults) Total() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.total
}

// ThenDie makes all calls fail, without effect, that follow the first scripted
// fault: as if the process had crashed there.
func (f *Faults) ThenDie() { f.ThenFail(Lost) }

// ThenFail makes all calls fail in one way that follow the first scripted fault:
// of the methods given, or of all methods.
func (f *Faults) ThenFail(k Kind, methods ...Method) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.then = append(f.then, func() { f.dead, f.failing = k, methods })
}

// ScriptNth makes the nth call of any method fail, counted from 1 from now on.
func (f *Faults) ScriptNth(n int, k Kind) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.nth[f.total+n] = k
}

// Dead reports whether all calls fail now.
func (f *Faults) Dead() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dead != None
}

// Random makes calls fail at random: a share of them, in any way.
func (f *Faults) Random(seed uint64, share float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.random, f.rate = rand.New(rand.NewPCG(seed, 0)), share
}

// Stop ends all faults. What is late remains so.
func (f *Faults) Stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.random, f.dead = nil, None
	clear(f.script)
	clear(f.nth)
}

// ReleaseLate lets the effects of late writes take place, as far as their
// conditions still hold.
func (f *Faults) ReleaseLate() {
	f.mu.Lock()
	late := f.late
	f.late = nil
	f.mu.Unlock()
	for _, apply := range late {
		apply()
	}
}

// Calls returns how often each method was called.
func (f *Faults) Calls() map[Method]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.counts)
}

// Injected lists the faults so far.
func (f *Faults) Injected() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.injected...)
}

// next decides on the next call of a method.
func (f *Faults) next(m Method) (n int, k Kind) {
	if f.each != nil {
		f.each(m)
	}
	f.mu.Lock()
	f.total++
	if do := f.between[f.total]; do != nil {
		f.mu.Unlock()
		do()
		f.mu.Lock()
	}
	defer f.mu.Unlock()
	f.counts[m]++
	n = f.counts[m]
	if f.dead != None && (len(f.failing) == 0 || slices.Contains(f.failing, m)) {
		return n, f.dead
	}
	if k = max(f.script[call{m, n}], f.nth[f.total]); k != None {
		for _, then := range f.then {
			then()
		}
		f.then = nil
	}
	if k == None && f.random != nil && f.random.Float64() < f.rate {
		k = Kinds[f.random.IntN(len(Kinds))]
	}
	if k != None {
		f.injected = append(f.injected, fmt.Sprintf("%s %d: %v", m, n, k))
	}
	return n, k
}

// write passes a write on, unless it is to fail. The write must put results where
// only a call that does not fail returns them.
func (f *Faults) write(m Method, write func() error) error {
	n, k := f.next(m)
	unknown := fmt.Errorf("%w: %s %d: %v", errInjected, m, n, k)
	switch k {
	case NotApplied:
		return fmt.Errorf("%w: %s %d", stream.ErrNotApplied, m, n)
	case Rejected:
		return fmt.Errorf("%w: %s %d", stream.ErrRejected, m, n)
	case Lost:
		return unknown
	case Applied:
		write()
		return unknown
	case Late:
		f.mu.Lock()
		f.late = append(f.late, func() { write() })
		f.mu.Unlock()
		return unknown
	default:
		return write()
	}
}

// read passes a read on, unless it is to fail.
func (f *Faults) read(m Method, read func() error) error {
	switch n, k := f.next(m); k {
	case None:
		return read()
	case Rejected:
		return fmt.Errorf("%w: %s %d", stream.ErrRejected, m, n)
	default:
		return fmt.Errorf("%w: %s %d", errInjected, m, n)
	}
}
