package protocol

import (
	"errors"
	"net/http"
	"strings"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// defaultType is the content type of a stream that was created without one.
const defaultType = "application/octet-stream"

// create serves PUT: it creates a stream, or finds that it exists as asked for
// (section 5.1).
func (x *exchange) create() error {
	x.kind = "create"
	c, err := x.readCreate()
	if err != nil {
		return err
	}
	head, created, err := x.log.Create(x.ctx, x.name, c)
	if errors.Is(err, stream.ErrGone) {
		return errTaken
	}
	if err != nil {
		return err
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

// location returns the absolute URL of a request, as the client sees it: behind a
// proxy that ends TLS the scheme is in X-Forwarded-Proto. The path stays as it
// was written.
func location(r *http.Request) string {
	path := r.URL.EscapedPath()
	if r.Host == "" {
		return path
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	first, _, _ := strings.Cut(r.Header.Get("X-Forwarded-Proto"), ",")
	switch first = strings.ToLower(strings.TrimSpace(first)); first {
	case "http", "https":
		scheme = first
	}
	return scheme + "://" + r.Host + path
}
