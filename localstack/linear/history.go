package linear

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// History is what clients did to groups of streams, and what they were told. It is safe for
// concurrent use.
type History struct {
	// now is a clock that does not go back.
	now func() int64

	mu     sync.Mutex
	pairs  int
	groups map[string][]porcupine.Operation
}

// NewHistory returns an empty history with a clock, which must not go back.
func NewHistory(now func() int64) *History {
	return &History{now: now, groups: make(map[string][]porcupine.Operation)}
}

// never is when an operation returns whose outcome is unknown.
const never = math.MaxInt64

// add notes a request of a client to a group, sent at a time. One whose outcome is unknown
// never returned.
func (h *History) add(group string, client int, r Request, sent int64, a Answer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	back := int64(never)
	if !a.Unknown {
		back = h.now()
	}
	op := porcupine.Operation{ClientId: client, Input: r, Call: sent, Output: a, Return: back}
	if r.Kind == Create && r.Source != "" && r.At == "" && (a.Unknown || a.Status == http.StatusCreated) {
		h.pairs++
		r.pair = h.pairs
		op.Input = r
		first := op
		first.Input = Request{Kind: peek, Name: r.Name, Source: r.Source, pair: r.pair}
		h.groups[group] = append(h.groups[group], first)
	}
	h.groups[group] = append(h.groups[group], op)
}

// event is a read that one of the events of a response made, and when it came.
type event struct {
	request Request
	answer  Answer
	came    int64
}

// addEvents notes a response of events to a client, which asked for it at a time.
func (h *History) addEvents(group string, client int, sent int64, events []event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pairs++
	for i, e := range events {
		e.request.pair, e.request.event, e.request.events = h.pairs, i, len(events)
		h.groups[group] = append(h.groups[group], porcupine.Operation{ClientId: client, Input: e.request, Call: sent, Output: e.answer, Return: e.came})
	}
}

// Checked is what a check has looked at.
type Checked struct {
	// Groups were checked, with so many Operations, of which so many are Unknown.
	Groups, Operations, Unknown int
}

// Check searches for an order of each group's operations, for as long as it may take for each.
// It fails if there is none, or none was found in time; then it names a file in dir that shows
// the history in a browser.
func (h *History) Check(dir string, patience time.Duration) (Checked, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var c Checked
	var errs []error
	for group, ops := range h.groups {
		c.Groups++
		c.Operations += len(ops)
		for _, op := range ops {
			if op.Output.(Answer).Unknown {
				c.Unknown++
			}
		}
		if err := check(group, ops, dir, patience); err != nil {
			errs = append(errs, err)
		}
	}
	return c, errors.Join(errs...)
}

func check(group string, ops []porcupine.Operation, dir string, patience time.Duration) error {
	m := model()
	result, info := porcupine.CheckOperationsVerbose(m, slices.Clone(ops), patience)
	if result == porcupine.Ok {
		return nil
	}
	what := "no order of its operations explains all answers"
	if result == porcupine.Unknown {
		what = fmt.Sprintf("no order of its operations was found in %v", patience)
	}
	file := filepath.Join(dir, "history-"+strings.ReplaceAll(group, "/", "-")+".html")
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		err = porcupine.VisualizePath(m, info, file)
	}
	if err != nil {
		return fmt.Errorf("%s: %s, and it could not be shown: %w", group, what, err)
	}
	return fmt.Errorf("%s: %s; see %s\n%s", group, what, file, stuck(info))
}

// stuck tells of the longest order that was found, and what does not continue it.
func stuck(info porcupine.LinearizationInfo) string {
	var best []porcupine.Operation
	for _, orders := range info.PartialLinearizationsOperations() {
		for _, order := range orders {
			if len(order) > len(best) {
				best = order
			}
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "the longest order has %d of them, and ends with", len(best))
	m := model()
	s := m.Init()
	for i, op := range best {
		_, s = m.Step(s, op.Input, op.Output)
		if i >= len(best)-5 {
			fmt.Fprintf(&b, "\n\t%s", m.DescribeOperation(op.Input, op.Output))
		}
	}
	fmt.Fprintf(&b, "\nand the state\n\t%s", m.DescribeState(s))
	return b.String()
}
