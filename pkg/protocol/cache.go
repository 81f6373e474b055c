package protocol

import (
	"strconv"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// caching is a value of Cache-Control.
type caching string

// uncached answers depend on the moment, and have no ETag.
const uncached caching = "no-store"

// maxAge is how long an answer that stays true may be kept (section 10.1).
const maxAge = 60 * time.Second

// catchUpCaching says how long a page may be kept (section 10.1).
//
// What a page holds never changes, and whoever gets an old copy just goes on from
// where it ends. But a page at the tail of an open stream also says that there is
// nothing more: a copy of it hides new data, and the end of the stream, for as
// long as it is kept. It may be stored and must be revalidated, which costs an
// exchange without a body (and renews a sliding TTL, as a read should). The
// protocol would allow to keep it for a minute, and five more while it is stale.
func (x *exchange) catchUpCaching(p *stream.Page) caching {
	if p.UpToDate() && !p.Closed() {
		return x.scoped("no-cache")
	}
	return x.keptCaching(p)
}

// keptCaching is for pages that are as good later as now, such as what a
// long-poll returns: nobody asks for the same offset and cursor twice. None is
// kept beyond the end of its stream, as far as that is known.
func (x *exchange) keptCaching(p *stream.Page) caching {
	if p.Head.Deadline.IsZero() {
		return x.scoped("max-age=60, stale-while-revalidate=300")
	}
	left := max(0, min(maxAge, p.Head.Deadline.Sub(x.config.Now())))
	return x.scoped("max-age=" + strconv.Itoa(int(left/time.Second)))
}

// scoped says who may keep an answer: everybody, or the client alone if a cache that
// others use could hand it to somebody who may not read the stream.
func (x *exchange) scoped(directives string) caching {
	if x.grant.Shared(x.id) {
		return caching("public, " + directives)
	}
	return caching("private, " + directives)
}
