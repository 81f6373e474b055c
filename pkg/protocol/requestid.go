package protocol

import (
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// headerRequestID tells a client what its request is called in the log. Where no one else
// names requests, a client may do it itself by the same header. An answer out of a cache
// has the name of the request that it was made for.
const headerRequestID = "X-Request-Id"

// maxRequestID bounds the names that clients may give.
const maxRequestID = 128

// requestID returns what a request is called. A name that a client gives and that is not
// fit for a log is passed over, as it is no part of what is asked for.
func (h *Handler) requestID(r *http.Request) string {
	if h.config.RequestID != nil {
		if id := h.config.RequestID(r); id != "" {
			return id
		}
	}
	if given := r.Header[headerRequestID]; len(given) == 1 && isName(given[0], maxRequestID, "-_.:") {
		return given[0]
	}
	return strconv.FormatInt(h.config.Jitter(math.MaxInt64), 16)
}

// maxTrace bounds what a client or a front door calls a trace.
const maxTrace = 256

// appendTraces appends which traces a request is part of, by the headers of W3C Trace
// Context and of AWS X-Ray, as far as they are well-formed: logs are joined to traces by
// that. Nothing of it is made up here, and nothing is sent to a tracing system.
func appendTraces(attrs []slog.Attr, h http.Header) []slog.Attr {
	if given := h["Traceparent"]; len(given) == 1 && isTraceparent(given[0]) {
		attrs = append(attrs, slog.String("traceparent", given[0]))
	}
	if given := h["X-Amzn-Trace-Id"]; len(given) == 1 && isName(given[0], maxTrace, "-=;:") {
		attrs = append(attrs, slog.String("trace", given[0]))
	}
	return attrs
}

// isTraceparent reports whether a value is one of Trace Context level 1, section 3.2:
// version, trace id, parent id and flags in hexadecimal digits.
func isTraceparent(s string) bool {
	parts := strings.Split(s, "-")
	if len(parts) != 4 {
		return false
	}
	for i, length := range [...]int{2, 32, 16, 2} {
		if len(parts[i]) != length || strings.Trim(parts[i], "0123456789abcdef") != "" {
			return false
		}
	}
	return true
}

// isName reports whether a text has at least one character and at most max, all of them
// ASCII letters, digits, or among others.
func isName(s string, max int, others string) bool {
	if s == "" || len(s) > max {
		return false
	}
	for i := range len(s) {
		c := s[i]
		alphanumeric := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alphanumeric && strings.IndexByte(others, c) < 0 {
			return false
		}
	}
	return true
}
