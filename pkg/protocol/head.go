package protocol

import (
	"net/http"
	"strconv"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// expiresAtFormat is RFC 3339 with milliseconds where there are any.
const expiresAtFormat = "2006-01-02T15:04:05.999Z07:00"

// head serves HEAD: what a stream is, without reading it or renewing its TTL
// (section 5.5).
func (x *exchange) head() error {
	x.kind = "head"
	s, err := x.log.Head(x.ctx, x.name)
	if err != nil {
		return err
	}
	h := x.w.Header()
	x.set("Content-Type", s.ContentType)
	x.set("Stream-Next-Offset", s.Tail.String())
	h["Cache-Control"] = headerNoStore
	if key := x.grant.ReaderKey(x.id); key != "" {
		x.set(headerReaderKey, key)
	}
	if s.Closed {
		h["Stream-Closed"] = headerTrue
	}
	if s.HasTTL {
		x.set("Stream-Ttl", strconv.FormatInt(int64(s.TTL/time.Second), 10))
	}
	if !s.ExpiresAt.IsZero() {
		x.set("Stream-Expires-At", s.ExpiresAt.Format(expiresAtFormat))
	}
	// The tag is that of all there is: a read has it if that is one page.
	if !x.tagged(etag(&stream.Page{Head: s, Next: s.Tail}, identity)) {
		x.send(http.StatusOK, nil)
	}
	return nil
}
