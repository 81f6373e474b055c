package linear

import (
	"fmt"
	"strings"
)

// Kind is what a request asks for.
type Kind string

// The kinds of requests, by section of the protocol.
const (
	Create Kind = "create" // 5.1, and 4.2 for forks
	Append Kind = "append" // 5.2, 5.2.1 and, without text, 5.3
	Delete Kind = "delete" // 5.4
	Head   Kind = "head"   // 5.5
	Read   Kind = "read"   // 5.6; 5.7 and 5.8 are reads that come later

	// peek is the first half of a fork that names no offset: it parts from its source where
	// that ends at some time of the request, and is created later.
	peek Kind = "peek"
)

// Request is one request to a stream, in the words of the model.
type Request struct {
	Kind Kind
	Name string
	// Type is the content type of what is created or appended.
	Type string
	// Text is what is appended, or created: its records, one after the other.
	Text string
	// Closed says that the stream is created closed, or is closed by the append.
	Closed bool
	// Seq is the append's Stream-Seq.
	Seq string
	// Producer, Epoch and Number identify the append of a producer; "" means none.
	Producer      string
	Epoch, Number uint64
	// Source is the stream that a fork parts from, at the offset At; empty means at its end.
	Source, At string
	// From is where a read begins: an offset, "-1" or "now".
	From string
	// pair joins a fork and its peek, and the events of one response; 0 means that there is none.
	// Such a read is that of the event with this number, of so many.
	pair, event, events int
}

// Answer is what the client was told.
type Answer struct {
	// Unknown says that nobody knows what became of the request: it may have taken effect, or
	// may still do so, once. Nothing else is set then.
	Unknown bool
	Status  int
	// Next is Stream-Next-Offset.
	Next string
	// Text is what was read.
	Text             string
	UpToDate, Closed bool
	Type             string
	// Producer tells that there is a producer's state: its Epoch and Number. Expected is the
	// number that a gap begins with; Gap tells that there is one.
	Producer, Gap           bool
	Epoch, Number, Expected uint64
}

// String is the request as it is shown in a history.
func (r Request) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", r.Kind, r.Name)
	for _, part := range []struct{ label, value string }{
		{"from ", r.From}, {"fork of ", r.Source}, {"at ", r.At}, {"seq ", r.Seq}, {"", short(r.Text)},
	} {
		if part.value != "" {
			fmt.Fprintf(&b, " %s%s", part.label, part.value)
		}
	}
	if r.Producer != "" {
		fmt.Fprintf(&b, " by %s %d.%d", r.Producer, r.Epoch, r.Number)
	}
	if r.Closed {
		b.WriteString(" closed")
	}
	return b.String()
}

// String is the answer as it is shown in a history.
func (a Answer) String() string {
	if a.Unknown {
		return "?"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d", a.Status)
	if a.Text != "" {
		fmt.Fprintf(&b, " %s", short(a.Text))
	}
	if a.Next != "" {
		fmt.Fprintf(&b, " next %s", a.Next)
	}
	if a.UpToDate {
		b.WriteString(" up to date")
	}
	if a.Closed {
		b.WriteString(" closed")
	}
	if a.Producer {
		fmt.Fprintf(&b, " producer %d.%d", a.Epoch, a.Number)
	}
	if a.Gap {
		fmt.Fprintf(&b, " expected %d", a.Expected)
	}
	return b.String()
}

// short leaves the filling of records out.
func short(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		n := len(text[i:]) - len(strings.TrimLeft(text[i:], filling))
		if n > 3 {
			fmt.Fprintf(&b, "%s*%d", filling, n)
		} else if n > 0 {
			b.WriteString(text[i : i+n])
		} else {
			b.WriteByte(text[i])
			n = 1
		}
		i += n
	}
	return b.String()
}
