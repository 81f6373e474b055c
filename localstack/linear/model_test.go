package linear

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// An operation of a history that is written down: from when to when, and what.
func op(from, to int64, r Request, a Answer) porcupine.Operation {
	if a.Unknown {
		to = never
	}
	return porcupine.Operation{Input: r, Output: a, Call: from, Return: to}
}

func created(next string) Answer { return Answer{Status: 201, Next: next, Type: textType} }
func appended(next string) Answer {
	return Answer{Status: 204, Next: next}
}
func page(text, next string) Answer {
	return Answer{Status: 200, Text: text, Next: next, UpToDate: true}
}
func produced(status int, next string, number uint64) Answer {
	return Answer{Status: status, Next: next, Producer: true, Number: number}
}

var (
	unknown   = Answer{Unknown: true}
	missing   = Answer{Status: 404}
	gone      = Answer{Status: 410}
	conflict  = Answer{Status: 409}
	deletedOK = Answer{Status: 204}

	put     = Request{Kind: Create, Name: "a", Type: textType}
	del     = Request{Kind: Delete, Name: "a"}
	headOf  = Request{Kind: Head, Name: "a"}
	fromNow = Request{Kind: Read, Name: "a", From: "now"}
)

func add(text string) Request { return Request{Kind: Append, Name: "a", Type: textType, Text: text} }
func from(offset string) Request {
	return Request{Kind: Read, Name: "a", From: offset}
}
func by(number uint64, text string) Request {
	r := add(text)
	r.Producer, r.Number = "p", number
	return r
}
func fork(name, source, at string) Request {
	return Request{Kind: Create, Name: name, Source: source, At: at}
}

// TestHistories: the checker accepts what can be explained, and nothing else.
func TestHistories(t *testing.T) {
	start := op(1, 2, put, created("0"))
	for _, h := range []struct {
		name  string
		right bool
		ops   []porcupine.Operation
	}{
		{"nothing", true, nil},
		{"appends are read", true, []porcupine.Operation{start, op(3, 4, add("x;"), appended("2")), op(5, 6, from("-1"), page("x;", "2"))}},
		{"a read beside an append sees it or not", true, []porcupine.Operation{
			start, op(3, 9, add("x;"), appended("2")), op(4, 5, from("-1"), page("", "0")), op(6, 7, from("-1"), page("x;", "2")), op(7, 8, from("0"), page("x;", "2")),
		}},
		{"a stale read", false, []porcupine.Operation{start, op(3, 4, add("x;"), appended("2")), op(5, 6, from("-1"), page("", "0"))}},
		{"reads that go back", false, []porcupine.Operation{
			start, op(3, 9, add("x;"), appended("2")), op(4, 5, from("-1"), page("x;", "2")), op(6, 7, from("-1"), page("", "0")),
		}},
		{"a stale head", false, []porcupine.Operation{start, op(3, 4, add("x;"), appended("2")), op(5, 6, headOf, Answer{Status: 200, Next: "0", Type: textType})}},
		{"a lost append", false, []porcupine.Operation{
			start, op(3, 4, add("x;"), appended("2")), op(5, 6, add("y;"), appended("4")), op(7, 8, from("-1"), page("y;", "4")),
		}},
		{"a repeated append", false, []porcupine.Operation{start, op(3, 4, add("x;"), appended("2")), op(5, 6, from("-1"), page("x;x;", "4"))}},
		{"appends in another order than they were acknowledged", false, []porcupine.Operation{
			start, op(3, 4, add("x;"), appended("2")), op(5, 6, add("y;"), appended("4")), op(7, 8, from("-1"), page("y;x;", "4")),
		}},
		{"a read past a gap", false, []porcupine.Operation{
			start, op(3, 4, add("x;"), appended("2")), op(5, 6, add("y;"), appended("4")), op(7, 8, from("0"), page("y;", "4")),
		}},
		{"an offset that is another place", false, []porcupine.Operation{start, op(3, 4, add("x;"), appended("2")), op(5, 6, add("y;"), appended("2"))}},
		{"a place that is another offset", false, []porcupine.Operation{start, op(3, 4, add("x;"), appended("2")), op(5, 6, fromNow, page("", "3"))}},
		{"up to date, and it is not", false, []porcupine.Operation{start, op(3, 4, add("x;y;"), appended("4")), op(5, 6, from("-1"), page("x;", "2"))}},
		{"two who both created", false, []porcupine.Operation{op(1, 4, put, created("0")), op(2, 3, put, created("0"))}},
		{"one who created, and one who found it", true, []porcupine.Operation{op(1, 4, put, created("0")), op(2, 3, put, Answer{Status: 200, Next: "0", Type: textType})}},
		{"a creation between two others", true, []porcupine.Operation{op(1, 4, put, created("0")), op(2, 5, del, deletedOK), op(3, 6, put, created("0"))}},
		{"an append to what was deleted", false, []porcupine.Operation{start, op(3, 4, del, deletedOK), op(5, 6, add("x;"), appended("2"))}},
		{"text of the life before", false, []porcupine.Operation{
			start, op(3, 4, add("x;"), appended("2")), op(5, 6, del, deletedOK), op(7, 8, put, created("0")), op(9, 10, from("-1"), page("x;", "2")),
		}},

		{"an unknown append that was applied late", true, []porcupine.Operation{
			start, op(3, 0, add("x;"), unknown), op(4, 5, from("-1"), page("", "0")), op(6, 7, from("-1"), page("x;", "2")),
		}},
		{"an unknown append that was never applied", true, []porcupine.Operation{start, op(3, 0, add("x;"), unknown), op(4, 5, from("-1"), page("", "0"))}},
		{"an unknown append that was applied twice", false, []porcupine.Operation{start, op(3, 0, add("x;"), unknown), op(4, 5, from("-1"), page("x;x;", "4"))}},
		{"an unknown append that comes and goes", false, []porcupine.Operation{
			start, op(3, 0, add("x;"), unknown), op(4, 5, from("-1"), page("x;", "2")), op(6, 7, from("-1"), page("", "0")),
		}},

		{"a producer's append and its repetition", true, []porcupine.Operation{start, op(3, 4, by(0, "x;"), produced(200, "2", 0)), op(5, 6, by(0, "x;"), produced(204, "2", 0))}},
		{"a producer's append, twice", false, []porcupine.Operation{start, op(3, 4, by(0, "x;"), produced(200, "2", 0)), op(5, 6, by(0, "x;"), produced(200, "4", 0))}},
		{"a duplicate of nothing", false, []porcupine.Operation{start, op(3, 4, by(0, "x;"), produced(204, "0", 0))}},
		{"a gap that is none", false, []porcupine.Operation{
			start, op(3, 4, by(0, "x;"), produced(200, "2", 0)), op(5, 6, by(1, "y;"), Answer{Status: 409, Gap: true, Expected: 0}),
		}},
		{"a gap that was let pass", false, []porcupine.Operation{start, op(3, 4, by(0, "x;"), produced(200, "2", 0)), op(5, 6, by(2, "y;"), produced(200, "4", 2))}},
		{"a sequence that falls", false, []porcupine.Operation{
			start, op(3, 4, Request{Kind: Append, Name: "a", Type: textType, Text: "x;", Seq: "2"}, appended("2")),
			op(5, 6, Request{Kind: Append, Name: "a", Type: textType, Text: "y;", Seq: "1"}, appended("4")),
		}},
		{"an append after the end", false, []porcupine.Operation{
			start, op(3, 4, Request{Kind: Append, Name: "a", Closed: true}, Answer{Status: 204, Next: "0", Closed: true}), op(5, 6, add("x;"), appended("2")),
		}},
		{"closed, and then not", false, []porcupine.Operation{
			start, op(3, 4, Request{Kind: Append, Name: "a", Closed: true}, Answer{Status: 204, Next: "0", Closed: true}), op(5, 6, from("-1"), page("", "0")),
		}},

		{"a fork has what was before", true, []porcupine.Operation{
			start, op(3, 4, add("x;"), appended("2")), op(5, 6, add("y;"), appended("4")), op(7, 8, fork("b", "a", "2"), created("2")),
			op(9, 10, Request{Kind: Read, Name: "b", From: "-1"}, page("x;", "2")),
		}},
		{"a fork has what came later", false, []porcupine.Operation{
			start, op(3, 4, add("x;"), appended("2")), op(5, 6, add("y;"), appended("4")), op(7, 8, fork("b", "a", "2"), created("2")),
			op(9, 10, Request{Kind: Read, Name: "b", From: "-1"}, page("x;y;", "4")),
		}},
		{"a source that forks need is gone, and its name taken", true, []porcupine.Operation{
			start, op(3, 4, fork("b", "a", "0"), created("0")), op(5, 6, del, deletedOK), op(7, 8, headOf, gone), op(9, 10, put, conflict),
		}},
		{"a source that forks need is forgotten", false, []porcupine.Operation{
			start, op(3, 4, fork("b", "a", "0"), created("0")), op(5, 6, del, deletedOK), op(7, 8, headOf, missing),
		}},
		{"a source is forgotten after its last fork, and stays so", false, []porcupine.Operation{
			start, op(3, 4, fork("b", "a", "0"), created("0")), op(5, 6, del, deletedOK), op(7, 8, Request{Kind: Delete, Name: "b"}, deletedOK),
			op(9, 10, headOf, gone), op(11, 12, headOf, missing), op(13, 14, headOf, gone),
		}},
	} {
		h2 := NewHistory(nil)
		h2.groups[h.name] = h.ops
		dir := t.TempDir()
		if _, err := h2.Check(dir, time.Minute); (err == nil) != h.right {
			t.Errorf("%s: %v", h.name, err)
		} else if files, _ := os.ReadDir(dir); err != nil && (len(files) != 1 || !strings.Contains(err.Error(), files[0].Name())) {
			t.Errorf("%s: the history is in %v, and the error says %v", h.name, files, err)
		}
	}
}

// TestForksAtTheEnd: a fork that names no offset parts where its source ended when it was asked
// for, though it is created later, and not elsewhere.
func TestForksAtTheEnd(t *testing.T) {
	for text, right := range map[string]bool{"x;": true, "x;y;": true, "": false} {
		next := map[string]string{"x;": "2", "x;y;": "4", "": "0"}[text]
		now := int64(0)
		h := NewHistory(func() int64 { now++; return now })
		told := func(r Request, a Answer) { h.add("g", 0, r, h.now(), a) }
		told(put, created("0"))
		told(add("x;"), appended("2"))
		sent := h.now()
		told(add("y;"), appended("4"))
		told(Request{Kind: Head, Name: "b"}, missing)
		h.add("g", 1, fork("b", "a", ""), sent, created(next))
		told(Request{Kind: Read, Name: "b", From: "-1"}, page(text, next))
		if _, err := h.Check(t.TempDir(), time.Minute); (err == nil) != right {
			t.Errorf("a fork with %q: %v", text, err)
		}
	}
}

// TestNoOrderInTime: a search that is given up is not a history that is right.
func TestNoOrderInTime(t *testing.T) {
	h := NewHistory(nil)
	for n := range int64(40) {
		h.groups["g"] = append(h.groups["g"], op(n, 1000, add("x;"), unknown), op(n, 1000, headOf, Answer{Status: 500}))
	}
	if _, err := h.Check(t.TempDir(), time.Nanosecond); err == nil || !strings.Contains(err.Error(), "was found in") {
		t.Errorf("the check says %v", err)
	}
}
