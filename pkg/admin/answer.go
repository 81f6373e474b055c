package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// answer is a response.
type answer struct {
	status      int
	contentType string
	headers     map[string]string
	body        []byte
}

// What is wrong with a request. The texts are for the client.
var (
	errNotOffered = errors.New("the admin API is not offered: set ADMIN_TOKEN on the server, and send it as Authorization: Bearer <token>")
	errNoToken    = errors.New("the server's ADMIN_TOKEN is needed: send it as Authorization: Bearer <token>")
	errWrongToken = errors.New("this is not the server's ADMIN_TOKEN")
	errNoRoute    = errors.New("there is nothing here: use " + prefix + "streams, " + prefix + "segments or " + prefix + "metrics")
	errNoMetrics  = errors.New("this server has no metrics here: on AWS they are in CloudWatch")
	errMethod     = errors.New("the admin API only reads: use GET or HEAD")
	errBadQuery   = errors.New("bad query")
)

// problem returns an error of a kind, with a text of its own for the client.
func problem(kind error, text string) error { return &problemError{kind, text} }

type problemError struct {
	kind error
	text string
}

func (e *problemError) Error() string { return e.text }
func (e *problemError) Unwrap() error { return e.kind }

const realm = `Bearer realm="durable streams administration"`

// errorAnswer is the one place that maps errors to answers. What the core says stays
// inside: it is for the log.
func errorAnswer(err error) answer {
	status, text, headers := http.StatusInternalServerError, "internal error", map[string]string(nil)
	switch {
	case errors.Is(err, errNotOffered), errors.Is(err, errNoRoute), errors.Is(err, errNoMetrics):
		status, text = http.StatusNotFound, err.Error()
	case errors.Is(err, errNoToken):
		status, text, headers = http.StatusUnauthorized, err.Error(), map[string]string{"WWW-Authenticate": realm}
	case errors.Is(err, errWrongToken):
		status, text, headers = http.StatusUnauthorized, err.Error(), map[string]string{"WWW-Authenticate": realm + `, error="invalid_token"`}
	case errors.Is(err, errMethod):
		status, text, headers = http.StatusMethodNotAllowed, err.Error(), map[string]string{"Allow": "GET, HEAD"}
	case errors.Is(err, errBadQuery):
		status, text = http.StatusBadRequest, err.Error()
	case errors.Is(err, stream.ErrUnavailable):
		status, text, headers = http.StatusServiceUnavailable, "storage is unavailable: try again", map[string]string{"Retry-After": "1"}
	}
	a := jsonAnswer(status, struct {
		Error string `json:"error"`
	}{text})
	a.headers = headers
	return a
}

// jsonAnswer returns an answer in JSON. The value must be one that can be encoded.
func jsonAnswer(status int, value any) answer {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false) // it is read in terminals
	if err := e.Encode(value); err != nil {
		panic(err)
	}
	return answer{status: status, contentType: "application/json", body: body.Bytes()}
}
