package httpresponse

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
)

// ParseBuffered reads a response that is one JSON document, of payload format
// 2.0. A document without statusCode is inferred to be the body of a JSON response
// with status 200; if it is a string, its text is the body. The error wraps
// [ErrMalformed].
func ParseBuffered(payload []byte) (Head, []byte, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(payload, &members); err != nil || members["statusCode"] == nil {
		return infer(payload)
	}
	var d struct {
		document
		Body            json.RawMessage `json:"body"`
		IsBase64Encoded bool            `json:"isBase64Encoded"`
	}
	if err := json.Unmarshal(payload, &d); err != nil {
		return Head{}, nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	h, err := d.head()
	if err != nil {
		return Head{}, nil, err
	}
	if h.Header.Get("Content-Type") == "" {
		h.Header.Set("Content-Type", "application/json")
	}
	var text string
	switch {
	case len(d.Body) == 0 || string(d.Body) == "null":
		return h, nil, nil
	case json.Unmarshal(d.Body, &text) != nil:
		return h, d.Body, nil // not a string: the JSON itself is the body
	case !d.IsBase64Encoded:
		return h, []byte(text), nil
	}
	body, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return Head{}, nil, fmt.Errorf("%w: body is not base64: %w", ErrMalformed, err)
	}
	return h, body, nil
}

// infer makes a response of a result that is none.
func infer(payload []byte) (Head, []byte, error) {
	if !json.Valid(payload) {
		return Head{}, nil, fmt.Errorf("%w: it is not JSON", ErrMalformed)
	}
	h := Head{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}}
	var text string
	if json.Unmarshal(payload, &text) == nil && string(payload) != "null" {
		return h, []byte(text), nil
	}
	return h, payload, nil
}
