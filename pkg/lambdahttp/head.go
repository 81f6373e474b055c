package lambdahttp

import (
	"io"
	"maps"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// head is what goes before the body. Its header belongs to it.
type head struct {
	status int
	header http.Header
}

// streaming returns the response with a body. A function URL takes one value for a
// name, so several are joined as RFC 9110, section 5.3 allows, except for Set-Cookie,
// which has a place of its own.
func (h head) streaming(body io.Reader) *events.LambdaFunctionURLStreamingResponse {
	out := &events.LambdaFunctionURLStreamingResponse{StatusCode: h.status, Headers: make(map[string]string, len(h.header)), Body: body}
	for name, values := range h.header {
		switch {
		case len(values) == 0 || !isToken(name):
		case http.CanonicalHeaderKey(name) == "Set-Cookie":
			for _, v := range values {
				out.Cookies = append(out.Cookies, fieldValue(v))
			}
		default:
			out.Headers[name] = fieldValue(strings.Join(values, ", "))
		}
	}
	return out
}

// withoutBody removes what a response without a body must not say (RFC 9110,
// sections 8.6 and 15.4.5).
func (h head) withoutBody() {
	absent := map[string]bool{"Content-Length": true, "Transfer-Encoding": true}
	if h.status == http.StatusNotModified {
		absent["Content-Type"] = true
	}
	maps.DeleteFunc(h.header, func(name string, _ []string) bool { return absent[http.CanonicalHeaderKey(name)] })
}

// sniff fills in the content type from the beginning of the body, as net/http does.
func (h head) sniff(begin []byte) {
	_, typed := h.header["Content-Type"]
	if len(begin) > 0 && !typed && h.header.Get("Content-Encoding") == "" {
		h.header.Set("Content-Type", http.DetectContentType(begin))
	}
}

// bodyAllowed reports whether a response with a status has a body.
func bodyAllowed(status int) bool {
	return status != http.StatusNoContent && status != http.StatusNotModified
}

// fieldValue makes a text safe as a header's value, as net/http does.
func fieldValue(v string) string {
	if strings.ContainsAny(v, "\r\n\x00") {
		v = strings.Map(func(r rune) rune {
			if r == '\r' || r == '\n' || r == 0 {
				return ' '
			}
			return r
		}, v)
	}
	return strings.Trim(v, " \t")
}

// isToken reports whether a text is a token, as methods and names of headers are
// (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		alphanumeric := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !alphanumeric && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	}) < 0
}
