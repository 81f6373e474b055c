package streamtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// scanned is a stream read page by page.
type scanned struct {
	text string
	head *stream.Head
	// places says how many bytes of the text precede an offset, for every offset
	// that was handed out.
	places   map[stream.Offset]int
	problems []error
}

// scan reads a stream from its start to its tail.
func scan(ctx context.Context, l *stream.Log, name string) (*scanned, error) {
	s := &scanned{places: make(map[stream.Offset]int)}
	var text strings.Builder
	from, at := stream.Start(), stream.Offset{}
	for {
		p, err := l.Read(ctx, name, from)
		if err != nil {
			return nil, fmt.Errorf("read after %d bytes, at %v: %w", text.Len(), at, err)
		}
		if p.From != at {
			return nil, fmt.Errorf("the page that continues %v begins at %v", at, p.From)
		}
		s.expect(p.From, text.Len())
		if err := checkPage(p); err != nil {
			return nil, err
		}
		text.WriteString(pageText(p))
		s.expect(p.Next, text.Len())
		from, at, s.head = stream.At(p.Next), p.Next, p.Head
		if p.UpToDate() {
			s.text = text.String()
			return s, errors.Join(s.problems...)
		}
	}
}

// pageText joins the records of a page.
func pageText(p *stream.Page) string {
	var text []byte
	for record := range p.Records() {
		text = append(text, record...)
	}
	return string(text)
}

// checkPage checks what a page says of itself, and that it does not cut a
// character: all text of a history is valid UTF-8.
func checkPage(p *stream.Page) error {
	count, size := 0, 0
	for record := range p.Records() {
		count++
		size += len(record)
	}
	switch {
	case !utf8.ValidString(pageText(p)):
		return fmt.Errorf("a page at %v cuts a character: %.60q", p.From, pageText(p))
	case count != p.Count || size != p.Size:
		return fmt.Errorf("a page at %v says %d records with %d bytes, but has %d with %d", p.From, p.Count, p.Size, count, size)
	case size > 0 && !p.From.Before(p.Next):
		return fmt.Errorf("a page from %v with %d bytes goes on at %v", p.From, size, p.Next)
	case size > 0 && p.From.String() >= p.Next.String():
		return fmt.Errorf("the tokens %v and %v sort wrongly", p.From, p.Next)
	case size == 0 && p.From != p.Next:
		return fmt.Errorf("an empty page goes from %v to %v", p.From, p.Next)
	case size == 0 && !p.UpToDate():
		return fmt.Errorf("an empty page at %v, before the tail %v", p.From, p.Head.Tail)
	}
	return nil
}

// expect notes where an offset is in the text; an offset has one place.
func (s *scanned) expect(o stream.Offset, place int) {
	if known, ok := s.places[o]; ok && known != place {
		s.problems = append(s.problems, fmt.Errorf("offset %v was handed out for both byte %d and byte %d", o, known, place))
	}
	s.places[o] = place
}

// maxProbes bounds how many pages probe reads: each may be a large part of the stream.
const maxProbes = 400

// probe reads a page from known offsets, all of them if they are not too many, and compares
// it with the text.
func (s *scanned) probe(ctx context.Context, l *stream.Log, name string) error {
	offsets := make([]stream.Offset, 0, len(s.places))
	for o := range s.places {
		offsets = append(offsets, o)
	}
	slices.SortFunc(offsets, stream.Offset.Compare)
	for i, o := range offsets {
		place := s.places[o]
		if i > 0 && s.places[offsets[i-1]] > place {
			s.problems = append(s.problems, fmt.Errorf("offset %v precedes %v, but its place follows", offsets[i-1], o))
		}
		if i%(1+len(offsets)/maxProbes) != 0 {
			continue
		}
		p, err := l.Read(ctx, name, stream.At(o))
		if err != nil {
			return fmt.Errorf("read at %v: %w", o, err)
		}
		if err := checkPage(p); err != nil {
			return err
		}
		text := pageText(p)
		if p.From != o || !strings.HasPrefix(s.text[place:], text) || text == "" && place < len(s.text) {
			s.problems = append(s.problems, fmt.Errorf("the page at %v is %.60q, want %.60q", o, text, s.text[place:]))
		}
		if next, ok := s.places[p.Next]; ok && next != place+len(text) {
			s.problems = append(s.problems, fmt.Errorf("the page at %v leads to %v, which is byte %d, not %d", o, p.Next, next, place+len(text)))
		}
	}
	return errors.Join(s.problems...)
}
