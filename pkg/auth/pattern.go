package auth

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// A pattern stands for streams, by their names as clients use them, decoded. Names are
// compared byte by byte, segment by segment:
//
//	chat/main    that stream
//	chat/        every stream below chat, however deep, but not chat
//	chat/*/log   "*" is any part of one segment, or all of it
//	chat/**      "**" is one or more whole segments: the same as chat/
//	users/{sub}  "{sub}" is the token's subject, as it is: a "*" in it is no wildcard
//
// Matching takes time in proportion to the product of the two lengths at most.
type pattern []segment

// segment is one segment of a pattern.
type segment struct {
	// across stands for one or more whole segments.
	across bool
	// parts are what is between the wildcards.
	parts []string
}

// subjectPlace is where the subject goes in a pattern.
const subjectPlace = "{sub}"

// parsePattern reads a pattern for a token with a subject; empty if it has none.
func parsePattern(s, subject string) (pattern, error) {
	if len(s) > stream.MaxName {
		return nil, fmt.Errorf("it is longer than %d bytes", stream.MaxName)
	}
	if !plain(s) {
		return nil, errors.New("it must be UTF-8 without control characters")
	}
	if strings.Contains(s, subjectPlace) {
		if err := checkSubject(subject); err != nil {
			return nil, err
		}
	}
	below, isPrefix := strings.CutSuffix(s, "/")
	if isPrefix {
		s = below + "/**"
	}
	var p pattern
	for text := range strings.SplitSeq(s, "/") {
		switch {
		case text == "":
			return nil, errors.New("it must not have empty segments: write it like the name of a stream, without a slash in front")
		case text == "." || text == "..":
			return nil, errors.New(`no stream has a segment "." or ".."`)
		case text == "**":
			p = append(p, segment{across: true})
			continue
		case strings.Contains(text, "**"):
			return nil, errors.New(`"**" stands for whole segments: put a "/" on both sides of it`)
		}
		parts := strings.Split(text, "*")
		for i := range parts {
			parts[i] = strings.ReplaceAll(parts[i], subjectPlace, subject)
		}
		p = append(p, segment{parts: parts})
	}
	return p, nil
}

// checkSubject reports whether a subject can be in the name of a stream, in one segment.
func checkSubject(subject string) error {
	if subject == "" {
		return errors.New("it has {sub}, and the token has no sub")
	}
	if strings.Contains(subject, "/") || !plain(subject) || subject == "." || subject == ".." {
		return errors.New("it has {sub}, and the token's sub cannot be a segment of a stream's name")
	}
	return nil
}

// matches reports whether a name is one of those that the pattern stands for.
func (p pattern) matches(name string) bool {
	// "**" first takes one segment. If what follows does not fit, it takes one more, and
	// only the last "**" needs to: whatever an earlier one could take, it can.
	type place struct {
		next int
		rest string
		more bool
	}
	at, retry := place{0, name, true}, place{}
	for at.more {
		text, rest, more := strings.Cut(at.rest, "/")
		switch {
		case at.next < len(p) && p[at.next].across:
			at = place{at.next + 1, rest, more}
			retry = at
		case at.next < len(p) && p[at.next].matches(text):
			at = place{at.next + 1, rest, more}
		case retry.more:
			_, retry.rest, retry.more = strings.Cut(retry.rest, "/")
			at = retry
		default:
			return false
		}
	}
	return at.next == len(p)
}

// matches reports whether one segment of a name fits.
func (s segment) matches(text string) bool {
	first, last := s.parts[0], s.parts[len(s.parts)-1]
	if len(s.parts) == 1 {
		return text == first
	}
	if len(text) < len(first)+len(last) || !strings.HasPrefix(text, first) || !strings.HasSuffix(text, last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, part := range s.parts[1 : len(s.parts)-1] {
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return true
}

// all reports whether the pattern stands for all streams.
func (p pattern) all() bool { return len(p) == 1 && p[0].across }

// plain reports whether s is UTF-8 without control characters, as names of streams are.
func plain(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}
