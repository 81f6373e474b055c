package linear

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Walk is what a client does, at random, to the streams of its group: Names[0], and forks of
// it. It never makes two requests at once.
type Walk struct {
	Client
	// Names are the group's streams; those after the first are forks of it, or of each other.
	Names []string
	// Type is the group's content type.
	Type string
	// Ends says whether streams are closed and deleted at all.
	Ends bool
	// Large is the length to which a record is filled now and then; 0 means never.
	Large int
	// Random decides everything.
	Random *rand.Rand

	written int
	// offsets are those that the client was told, for each stream.
	offsets map[string][]string
	// mine is the client's state as a producer, for each stream, and again its last request, if
	// it does not know what became of it.
	mine  map[string]*producer
	again map[string]*Request
	seq   int
}

// Step makes one request, or a few if what it would read takes several.
func (w *Walk) Step(ctx context.Context) {
	if w.offsets == nil {
		w.offsets, w.mine, w.again = make(map[string][]string), make(map[string]*producer), make(map[string]*Request)
	}
	name := w.Names[w.Random.IntN(len(w.Names))]
	if len(w.offsets[w.Names[0]]) == 0 {
		name = w.Names[0] // there is nothing to fork
	}
	if len(w.offsets[name]) == 0 && w.Random.IntN(4) > 0 {
		w.create(ctx, name)
		return
	}
	switch n := w.Random.IntN(100); {
	case n < 26:
		w.append(ctx, Request{Kind: Append, Name: name, Type: w.Type, Text: w.text()})
	case n < 44:
		w.produce(ctx, name)
	case n < 50:
		w.seq += w.Random.IntN(4)
		w.append(ctx, Request{Kind: Append, Name: name, Type: w.Type, Text: w.text(), Seq: fmt.Sprintf("%03d", w.seq)})
	case n < 56:
		w.create(ctx, name)
	case n < 62:
		w.note(name)(w.Do(ctx, Request{Kind: Head, Name: name}))
	case n < 66 && w.Ends:
		r := Request{Kind: Append, Name: name, Closed: true}
		if w.Random.IntN(2) == 0 {
			r.Type, r.Text = w.Type, w.text()
		}
		w.append(ctx, r)
	case n < 71 && w.Ends:
		w.Do(ctx, Request{Kind: Delete, Name: name})
		if w.Random.IntN(2) == 0 {
			delete(w.offsets, name) // and otherwise it goes on with those of a life that is over
		}
	case n < 80:
		w.note(name)(w.Get(ctx, name, w.offset(name), "long-poll"))
	case n < 86:
		w.note(name)(w.Get(ctx, name, w.offset(name), "sse"))
	case n < 90:
		w.note(name)(w.Get(ctx, name, "now", ""))
	default:
		w.note(name)(w.Get(ctx, name, w.offset(name), ""))
	}
}

// Audit reads all streams of the group whole, in every way, and asks for their heads. What fails
// for want of a server is tried again until ctx ends; then it reports false.
func (w *Walk) Audit(ctx context.Context) bool {
	for _, name := range w.Names {
		for ok := false; !ok; _, ok = w.Do(ctx, Request{Kind: Head, Name: name}) {
			if ctx.Err() != nil {
				return false
			}
		}
		for _, live := range []string{"", "sse", "long-poll"} {
			for from := "-1"; ; {
				a, ok := w.Get(ctx, name, from, live)
				switch {
				case ctx.Err() != nil:
					return false
				case !ok:
					continue
				}
				if from = a.Next; from == "" || a.UpToDate {
					break
				}
			}
		}
	}
	return true
}

// text returns records that nobody else writes.
func (w *Walk) text() string {
	var b strings.Builder
	for range 1 + w.Random.IntN(maxRecords) {
		w.written++
		fmt.Fprintf(&b, "%d.%d", w.ID, w.written)
		if w.Large > 0 && w.Random.IntN(4) == 0 {
			b.WriteString(strings.Repeat(filling, w.Large))
		}
		b.WriteString(stop)
	}
	return b.String()
}

// create creates a stream, or another client's again.
func (w *Walk) create(ctx context.Context, name string) {
	r := Request{Kind: Create, Name: name, Type: w.Type}
	if name != w.Names[0] {
		r.Type = ""
		r.Source = w.Names[w.Random.IntN(len(w.Names))]
		if r.Source == name {
			r.Source = w.Names[0]
		}
		if known := w.offsets[r.Source]; len(known) > 0 && w.Random.IntN(2) == 0 {
			r.At = known[w.Random.IntN(len(known))]
		}
	} else if w.Random.IntN(2) == 0 {
		r.Text = w.text()
	}
	r.Closed = w.Ends && w.Random.IntN(12) == 0
	w.note(name)(w.Do(ctx, r))
}

func (w *Walk) append(ctx context.Context, r Request) {
	w.note(r.Name)(w.Do(ctx, r))
}

// produce appends as a producer of the client's own: what comes next, or again what it does not
// know to have happened, or now and then something else.
func (w *Walk) produce(ctx context.Context, name string) {
	p, known := w.mine[name]
	if !known {
		p = &producer{}
		w.mine[name] = p
	}
	r := Request{Kind: Append, Name: name, Type: w.Type, Text: w.text(), Producer: fmt.Sprint("p", w.ID), Epoch: p.epoch, Number: p.number}
	again := w.again[name]
	switch n := w.Random.IntN(16); {
	case again != nil && n < 12:
		r = *again
	case n == 0:
		r.Number += 2
	case n < 3 && p.number > 0:
		r.Number--
	case n < 5 || again != nil:
		r.Epoch, r.Number = p.epoch+1, 0
	case n == 5 && p.epoch > 0:
		r.Epoch--
	case n == 6:
		r.Epoch++
	case n == 7 && w.Ends:
		r.Closed = true
	}
	a, ok := w.Do(ctx, r)
	w.note(name)(a, ok)
	w.again[name] = nil
	switch {
	case ok && a.Unknown:
		w.again[name] = &r
		fallthrough // the state is that of the request, or the one before
	case ok && a.Producer:
		p.epoch, p.number = max(r.Epoch, a.Epoch), max(r.Number, a.Number)+1
	case ok && a.Gap:
		p.epoch, p.number = r.Epoch, a.Expected
	case ok && a.Status == 404:
		*p = producer{}
	}
}

// note remembers an offset that was told.
func (w *Walk) note(name string) func(Answer, bool) {
	return func(a Answer, ok bool) {
		if ok && a.Next != "" {
			w.offsets[name] = append(w.offsets[name], a.Next)
		}
	}
}

// offset is where a read begins: at the start, or where the client has been; often where it was
// last.
func (w *Walk) offset(name string) string {
	known := w.offsets[name]
	switch {
	case len(known) == 0 || w.Random.IntN(4) == 0:
		return "-1"
	case w.Random.IntN(2) == 0:
		return known[len(known)-1]
	}
	return known[w.Random.IntN(len(known))]
}
