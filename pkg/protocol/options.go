package protocol

import "net/http"

const (
	allowedMethods = "GET, HEAD, PUT, POST, DELETE, OPTIONS"

	// acceptedHeaders is what scripts of other origins may send.
	acceptedHeaders = "Authorization, Content-Type, If-None-Match, " +
		"Stream-Closed, Stream-Expires-At, Stream-Seq, Stream-TTL, " +
		"Stream-Forked-From, Stream-Fork-Offset, Stream-Fork-Sub-Offset, " +
		"Producer-Id, Producer-Epoch, Producer-Seq, " +
		headerRequestID + ", " + headerDebugTiming + ", Traceparent, Tracestate"

	// exposedHeaders is what they may read, apart from what browsers always allow.
	exposedHeaders = "Stream-Next-Offset, Stream-Cursor, Stream-Up-To-Date, Stream-Closed, " +
		"ETag, Location, Producer-Epoch, Producer-Seq, Producer-Expected-Seq, " +
		"Producer-Received-Seq, Stream-SSE-Data-Encoding, Stream-TTL, Stream-Expires-At, Retry-After, " +
		headerRequestID + ", Server-Timing"
)

var (
	headerAccepted = []string{acceptedHeaders}
	headerMaxAge   = []string{"86400"}
)

// options answers preflight requests of browsers. Every origin may use every
// method: who may do what is decided by authentication in front of the handler
// (section 12.1), not by origin.
func (x *exchange) options() error {
	x.kind = "preflight"
	h := x.w.Header()
	h["Allow"] = headerAllow
	h["Access-Control-Allow-Methods"] = headerAllow
	h["Access-Control-Allow-Headers"] = headerAccepted
	h["Access-Control-Max-Age"] = headerMaxAge
	x.send(http.StatusNoContent, nil)
	return nil
}
