//go:build unix

package host

import "slices"

// Stats are counts since the function was made, and its processes now.
type Stats struct {
	// Invocations were given to a process; Throttles were refused. ColdStarts are
	// processes started.
	Invocations, Throttles, ColdStarts int
	// Errors were reported by the function. Timeouts and Crashes are those of
	// processes, during init as well.
	Errors, Timeouts, Crashes int
	// Processes are those that have not ended, by number.
	Processes []ProcessStats
}

// ProcessStats describes a process.
type ProcessStats struct {
	// Number counts the function's processes from 1; PID is the operating system's,
	// 0 before it is started.
	Number, PID int
	// Requests is how many invocations it was given.
	Requests int
	State    State
}

// State is what a process does.
type State string

// The states of a process.
const (
	Starting State = "starting"
	Busy     State = "busy"
	// Idle waits for an invocation; Frozen does so without running.
	Idle   State = "idle"
	Frozen State = "frozen"
	Ending State = "ending"
)

// Stats returns the counts at this moment.
func (f *Function) Stats() Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.stats
	for p := range f.processes {
		s.Processes = append(s.Processes, p.stats())
	}
	slices.SortFunc(s.Processes, func(a, b ProcessStats) int { return a.Number - b.Number })
	return s
}

func (f *Function) count(change func(*Stats)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.stats)
}
