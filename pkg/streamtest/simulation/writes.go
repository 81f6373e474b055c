package simulation

import (
	"fmt"
	"strings"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// put is something that a client wrote, perhaps in several attempts, and what he was told.
type put struct {
	id, name string
	text     string
	records  stream.Records
	// request is what was sent last; nil for the first content of a stream.
	request *stream.Append
	// start is when the first attempt began, end when the last answer came.
	start, end time.Time
	// answer is what the client knows: accepted, duplicate, failed or unknown.
	answer verdict
	// tail is where it ended, if that was told.
	tail   stream.Offset
	placed []placement
	// givenUp says that the client waited no longer although the process may go on.
	givenUp bool
	// expected is the number that was asked for instead of the one that was sent.
	expected uint64
}

// placement is where a put is.
type placement struct {
	life *life
	at   time.Time
	to   stream.Offset
}

// begin begins a put of so many records, with so much filling. Each record is unique, and
// a JSON string.
func (w *world) begin(client, number int, name string, count, pad int) *put {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := &put{id: fmt.Sprintf("%d.%d", client, number), name: name, start: time.Now(), answer: unknown}
	for i := range count {
		word := fmt.Sprintf(`"%s.%d%s"`, p.id, i, strings.Repeat("x", pad))
		p.records.Add([]byte(word))
		p.text += word
	}
	if count > 0 {
		w.puts[p.id] = p
		w.inOrder = append(w.inOrder, p)
	}
	return p
}

// renumber gives a put of which nothing came another number.
func (w *world) renumber(p *put, number stream.Producer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fresh := *p.request
	fresh.Producer = &stream.ProducerTag{ID: fresh.Producer.ID, Producer: number}
	p.request = &fresh
}

// place notes where the puts are that a head has more than the one before, judges them,
// and returns the state of the protocol after them.
func (w *world) place(l *life, before *state, h *stream.Head, added []record) *state {
	now, rest := before, text(added)
	for n := 0; rest != "" && l.Name != registryName; {
		id, _, _ := strings.Cut(strings.TrimPrefix(rest, `"`), `"`)
		if fields := strings.SplitN(id, ".", 3); len(fields) == 3 {
			id = fields[0] + "." + fields[1]
		}
		p := w.puts[id]
		if p == nil || !strings.HasPrefix(rest, p.text) {
			w.violation("%v: there is %.60q, which nobody wrote so", l.Life, rest)
			break
		}
		rest = rest[len(p.text):]
		for size := 0; size < len(p.text) && n < len(added); n++ {
			size += len(added[n].data)
		}
		p.placed = append(p.placed, placement{l, time.Now(), added[n-1].to})
		if l.Name != p.name {
			w.violation("%s was written to %q, and is in %v", p.id, p.name, l.Life)
		}
		if p.request == nil {
			continue // created with it
		}
		if v := now.judge(p.request); v != accepted {
			w.violation("%v: %s was applied at %v, although it is to be answered %q (it is %+v, producers %v, seq %q)", l.Life, p.id, added[n-1].to, v, p.request.Producer, now.producers, now.seq)
		}
		now = now.apply(p.request)
	}
	return now.under(h)
}

// check compares what clients were told of a put with where it is. The request of a producer
// or a create that is repeated may be applied in two lives of the name, once in each; and so
// may any that meets two lives which begin within what clocks differ by.
func (p *put) check() error {
	told := false
	for i, one := range p.placed {
		repeated := p.request == nil || p.request.Producer != nil
		switch {
		case i > 0 && (one.life == p.placed[i-1].life || !repeated && one.life.created.After(p.start.Add(2*maxSkew))):
			return fmt.Errorf("%s is there %d times: %+v", p.id, len(p.placed), p.placed)
		case p.answer == failed:
			return fmt.Errorf("%s is there, although the client was told that it is not", p.id)
		case one.at.Before(p.start) || p.answer != unknown && !p.givenUp && one.at.After(p.end):
			return fmt.Errorf("%s was applied at %v, and was under way from %v to %v", p.id, one.at, p.start, p.end)
		case p.request != nil && !p.givenUp && one.life.created.After(p.end.Add(2*maxSkew)):
			return fmt.Errorf("%s is in a life that was begun at %v, after it was given up at %v", p.id, one.life.created, p.end)
		}
		told = told || one.to == p.tail
	}
	switch {
	case len(p.placed) == 0 && p.records.Count > 0 && (p.answer == accepted || p.answer == duplicate):
		return fmt.Errorf("%s was acknowledged (%s), and is not there", p.id, p.answer)
	case p.answer == accepted && p.records.Count > 0 && !told:
		return fmt.Errorf("%s ends at %+v, and the client was told %v", p.id, p.placed, p.tail)
	}
	return nil
}
