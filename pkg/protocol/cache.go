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

// maxAge is how long an answer that stays true may be kept (section 10.1). For
// staleAge more, a cache may still give it out while it asks whether it is true.
const (
	maxAge   = 60 * time.Second
	staleAge = 300 * time.Second
)

// catchUpCaching says how long a page may be kept (section 10.1).
//
// What a page holds never changes, and whoever gets an old copy just goes on from
// where it ends. But a page at the tail of an open stream also says that there is
// nothing more: a copy of it hides new data, and the end of the stream, for as
// long as it is kept. It may be stored and must be revalidated, which costs an
// exchange without a body (and renews a sliding TTL, as a read should). The
// protocol would allow to keep it for a minute, and five more while it is stale.
//
// A page that ends before the tail is full: it will be read again as it is, with the
// same end, wherever its records have moved to. So is the last page of a closed stream.
// These are immutable, in the sense of RFC 8246: it is no use to ask again while they
// are fresh. Only deleting the stream makes them wrong, and a new stream of the same
// name; that is why they are not kept for ever, unless the operator says so.
func (h *Handler) catchUpCaching(p *stream.Page) caching {
	if p.UpToDate() && !p.Closed() {
		return h.scoped("no-cache")
	}
	return h.kept(p, h.config.PageMaxAge, ", immutable")
}

// liveCaching is for what a long-poll returns, which is as good later as now: nobody
// asks for the same offset and cursor twice.
func (h *Handler) liveCaching(p *stream.Page) caching { return h.kept(p, maxAge, "") }

// kept allows to keep an answer for some time, but not beyond the end of its stream, as
// far as that is known.
func (h *Handler) kept(p *stream.Page, age time.Duration, also string) caching {
	if p.Head.Deadline.IsZero() {
		return h.scoped("max-age=" + seconds(age) + ", stale-while-revalidate=" + seconds(staleAge) + also)
	}
	return h.scoped("max-age=" + seconds(max(0, min(age, p.Head.Deadline.Sub(h.config.Now())))))
}

// scoped says whose caches may keep an answer. This is the one place that decides it.
func (h *Handler) scoped(directives string) caching {
	if h.config.Private {
		return caching("private, " + directives)
	}
	return caching("public, " + directives)
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }
