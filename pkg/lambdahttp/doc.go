// Package lambdahttp carries an [http.Handler] over a Lambda function URL with
// response streaming (payload format 2.0, invoke mode RESPONSE_STREAM).
//
// Where to look:
//
//   - adapter.go: one invocation, from the event to the end of the response.
//   - event.go, bodycut.go, request.go: the event, checked, as an [http.Request].
//   - response.go, head.go: the [http.ResponseWriter], and what the runtime gets
//     before the body.
//   - body.go: how the body gets from the handler to the runtime.
//   - refusal.go, errors.go: answers to what is no request, and broken responses.
//
// # Streaming
//
// The runtime reads the response in a loop and sends what each read gives as one
// chunk, at once. What a handler writes is collected until it flushes, until 32 KiB
// have come together, or until it returns; then it goes to a read as it is. So a
// flush leaves the process as its own chunk, and status and headers leave with the
// first flush, also those of a response without a body.
//
// An invocation lasts until the handler has returned, because only then does the
// body end. A handler may answer, flush, and go on working: the process is not
// frozen meanwhile.
//
// # What is different from net/http
//
//   - Writes to the response of a HEAD request fail with [http.ErrBodyNotAllowed], as
//     net/http documents it, and as those to a 204 or 304 do; net/http drops them silently.
//   - A function URL has no trailers and no informational responses, so these are
//     dropped.
//   - The request's body has arrived when the handler is called. There are write
//     deadlines, but no read deadlines.
//   - RemoteAddr has the port 0: an event does not tell it.
//   - Nobody tells a function that its client has left. The request's context
//     ends early only when the runtime stops reading.
package lambdahttp
