package faults

import (
	"fmt"
	"strings"
)

// Kind is a way in which a request goes wrong.
type Kind string

// What happens to requests of any store.
const (
	// None: nothing.
	None Kind = ""
	// Latency: it is passed on some milliseconds later.
	Latency Kind = "latency"
	// Unconnected: no connection comes about. Through a proxy it is as NotSent.
	Unconnected Kind = "no connection"
	// NotSent: the connection breaks, and the request was not delivered.
	NotSent Kind = "reset, not delivered"
	// Lost: the store applies it, and then the connection breaks.
	Lost Kind = "reset, applied"
	// Late: the connection breaks, and the request is delivered later.
	Late Kind = "reset, delivered later"
	// Twice: it is answered, and delivered once more later, unless it was refused: that is
	// assumed to come again only if its client sends it again (docs/reliability.md).
	Twice Kind = "delivered twice"
	// Silent: it is neither delivered nor answered; the client gives up.
	Silent Kind = "not answered"
	// Answered: an error is answered instead of the store ([Error], [Page], [Cancelled]).
	Answered Kind = "error"
	// AnsweredAfter: the store applies it, and then that error is answered.
	AnsweredAfter Kind = "error, applied"
	// SlowBody: the answer's body arrives bit by bit.
	SlowBody Kind = "slow body"
	// TornBody: the connection breaks within the body of a good answer.
	TornBody Kind = "torn body"
	// TornAnswer: a good answer begins and breaks off, and the request was not delivered. No
	// store does that, so it is not among the random ones.
	TornAnswer Kind = "torn answer"
)

// What happens to requests of DynamoDB.
const (
	// Stale: an eventually consistent read is answered as it was some time before.
	Stale Kind = "stale read"
	// Unprocessed: a batch is done in part, which the answer says.
	Unprocessed Kind = "unprocessed items"
)

// What happens to requests of a bucket.
const (
	// Missing: an object is answered not to be there.
	Missing Kind = "missing object"
	// WrongLength: the answer has another length than was asked for.
	WrongLength Kind = "wrong length"
	// BitFlip: a bit of the body is another one.
	BitFlip Kind = "bit flip"
	// NotDeleted: a deletion is answered as done, and nothing was deleted.
	NotDeleted Kind = "not deleted"
	// StaleList: a list is answered as it was some time before.
	StaleList Kind = "stale list"
	// PartialWrite: the store keeps an object that arrived in part, and the connection
	// breaks. No store that is any good does: it is not among the random ones.
	PartialWrite Kind = "partial write"
)

// Fault is what happens to one request.
type Fault struct {
	Kind Kind
	// Status and Code are those of an error that is answered. Without a code it is a page
	// of something in between that does not speak the store's language.
	Status int
	Code   string
	// Reasons are why a transaction was cancelled, by its writes.
	Reasons []string
	// Draw decides on what is left open: how long, how late, where.
	Draw uint64
}

// Of is a fault of a kind that needs no more.
func Of(k Kind) Fault { return Fault{Kind: k} }

// Error is an error that the store answers without having applied anything.
func Error(status int, code string) Fault { return Fault{Kind: Answered, Status: status, Code: code} }

// ErrorAfter is an error that is answered although the request was applied.
func ErrorAfter(status int, code string) Fault {
	return Fault{Kind: AnsweredAfter, Status: status, Code: code}
}

// Page is the answer of something between client and store.
func Page(status int) Fault { return Fault{Kind: Answered, Status: status} }

// Cancelled is a transaction that was cancelled, with a reason for each of its writes.
func Cancelled(reasons ...string) Fault {
	return Fault{Kind: Answered, Status: 400, Code: "TransactionCanceledException", Reasons: reasons}
}

// Name is what the fault is counted as: its kind, and what is answered.
func (f Fault) Name() string {
	if f.Kind != Answered && f.Kind != AnsweredAfter {
		return string(f.Kind)
	}
	name := fmt.Sprintf("%s %d %s", f.Kind, f.Status, f.Code)
	if len(f.Reasons) > 0 {
		name += " " + strings.Join(f.Reasons, ",")
	}
	return name
}
