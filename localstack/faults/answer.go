package faults

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// answer is an error in the store's place, in its language.
func (e *exchange) answer(f Fault) *http.Response {
	switch {
	case f.Code == "":
		return e.respond(f.Status, "text/html", []byte("<html>no</html>"))
	case e.call.Store == Bucket:
		body := fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>injected</Message></Error>`, f.Code)
		return e.respond(f.Status, "application/xml", []byte(body))
	}
	type reason struct{ Code string }
	var body struct {
		Type    string   `json:"__type"`
		Message string   `json:"message"`
		Reasons []reason `json:"CancellationReasons,omitempty"`
	}
	body.Type, body.Message = "com.amazonaws.dynamodb.v20120810#"+f.Code, "injected"
	for _, r := range f.Reasons {
		body.Reasons = append(body.Reasons, reason{r})
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // strings can be encoded
	}
	return e.respond(f.Status, "application/x-amz-json-1.0", text)
}

func (e *exchange) respond(status int, contentType string, body []byte) *http.Response {
	return responseOf(e.request, status, http.Header{"Content-Type": {contentType}}, body)
}

// responseOf is a response with a body that is given.
func responseOf(r *http.Request, status int, header http.Header, body []byte) *http.Response {
	header = header.Clone()
	header.Set("Content-Length", strconv.Itoa(len(body)))
	return &http.Response{
		Status: fmt.Sprint(status, " ", http.StatusText(status)), StatusCode: status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}
}
