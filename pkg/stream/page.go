package stream

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
)

// Page is a contiguous run of a stream's records, as of one moment.
type Page struct {
	// Head is the state that the page was read under.
	Head *Head
	// From is where the page begins, and Next where the next one does.
	From, Next Offset
	// Count and Size measure the records.
	Count int
	Size  int
	// life is whose records are being taken, and to how far they are.
	life Life
	to   Offset
	runs []Frames
	// ends are those of the segments before the page's last one, as far as it has been in them.
	ends []Offset
	// upToDate says that what is left of the stream is held back ([Characters]).
	upToDate bool
	// full says that the next record did not fit.
	full bool
	// forms are what its readers made of it.
	formsMu sync.Mutex
	forms   map[any]any
}

// Form returns what make made of the page when it was first asked for under a key: those
// who share a page ([Follower.Next]) do not each have to encode it. It lives as long as
// the page, and must not be changed. Form is safe for concurrent use; who comes while it is
// being made waits.
func (p *Page) Form(key any, make func() any) any {
	p.formsMu.Lock()
	defer p.formsMu.Unlock()
	form, ok := p.forms[key]
	if !ok {
		form = make()
		if p.forms == nil {
			p.forms = map[any]any{}
		}
		p.forms[key] = form
	}
	return form
}

// Records returns the page's records in order, without copying.
func (p *Page) Records() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, run := range p.runs {
			for record := range run.Records() {
				if !yield(record) {
					return
				}
			}
		}
	}
}

// UpToDate reports whether the page reaches the tail, but for what is held back
// ([Characters]).
func (p *Page) UpToDate() bool { return p.upToDate || p.Next == p.Head.Tail }

// Closed reports whether the page reaches the end of a closed stream.
func (p *Page) Closed() bool { return p.Head.Closed && p.UpToDate() }

// errGap says that what was found does not continue where the reader stands. It
// happens when data moves while it is being read; reading again helps.
var errGap = errors.New("stream: gap")

// page reads onwards from an offset, under a given head, up to about max bytes.
// Records come from the streams that it inherits from, if it is a fork; then from objects
// as far as segments are compacted, from chunks up to where the buffer begins, and from it. What is known already comes first; it may
// be nothing, or too little.
func (l *Log) page(ctx context.Context, name string, h *Head, from Offset, max int, known ahead) (*Page, error) {
	if h.Tail.Before(from) {
		return nil, fmt.Errorf("%w: %v is beyond the stream's tail %v", ErrBadOffset, from, h.Tail)
	}
	life := h.Life(name)
	p := &Page{Head: h, From: from, Next: from}
	if h.Origin != nil && from.Before(h.Origin.At) {
		if err := l.takeInherited(ctx, p, life, max); err != nil {
			return nil, err
		}
	}
	p.life, p.to = life, h.Tail
	if err := l.takeCold(ctx, p, known.manifests, max); err != nil {
		return nil, err
	}
	if err := l.takeChunks(ctx, p, known.chunks, max); err != nil {
		return nil, err
	}
	for p.Next.Before(h.BufferFrom()) && !p.full {
		at := p.Next
		chunks, err := l.driver.Chunks(ctx, p.life, p.Next, max-p.Size)
		if err != nil {
			return nil, unavailable(err)
		}
		if err := l.takeChunks(ctx, p, chunks, max); err != nil {
			return nil, err
		}
		if p.Next == at && !p.full {
			// There is nothing, or only what was appended after h was stored: the
			// stream was deleted, and its data is being discarded.
			return nil, errGap
		}
	}
	if err := l.take(ctx, p, h.Buffer, max); err != nil {
		return nil, err
	}
	return p, nil
}

// first is the offset of the entry's first record in its own segment. It is the same
// place as From.
func (e Entry) first() Offset {
	if e.From.Segment != e.To.Segment {
		return Offset{Segment: e.To.Segment}
	}
	return e.From
}

func (l *Log) takeChunks(ctx context.Context, p *Page, chunks []Chunk, max int) error {
	entries := make([]*Entry, len(chunks))
	for i := range chunks {
		entries[i] = (*Entry)(&chunks[i])
	}
	return l.take(ctx, p, entries, max)
}

// take adds to a page what entries continue it with, until it is full. What they
// link is fetched at once, as far as it will fit.
func (l *Log) take(ctx context.Context, p *Page, entries []*Entry, max int) error {
	var wanted []Entry
	for size := p.Size; !p.full && len(entries) > 0 && size < max; entries = entries[1:] {
		e := entries[0]
		if !p.Next.Before(e.To) || !e.first().Before(p.to) {
			continue
		}
		wanted = append(wanted, *e)
		if !e.From.Before(p.Next) {
			size += e.Size // otherwise the page begins inside it, and has less of it
		}
	}
	if err := l.fetch(ctx, p.life, wanted); err != nil {
		return err
	}
	for _, e := range wanted {
		if err := p.take(e, max); err != nil {
			return err
		}
	}
	return nil
}

// fetch replaces links by the frames that they stand for.
func (l *Log) fetch(ctx context.Context, life Life, entries []Entry) error {
	var links []*Entry
	for i := range entries {
		if entries[i].Staged != (StagedID{}) {
			links = append(links, &entries[i])
		}
	}
	err := atOnce(len(links), func(i int) (err error) {
		links[i].Frames, err = l.staged(ctx, life, links[i].Staged)
		return err
	})
	if errors.Is(err, ErrNoItem) {
		// The stream was deleted since its head was read, and its data discarded.
		return errGap
	}
	if err != nil {
		return unavailable(err)
	}
	return nil
}

// take adds to a page what an entry continues it with, unless the page is full.
func (p *Page) take(e Entry, max int) error {
	if p.full || !p.Next.Before(e.To) {
		return nil
	}
	if p.Next.Before(e.From) {
		return errGap
	}
	first := e.first()
	if p.to.Before(e.To) {
		// The rest is not the stream's: it was appended after its head was read, or to
		// the source of a fork after they parted.
		var err error
		if e.Frames, err = keep(e.Frames, p.Head.Unit(), p.to.Position-first.Position); err != nil {
			return err
		}
	}
	if p.Next == e.From {
		return p.add(first, e.Frames, max)
	}
	if p.Next.Before(first) {
		return fmt.Errorf("%w: %v is not a position of this stream", ErrBadOffset, p.Next)
	}
	rest, err := skip(e.Frames, p.Head.Unit(), p.Next.Position-first.Position)
	if err != nil {
		return err
	}
	return p.add(p.Next, rest, max)
}

// add adds frames whose first record begins at an offset. Where they do not fit
// they are cut: between records, or inside a long record of a byte stream that
// comes first on its page.
func (p *Page) add(at Offset, frames Frames, max int) error {
	unit := p.Head.Unit()
	var taken Records
	rest := frames
	for len(rest) > 0 && !p.full {
		record, after, err := rest.cut()
		if err != nil {
			return err
		}
		before := p.Size + taken.Size
		p.full = before+len(record) >= max
		switch {
		case before+len(record) > max && before > 0:
			continue
		case before+len(record) > max && unit == Bytes:
			// The page is full now, even if a character less than max was cut off.
			record = record[:cutText(record, max)]
			frames, after = AppendFrame(nil, record), nil
		}
		taken.Count++
		taken.Size += len(record)
		rest = after
	}
	if taken.Count == 0 {
		// Next stays as it is: the start of a segment is not handed out.
		return nil
	}
	if at.Segment != p.Next.Segment {
		p.ends = append(p.ends, p.Next)
	}
	p.runs = append(p.runs, frames[:len(frames)-len(rest)])
	p.Count += taken.Count
	p.Size += taken.Size
	p.Next = Offset{Segment: at.Segment, Position: at.Position + taken.advance(unit)}
	return nil
}

// keep returns the first n units of frames.
func keep(frames Frames, u Unit, n uint64) (Frames, error) {
	rest := frames
	for n > 0 {
		record, after, err := rest.cut()
		if err != nil {
			return nil, err
		}
		size := uint64(1)
		if u == Bytes {
			size = uint64(len(record))
		}
		if size > n {
			whole := frames[:len(frames)-len(rest)]
			return AppendFrame(slices.Clip(whole), record[:n]), nil
		}
		n, rest = n-size, after
	}
	return frames[:len(frames)-len(rest)], nil
}

// skip drops n units from the front of frames.
func skip(frames Frames, u Unit, n uint64) (Frames, error) {
	for n > 0 {
		record, rest, err := frames.cut()
		if err != nil {
			return nil, err
		}
		if u == Bytes && n < uint64(len(record)) {
			return append(AppendFrame(nil, record[n:]), rest...), nil
		}
		if u == Bytes {
			n -= uint64(len(record))
		} else {
			n--
		}
		frames = rest
	}
	return frames, nil
}
