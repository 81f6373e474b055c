package protocol

import (
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// etag returns the entity tag of a page: the life of the stream, the range, and
// what the answer says about its end, so that it changes with new data and with
// closure (section 10.1). Suffix "t" is the tail, "c" the end of a closed stream, and
// "+gzip" or "+zstd" the encoding.
func etag(p *stream.Page, e encoding) string {
	b := make([]byte, 0, 2*len(p.Head.Incarnation)+80)
	b = append(b, '"')
	b = hex.AppendEncode(b, p.Head.Incarnation[:])
	b = append(b, ':')
	b = p.From.AppendText(b)
	b = append(b, ':')
	b = p.Next.AppendText(b)
	switch {
	case p.Closed():
		b = append(b, ":c"...)
	case p.UpToDate():
		b = append(b, ":t"...)
	}
	b = append(b, e.suffix()...)
	return string(append(b, '"'))
}

// tagged gives the answer its entity tag. If the client knows it, that is the answer: 304.
func (x *exchange) tagged(tag string) (known bool) {
	x.set("Etag", tag)
	if tags := x.r.Header["If-None-Match"]; len(tags) > 0 && listsTag(tags, tag) {
		x.send(http.StatusNotModified, nil)
		return true
	}
	return false
}

// listsTag reports whether an If-None-Match field matches a tag (RFC 9110,
// section 13.1.2): "*", or a list with the tag in it, weak or not. A list is read
// up to where it is not well-formed.
func listsTag(values []string, tag string) bool {
	for _, list := range values {
		for list = skipSeparators(list); list != ""; list = skipSeparators(list) {
			if list[0] == '*' {
				return true
			}
			list = strings.TrimPrefix(list, "W/")
			if list == "" || list[0] != '"' {
				break
			}
			end := strings.IndexByte(list[1:], '"')
			if end < 0 {
				break
			}
			if list[:end+2] == tag {
				return true
			}
			list = list[end+2:]
		}
	}
	return false
}

func skipSeparators(s string) string { return strings.TrimLeft(s, " \t,") }
