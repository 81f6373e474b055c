package stream

import "unicode/utf8"

// Characters makes pages of text, one after the other, end with a whole UTF-8 character, for
// readers who decode each page by itself (PROTOCOL.md section 5.8). What an append brought of
// a character whose rest is still to come is held back, and begins the page that has the rest.
//
// The zero value is for the first page, which may begin anywhere. It belongs to one goroutine.
type Characters struct {
	// held are the bytes that are held back, at most three, and at is where they begin.
	held string
	at   Offset
}

// wholePage is a page that ends with a whole character, and what is held back after it.
type wholePage struct {
	page  *Page
	after Characters
}

// Whole returns a page, which must be the one after the last that it was given, with what was
// held back in front of it, and without the beginning of a character at its end. The result's
// Next is where that begins: who reads on from there misses nothing. If nothing else is left
// the page has no records. It is up to date if the page given is: its reader has all that
// can be shown.
//
// At the end of a closed stream nothing is held back, and nowhere what cannot become a
// character. A page that stays as it is, or has messages, is returned itself, and costs
// nothing; any other is made once for all who share the page and have the same held back.
func (c *Characters) Whole(p *Page) *Page {
	if p.Head.Unit() != Bytes || c.held == "" && p.torn() == 0 {
		return p
	}
	before := *c
	w := p.Form(before, func() any { return p.whole(before) }).(*wholePage)
	*c = w.after
	return w.page
}

func (p *Page) whole(c Characters) *wholePage {
	w := &Page{Head: p.Head, From: p.From, Next: p.Next, Count: p.Count, Size: p.Size, runs: p.runs}
	if c.held != "" {
		w.From = c.at
		w.Count++
		w.Size += len(c.held)
		w.runs = append([]Frames{AppendFrame(nil, []byte(c.held))}, p.runs...)
	}
	n := w.torn()
	if n == 0 {
		return &wholePage{page: w}
	}
	w.upToDate = p.UpToDate()
	// What is held back of several pages begins where the first piece does.
	w.Next = c.at
	if n <= p.Size {
		w.Next = p.before(uint64(n))
	}
	return &wholePage{page: w, after: Characters{held: w.trim(n), at: w.Next}}
}

// torn returns how many bytes at the end of a page begin a character that is not whole. At the
// end of a closed stream there are none.
func (p *Page) torn() int {
	if len(p.runs) == 0 || p.Closed() {
		return 0
	}
	// Most text ends with ASCII: nothing has to be looked for then.
	if last := p.runs[len(p.runs)-1]; last[len(last)-1] < utf8.RuneSelf {
		return 0
	}
	var room [utf8.UTFMax - 1]byte
	end := len(room)
	for i := len(p.runs) - 1; i >= 0 && end > 0; i-- {
		var record []byte
		for rest := p.runs[i]; len(rest) > 0 && end > 0; {
			rest, record = rest.cutLast()
			record = record[max(0, len(record)-end):]
			end -= copy(room[end-len(record):], record)
		}
	}
	return torn(room[end:])
}

// before returns the place so many bytes before a page's end. The page has as many.
func (p *Page) before(n uint64) Offset {
	at := p.Next
	for i := len(p.ends) - 1; i >= 0 && n >= at.Position; i-- {
		n -= at.Position
		at = p.ends[i]
	}
	return Offset{Segment: at.Segment, Position: at.Position - n}
}

// trim takes bytes off a page's end, of which it has at least as many, and returns them. A
// record of which something stays is copied; the others may be shared.
func (p *Page) trim(n int) string {
	p.Size -= n
	var trimmed string
	for n > 0 {
		i := len(p.runs) - 1
		rest, record := p.runs[i].cutLast()
		p.runs = p.runs[:i:i]
		if len(rest) > 0 {
			p.runs = append(p.runs, rest)
		}
		p.Count--
		stays := max(0, len(record)-n)
		if stays > 0 {
			p.runs = append(p.runs, AppendFrame(nil, record[:stays]))
			p.Count++
		}
		n -= len(record) - stays
		trimmed = string(record[stays:]) + trimmed
	}
	return trimmed
}
