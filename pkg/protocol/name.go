package protocol

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// pathPrefix precedes the stream id in every path.
const pathPrefix = "/v1/stream/"

// maxName is the longest stream id in bytes, decoded: the longest whose data can be
// kept in objects.
const maxName = stream.MaxName

// reservedSegment is the first segment of the subscription APIs (section 6).
// Streams there do not exist and cannot be created, so paths under it get 404,
// the answer that clients do not retry.
const reservedSegment = "__ds"

// parseName reads the stream id from the escaped path after [pathPrefix].
//
// The id is the path with its percent-encoding removed, so paths that are
// equivalent by RFC 3986 name the same stream. "/" separates segments; an encoded
// slash is refused, since once decoded it could not be told from a separator and
// two different paths would be one stream. Empty, "." and ".." segments are
// refused too: clients and proxies rewrite such paths, so a stream under one
// could be reached by some and not by others (section 12.2).
func parseName(escaped string) (string, error) {
	name := escaped
	if strings.Contains(escaped, "%") {
		if strings.Contains(escaped, "%2F") || strings.Contains(escaped, "%2f") {
			return "", problem(errBadName, "a stream id must not contain an encoded slash (%%2F)")
		}
		var err error
		if name, err = url.PathUnescape(escaped); err != nil {
			return "", problem(errBadName, "the path is not percent-encoded correctly")
		}
	}
	if len(name) > maxName {
		return "", problem(errBadName, "the stream id has %d bytes; at most %d are allowed", len(name), maxName)
	}
	if !plain(name) {
		return "", problem(errBadName, "a stream id must be UTF-8 without control characters")
	}
	for i, rest, more := 0, name, true; more; i++ {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		switch {
		case segment == "":
			return "", problem(errBadName, "a stream id must not have empty segments: it follows %s, without a slash at its end and without two in a row", pathPrefix)
		case segment == "." || segment == "..":
			return "", problem(errBadName, `a stream id must not have "." or ".." segments`)
		case i == 0 && segment == reservedSegment:
			return "", errReserved
		}
	}
	return name, nil
}

// plain reports whether s is UTF-8 without control characters.
func plain(s string) bool {
	ascii := true
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c == 0x7f {
			return false
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	return ascii || utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}
