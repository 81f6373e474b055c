// Package httpresponse reads the HTTP responses that functions return, in the two
// forms that Lambda has: a stream that begins with a prelude, and one JSON document.
package httpresponse

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// ErrMalformed says that what a function returned is not a response. Lambda
// answers 502 in its place.
var ErrMalformed = errors.New("malformed response")

// Head is a response without its body. Cookies are in the header, as Set-Cookie.
type Head struct {
	Status int
	Header http.Header
}

// document is what both forms have in common.
type document struct {
	StatusCode json.RawMessage `json:"statusCode"`
	Headers    map[string]any  `json:"headers"`
	Cookies    []string        `json:"cookies"`
}

// head checks a document. A missing status is 200.
func (d document) head() (Head, error) {
	h := Head{Status: http.StatusOK, Header: make(http.Header)}
	if len(d.StatusCode) > 0 && string(d.StatusCode) != "null" {
		status, err := strconv.Atoi(strings.Trim(string(d.StatusCode), `"`))
		if err != nil || status < 200 || status > 599 {
			return h, fmt.Errorf("%w: statusCode is %s", ErrMalformed, d.StatusCode)
		}
		h.Status = status
	}
	for name, value := range d.Headers {
		text, err := scalar(value)
		if err != nil || !validName(name) || !validValue(text) {
			return h, fmt.Errorf("%w: header %q", ErrMalformed, name)
		}
		h.Header.Add(name, text)
	}
	for _, cookie := range d.Cookies {
		if !validValue(cookie) {
			return h, fmt.Errorf("%w: cookie", ErrMalformed)
		}
		h.Header.Add("Set-Cookie", cookie)
	}
	return h, nil
}

// scalar is the text of a header's value, which may be a number or a boolean.
func scalar(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case bool:
		return strconv.FormatBool(v), nil
	default:
		return "", ErrMalformed
	}
}

// validName reports whether a text is a token (RFC 9110, section 5.6.2).
func validName(name string) bool {
	return name != "" && strings.IndexFunc(name, func(r rune) bool {
		alphanumeric := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !alphanumeric && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	}) < 0
}

// validValue reports whether a text can be a header's value.
func validValue(value string) bool { return !strings.ContainsAny(value, "\r\n\x00") }
