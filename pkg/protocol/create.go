package protocol

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// defaultType is the content type of a stream that was created without one.
const defaultType = "application/octet-stream"

// create serves PUT: it creates a stream, or finds that it exists as asked for
// (section 5.1).
func (x *exchange) create() error {
	x.kind = "create"
	mustBeNew, err := ifNoneMatch(x.r.Header)
	if err != nil {
		return err
	}
	c, err := x.readCreate()
	if err != nil {
		return err
	}
	head, created, err := x.log.Create(x.ctx, x.name, c)
	if err != nil {
		return createError(c, err)
	}
	if mustBeNew && !created {
		return problem(errPrecondition, "the stream exists")
	}
	h := x.w.Header()
	x.set("Content-Type", head.ContentType)
	x.set("Stream-Next-Offset", head.Tail.String())
	if head.Closed {
		h["Stream-Closed"] = headerTrue
	}
	if !created {
		x.send(http.StatusOK, nil)
		return nil
	}
	x.set("Location", location(x.r))
	x.send(http.StatusCreated, nil)
	return nil
}

// createError says what of a create's failure only it can tell.
func createError(c *stream.Create, err error) error {
	if errors.Is(err, stream.ErrGone) {
		return errTaken
	}
	if e, ok := errors.AsType[*stream.ContentTypeError](err); ok {
		return problem(errForkType, "a fork has the Content-Type of its source, which is %s: leave it out, or send that", e.Stream)
	}
	if c.Fork != nil && errors.Is(err, stream.ErrBadOffset) {
		return problem(errForkPoint, "the source has no such place: %s must be a Stream-Next-Offset that it gave out, and %s no more than follows there", headerForkAt, headerForkSub)
	}
	return err
}

func (x *exchange) readCreate() (*stream.Create, error) {
	h := x.r.Header
	c := &stream.Create{Closed: closes(h)}
	var err error
	if c.Fork, err = fork(h); err != nil {
		return nil, err
	}
	if err = x.forkSource(c.Fork); err != nil {
		return nil, err
	}
	if err := expiry(h, &c.Config); err != nil {
		return nil, err
	}
	if c.ContentType, err = contentType(h); err != nil {
		return nil, err
	}
	if err := x.config.Bounds.checkLife(c, x.config.Now()); err != nil {
		return nil, err
	}
	media := c.ContentType
	switch {
	case media != "":
	case c.Fork == nil:
		c.ContentType, media = defaultType, defaultType
	case x.r.ContentLength != 0:
		media = x.forkType(c.Fork)
	}
	c.Records, _, err = x.records(isJSON(media))
	return c, err
}

// location returns the absolute URL of a request, as the client sees it: behind a proxy
// the host may be in X-Forwarded-Host, and if it ends TLS the scheme is in
// X-Forwarded-Proto. The path stays as it was written.
func location(r *http.Request) string {
	path, host := r.URL.EscapedPath(), r.Host
	if forwarded := forwarded(r, "X-Forwarded-Host"); isHost(forwarded) {
		host = forwarded
	}
	if host == "" {
		return path
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	switch forwarded := strings.ToLower(forwarded(r, "X-Forwarded-Proto")); forwarded {
	case "http", "https":
		scheme = forwarded
	}
	return scheme + "://" + host + path
}

// forwarded returns what the first proxy said in a header.
func forwarded(r *http.Request, name string) string {
	first, _, _ := strings.Cut(r.Header.Get(name), ",")
	return strings.TrimSpace(first)
}

// isHost reports whether a text is a host of a URL and no more.
func isHost(s string) bool {
	u, err := url.Parse("//" + s)
	return err == nil && s != "" && u.Host == s && u.Hostname() != ""
}
