package protocol

import (
	"net/http"
	"slices"
	"strings"
)

const (
	allowedMethods = "GET, HEAD, PUT, POST, DELETE, OPTIONS"

	// acceptedHeaders is what scripts of other origins may send.
	acceptedHeaders = "Authorization, Content-Type, If-Match, If-None-Match, Last-Event-ID, " +
		"Stream-Closed, Stream-Expires-At, Stream-Seq, Stream-TTL, " +
		"Stream-Forked-From, Stream-Fork-Offset, Stream-Fork-Sub-Offset, " +
		"Producer-Id, Producer-Epoch, Producer-Seq, " +
		headerRequestID + ", " + headerDebugTiming + ", Traceparent, Tracestate"

	// exposedHeaders is what they may read, apart from what browsers always allow.
	exposedHeaders = "Stream-Next-Offset, Stream-Cursor, Stream-Up-To-Date, Stream-Closed, " +
		"ETag, Location, Producer-Epoch, Producer-Seq, Producer-Expected-Seq, " +
		"Producer-Received-Seq, Stream-SSE-Data-Encoding, Stream-TTL, Stream-Expires-At, Retry-After, " +
		"WWW-Authenticate, Stream-Reader-Key, " + headerRequestID + ", Server-Timing"
)

var (
	headerAccepted = []string{acceptedHeaders}
	headerMaxAge   = []string{"86400"}
)

var headerVaryOrigin = []string{"Origin"}

// allowOrigin says which scripts of browsers may see the answer. Where that depends on
// who asks, caches are told so.
func (x *exchange) allowOrigin(h http.Header) {
	if len(x.config.Origins) == 0 {
		h["Access-Control-Allow-Origin"] = headerAnyOrigin
		return
	}
	h["Vary"] = headerVaryOrigin
	if origin := x.r.Header["Origin"]; len(origin) == 1 && slices.Contains(x.config.Origins, origin[0]) {
		h["Access-Control-Allow-Origin"] = origin[:1:1]
	}
}

// acceptedHeaders returns what scripts may send: what the server looks at, and whatever
// else the browser asks for, such as what tracing tools add by themselves.
func (x *exchange) acceptedHeaders() []string {
	wanted := x.r.Header["Access-Control-Request-Headers"]
	if len(wanted) != 1 || strings.Trim(wanted[0], headerListChars) != "" {
		return headerAccepted
	}
	return []string{acceptedHeaders + ", " + wanted[0]}
}

// headerListChars are those of a list of header names.
const headerListChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_, "

// options answers preflight requests of browsers. Every origin that may use the server
// may use every method: who may do what is decided by [Access], not by origin.
func (x *exchange) options() error {
	x.kind = "preflight"
	h := x.w.Header()
	h["Allow"] = headerAllow
	h["Access-Control-Allow-Methods"] = headerAllow
	h["Access-Control-Allow-Headers"] = x.acceptedHeaders()
	h["Access-Control-Max-Age"] = headerMaxAge
	x.send(http.StatusNoContent, nil)
	return nil
}
