//go:build unix

// Package invoke runs a function once, with one event, and shows what it
// returns: the local counterpart of `aws lambda invoke`.
package invoke

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"unicode/utf8"

	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/host"
	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/httpresponse"
)

// Result is what a function returned.
type Result struct {
	// Status and Header are those of an HTTP response; Status is 0 if the function
	// returned something else.
	Status int
	Header http.Header
	// Body is the response's body, or the whole result.
	Body []byte
}

// Once starts a function, invokes it with an event, and ends it. The errors are
// those of [host.New] and [host.Function.InvokeStream]: a [*host.FunctionError] if
// the function failed, after which Result holds what it had written of a body.
// A malformed HTTP response is an error that wraps [httpresponse.ErrMalformed].
func Once(ctx context.Context, c host.Config, event []byte) (Result, error) {
	if !json.Valid(event) {
		return Result{}, fmt.Errorf("invoke %s: the event is not JSON", c.Name)
	}
	f, err := host.New(c)
	if err != nil {
		return Result{}, err
	}
	defer f.Close()
	response, err := f.InvokeStream(ctx, event)
	if err != nil {
		return Result{}, err
	}
	stop := context.AfterFunc(ctx, func() { _ = response.Body.Close() })
	defer stop()
	result, err := read(response)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return result, err
}

func read(response *host.Response) (Result, error) {
	if response.ContentType == httpresponse.StreamContentType {
		head, stream, err := httpresponse.ReadStream(response.Body)
		if err != nil {
			return Result{}, err
		}
		body, err := io.ReadAll(stream)
		return Result{head.Status, head.Header, body}, err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil || !hasStatus(body) {
		return Result{Body: body}, err
	}
	head, body, err := httpresponse.ParseBuffered(body)
	return Result{head.Status, head.Header, body}, err
}

// hasStatus reports whether a result is an HTTP response.
func hasStatus(result []byte) bool {
	var members map[string]json.RawMessage
	return json.Unmarshal(result, &members) == nil && members["statusCode"] != nil
}

// Print writes a result for people to read: status line, headers in alphabetical
// order, body. JSON is indented; what is not text is only counted.
func (r Result) Print(w io.Writer) error {
	var b bytes.Buffer
	if r.Status != 0 {
		fmt.Fprintf(&b, "HTTP %d %s\n", r.Status, http.StatusText(r.Status))
		names := make([]string, 0, len(r.Header))
		for name := range r.Header {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			for _, value := range r.Header[name] {
				fmt.Fprintf(&b, "%s: %s\n", name, value)
			}
		}
		b.WriteByte('\n')
	}
	var indented bytes.Buffer
	switch {
	case json.Indent(&indented, r.Body, "", "  ") == nil:
		indented.WriteTo(&b)
	case utf8.Valid(r.Body):
		b.Write(r.Body)
	default:
		fmt.Fprintf(&b, "(%d bytes, not text)", len(r.Body))
	}
	if n := b.Len(); n > 0 && b.Bytes()[n-1] != '\n' {
		b.WriteByte('\n')
	}
	_, err := b.WriteTo(w)
	return err
}
