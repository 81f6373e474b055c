// Package protocol serves the Durable Streams protocol over HTTP.
//
// It turns requests into calls of [stream.Log] and their outcomes into
// responses, and knows nothing of stores. Section numbers in comments are those
// of PROTOCOL.md.
//
// Where to look:
//
//   - handler.go: routing, and what every request has in common.
//   - create.go, append.go, read.go, longpoll.go, sse.go (with live.go), head.go, delete.go,
//     options.go: one file for each kind of request.
//   - name.go, headers.go, query.go, lasteventid.go, body.go, jsonbody.go: what a request says,
//     checked. Anything that is not understood is refused, not guessed.
//   - errors.go: which error becomes which status. There is no other such place.
//   - report.go, requestid.go, servertiming.go: what is told of a request, and to whom.
//   - page.go, cache.go, etag.go, cursor.go, sseevent.go: what an answer says.
//
// # Choices that the protocol leaves open
//
//   - A stream id is the path after /v1/stream/, decoded; see name.go.
//   - Stream-Seq is scoped to the stream, not to the writer (section 5.2).
//   - A request with both Stream-TTL and Stream-Expires-At is refused.
//   - A page that may still change because it ends at the tail of an open
//     stream must be revalidated by caches; see cache.go.
//   - Any position of the source can be a fork's sub-offset, as far as the end of the
//     segment of its anchor (section 4.2); see fork.go.
//   - A stream that has expired while forks need it is gone (410), like one that was
//     deleted then.
//   - A data event of text ends with a whole character, even where an append does not
//     (section 5.8); see sse.go.
//   - Control events have ids, and a request for events may have Last-Event-ID, which wins
//     over its offset (section 11.1); see lasteventid.go.
//   - Subscriptions (section 6) are not offered; see name.go.
package protocol
