// Package admin tells administrators what a server keeps: its streams, its sealed
// segments, and the numbers of its background work.
//
//	GET /v1/admin/streams    the streams, in the order of their names
//	GET /v1/admin/segments   the segments that are in objects, in that of names and numbers
//	GET /v1/admin/metrics    metrics in the Prometheus text format
//
// It only reads. Lists take prefix (of the names), limit (1 to 1,000; default 100) and
// cursor (from next of the answer before). They are answered in JSON, errors too, as
// {"error": "what to do"}.
//
// Who asks has to send the token of the server (Authorization: Bearer <token>), or one
// that [Config.Admits] knows. Without either being configured, nothing is offered.
package admin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// root is the path of the API, prefix what precedes its parts.
const (
	root   = "/v1/admin"
	prefix = root + "/"
)

// Config is how a [Handler] behaves.
type Config struct {
	// Token is what a client has to show. Empty means that none will do.
	Token string
	// Admits reports whether a request's sender is an administrator by other means. It
	// must be safe for concurrent use. Nil means that there are none.
	Admits func(*http.Request) bool
	// Metrics writes the metrics in the Prometheus text format. It must be safe for
	// concurrent use. Nil means that there are none here.
	Metrics io.WriterTo
	// Logger gets one line for each request, without its headers and its query. Nil means
	// no logging.
	Logger *slog.Logger
}

// Handler serves the API. It is safe for concurrent use.
type Handler struct {
	log     *stream.Log
	token   [sha256.Size]byte
	offered bool
	admits  func(*http.Request) bool
	metrics io.WriterTo
	logger  *slog.Logger
}

// New returns a handler for the streams of a log.
func New(log *stream.Log, c Config) *Handler {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Handler{
		log: log, token: sha256.Sum256([]byte(c.Token)), offered: c.Token != "", admits: c.Admits,
		metrics: c.Metrics, logger: c.Logger,
	}
}

// Mount puts the API in front of a server of streams: it gets the requests under
// /v1/admin, and rest all others, with their paths as they came. (A [http.ServeMux]
// would redirect paths that it can clean, which a stream's name must not be.)
func (h *Handler) Mount(rest http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path := r.URL.EscapedPath(); path == root || strings.HasPrefix(path, prefix) {
			h.ServeHTTP(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	kind, a, err := h.answer(r)
	if err != nil {
		a = errorAnswer(err)
	}
	header := w.Header()
	for name, value := range a.headers {
		header.Set(name, value)
	}
	header.Set("Content-Type", a.contentType)
	header.Set("Content-Length", strconv.Itoa(len(a.body)))
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		if _, writeErr := w.Write(a.body); writeErr != nil {
			err = errors.Join(err, writeErr)
		}
	}
	h.report(r, kind, a, err, time.Since(start))
}

// answer makes the answer to a request, and says which part of the API it is of; empty
// if it is of none.
func (h *Handler) answer(r *http.Request) (kind string, _ answer, err error) {
	if !h.offered && h.admits == nil {
		return "", answer{}, errNotOffered
	}
	if err := h.authorize(r); err != nil {
		return "", answer{}, err
	}
	serve := map[string]func(*http.Request) (answer, error){
		"streams": h.streams, "segments": h.segments, "metrics": h.metricsText,
	}
	kind = strings.TrimPrefix(r.URL.EscapedPath(), prefix)
	part := serve[kind]
	switch {
	case part == nil:
		return "", answer{}, errNoRoute
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return kind, answer{}, errMethod
	}
	a, err := part(r)
	return kind, a, err
}

// authorize checks the token that a client shows. How long that takes tells nothing of
// the right one, not even its length.
func (h *Handler) authorize(r *http.Request) error {
	headers := r.Header["Authorization"]
	if len(headers) != 1 {
		return errNoToken
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return errNoToken
	}
	shown := sha256.Sum256([]byte(strings.TrimSpace(token)))
	if h.offered && subtle.ConstantTimeCompare(shown[:], h.token[:]) == 1 || h.admits != nil && h.admits(r) {
		return nil
	}
	return errWrongToken
}

// metricsText answers with the metrics.
func (h *Handler) metricsText(r *http.Request) (answer, error) {
	if h.metrics == nil {
		return answer{}, errNoMetrics
	}
	if r.URL.RawQuery != "" {
		return answer{}, problem(errBadQuery, "metrics take no parameters: leave the query out")
	}
	var text strings.Builder
	if _, err := h.metrics.WriteTo(&text); err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusOK, contentType: "text/plain; version=0.0.4; charset=utf-8", body: []byte(text.String())}, nil
}

// report writes the request's log line. What a client sent wrongly is not in it: it may
// be a token.
func (h *Handler) report(r *http.Request, kind string, a answer, err error, took time.Duration) {
	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.String("method", method(r.Method)),
		slog.String("kind", kind),
		slog.Int("status", a.status),
		slog.Int("bytes", len(a.body)),
		slog.Duration("duration", took),
	}
	if a.status >= http.StatusInternalServerError {
		attrs = append(attrs, slog.String("error", err.Error()))
		if !errors.Is(err, context.Canceled) {
			level = slog.LevelError
		}
	}
	h.logger.LogAttrs(r.Context(), level, "admin request", attrs...)
}

// method is the request's method, if it is one that clients send by mistake rather than
// something that they should not have sent.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions:
		return m
	}
	return "other"
}
