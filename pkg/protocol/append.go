package protocol

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// append serves POST: it appends to a stream, closes it, or both (sections 5.2,
// 5.2.1 and 5.3).
func (x *exchange) append() error {
	a, err := x.readAppend()
	if err != nil {
		return err
	}
	done, err := x.log.Append(x.ctx, x.name, a)
	if errors.Is(err, stream.ErrUnsettled) && a.Producer == nil && a.Records.Count > 0 {
		// Clients repeat by themselves what is to be tried again; this must not be.
		return fmt.Errorf("%w: %v", errInDoubt, err)
	}
	if err != nil {
		return err
	}
	if done.FlushDue() && x.config.FlushBeforeAnswer {
		x.flush(done)
	}
	x.answerAppend(a, done)
	if done.FlushDue() && !x.config.FlushBeforeAnswer {
		// If the answer cannot leave now, the client is gone; the flush is due
		// all the same.
		_ = x.flushAnswer()
		x.flush(done)
	}
	return nil
}

// readAppend reads and checks the request. What only the stream can tell, such as
// whether the content type is its own, is left to the log.
func (x *exchange) readAppend() (*stream.Append, error) {
	h := x.r.Header
	a := &stream.Append{Close: closes(h)}
	x.kind = appendKind(a)
	err := ifMatch(h)
	if err != nil {
		return nil, err
	}
	if a.Producer, err = producer(h); err != nil {
		return nil, err
	}
	if a.Seq, err = streamSeq(h); err != nil {
		return nil, err
	}
	contentType, typeErr := contentType(h)
	json := isJSON(contentType)
	records, length, err := x.records(json)
	switch {
	case length == 0 && err == nil && a.Close:
		// Without a body the content type does not matter, whatever it is: clients
		// attach one on their own.
		x.kind = "close"
		return a, nil
	case length == 0 && err == nil:
		return nil, errEmptyBody
	case typeErr != nil:
		return nil, typeErr
	case err != nil:
		return nil, err
	case contentType == "":
		return nil, errNoType
	case json && records.Count == 0:
		return nil, errEmptyArray
	}
	a.ContentType, a.Records = contentType, records
	return a, nil
}

func appendKind(a *stream.Append) string {
	if a.Close {
		return "append-close"
	}
	return "append"
}

// answerAppend answers an append that was accepted, now or by an earlier request.
func (x *exchange) answerAppend(a *stream.Append, done stream.Appended) {
	h := x.w.Header()
	x.set("Stream-Next-Offset", done.Tail.String())
	if done.Closed {
		h["Stream-Closed"] = headerTrue
	}
	if a.Producer == nil {
		x.send(http.StatusNoContent, nil)
		return
	}
	x.set("Producer-Epoch", strconv.FormatUint(done.Producer.Epoch, 10))
	x.set("Producer-Seq", strconv.FormatUint(done.Producer.Seq, 10))
	if done.Duplicate || a.Records.Count == 0 {
		x.send(http.StatusNoContent, nil)
		return
	}
	// With a length the response is whole once it is flushed.
	h["Content-Length"] = headerZero
	x.send(http.StatusOK, nil)
}
