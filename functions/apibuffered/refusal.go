package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
)

// errPanic is for a panic that has been reported.
var errPanic = errors.New("panic")

// refuse answers a call in the handler's place.
func (f *function) refuse(ctx context.Context, c call, err error) ([]byte, error) {
	status, text := http.StatusInternalServerError, "internal error"
	switch {
	case errors.Is(err, errMalformed):
		status, text = http.StatusBadRequest, err.Error()
	case errors.Is(err, errTooLarge):
		// Clients repeat what is answered with a 5xx, and this would not help.
		status, text = http.StatusRequestEntityTooLarge, "the answer is too large for this front door: read the stream with live=long-poll, or through the function URL"
	}
	if !errors.Is(err, errPanic) {
		f.logger.LogAttrs(ctx, slog.LevelError, "request refused",
			slog.String("method", c.method()), slog.Int("status", status), slog.String("error", err.Error()))
	}
	// Of the event only what cannot be wrong is used.
	method := http.MethodGet
	if c.method() == http.MethodHead {
		method = http.MethodHead
	}
	d, err := c.carry(ctx, method, "", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serveOn(w, r, refusal(status, text))
	}))
	if err != nil {
		return nil, err
	}
	return d.encode(c.limit())
}

// refusal answers in the way of package protocol.
func refusal(status int, text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text+"\n") // HEAD takes no body
	})
}
