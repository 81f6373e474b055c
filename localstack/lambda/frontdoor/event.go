package frontdoor

import (
	"encoding/base64"
	"encoding/json"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// event is a request in payload format 2.0, as function URLs and HTTP APIs send
// it. (The types of aws-lambda-go lack members that AWS sends, and have others
// that it does not.)
type event struct {
	Version               string            `json:"version"`
	RouteKey              string            `json:"routeKey"`
	RawPath               string            `json:"rawPath"`
	RawQueryString        string            `json:"rawQueryString"`
	Cookies               []string          `json:"cookies,omitempty"`
	Headers               map[string]string `json:"headers"`
	QueryStringParameters map[string]string `json:"queryStringParameters,omitempty"`
	RequestContext        requestContext    `json:"requestContext"`
	Body                  string            `json:"body,omitempty"`
	IsBase64Encoded       bool              `json:"isBase64Encoded"`
}

type requestContext struct {
	AccountID    string      `json:"accountId"`
	APIID        string      `json:"apiId"`
	DomainName   string      `json:"domainName"`
	DomainPrefix string      `json:"domainPrefix"`
	HTTP         httpContext `json:"http"`
	RequestID    string      `json:"requestId"`
	RouteKey     string      `json:"routeKey"`
	Stage        string      `json:"stage"`
	Time         string      `json:"time"`
	TimeEpoch    int64       `json:"timeEpoch"`
}

type httpContext struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// timeFormat is that of requestContext.time.
const timeFormat = "02/Jan/2006:15:04:05 -0700"

// newEvent turns a request into an event, as a function URL does. The path stays
// percent-encoded in rawPath, and is decoded in http.path.
func newEvent(r *http.Request, body []byte, requestID, trace string, now time.Time) event {
	host := r.Host
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	prefix, _, _ := strings.Cut(name, ".")
	source, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		source = r.RemoteAddr
	}
	e := event{
		Version:               "2.0",
		RouteKey:              "$default",
		RawPath:               rawPath(r.URL),
		RawQueryString:        r.URL.RawQuery,
		Cookies:               cookies(r.Header),
		Headers:               headers(r, len(body), source, trace),
		QueryStringParameters: queryParameters(r.URL.RawQuery),
		RequestContext: requestContext{
			AccountID:    "anonymous",
			APIID:        prefix,
			DomainName:   host,
			DomainPrefix: prefix,
			HTTP: httpContext{
				Method:    r.Method,
				Path:      r.URL.Path,
				Protocol:  r.Proto,
				SourceIP:  source,
				UserAgent: r.UserAgent(),
			},
			RequestID: requestID,
			RouteKey:  "$default",
			Stage:     "$default",
			Time:      now.UTC().Format(timeFormat),
			TimeEpoch: now.UnixMilli(),
		},
	}
	e.Body, e.IsBase64Encoded = encodeBody(body, r.Header.Get("Content-Type"))
	return e
}

// rawPath is the path as it was sent.
func rawPath(u *url.URL) string {
	if path := u.EscapedPath(); path != "" {
		return path
	}
	return "/"
}

// hopByHop are the headers that mean the connection to the front door, and do not
// go into an event (RFC 9110, section 7.6.1).
var hopByHop = []string{"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Expect"}

// headers are those of a request, in lower case, several of a name joined by
// commas, with those that AWS adds.
func headers(r *http.Request, length int, source, trace string) map[string]string {
	kept := r.Header.Clone()
	for _, list := range kept["Connection"] {
		for name := range strings.SplitSeq(list, ",") {
			kept.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range hopByHop {
		kept.Del(name)
	}
	scheme, port := "http", "80"
	if r.TLS != nil {
		scheme, port = "https", "443"
	}
	if _, explicit, err := net.SplitHostPort(r.Host); err == nil {
		port = explicit
	}
	kept.Add("X-Forwarded-For", source)
	kept.Set("X-Forwarded-Proto", scheme)
	kept.Set("X-Forwarded-Port", port)
	kept.Set("Host", r.Host)
	if kept.Get("X-Amzn-Trace-Id") == "" {
		kept.Set("X-Amzn-Trace-Id", trace)
	}
	if length > 0 || r.ContentLength == 0 && r.Method != http.MethodGet && r.Method != http.MethodHead {
		kept.Set("Content-Length", strconv.Itoa(length))
	}
	lower := make(map[string]string, len(kept))
	for name, values := range kept {
		separator := ","
		if name == "Cookie" {
			separator = "; "
		}
		lower[strings.ToLower(name)] = strings.Join(values, separator)
	}
	return lower
}

// cookies are the pairs of the Cookie headers, as they came.
func cookies(h http.Header) []string {
	var list []string
	for _, line := range h["Cookie"] {
		for pair := range strings.SplitSeq(line, ";") {
			if pair = strings.TrimSpace(pair); pair != "" {
				list = append(list, pair)
			}
		}
	}
	return list
}

// queryParameters are decoded, several of a name joined by commas. A part that
// cannot be decoded is in rawQueryString only.
func queryParameters(raw string) map[string]string {
	values, _ := url.ParseQuery(raw) // it returns what it could parse
	if len(values) == 0 {
		return nil
	}
	joined := make(map[string]string, len(values))
	for name, list := range values {
		joined[name] = strings.Join(list, ",")
	}
	return joined
}

// encodeBody decides between text and base64. AWS documents only that binary
// bodies are encoded. Which they are was measured by others on HTTP APIs, whose
// format this is: all but text/* and application/json, xml and javascript, also a
// missing type and forms. What says that it is text and is not UTF-8 could not be
// carried in JSON, so it is encoded too.
func encodeBody(body []byte, contentType string) (text string, isBase64 bool) {
	if len(body) == 0 {
		return "", false
	}
	if isText(contentType) && utf8.Valid(body) {
		return string(body), false
	}
	return base64.StdEncoding.EncodeToString(body), true
}

func isText(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil && media == "" {
		return false
	}
	switch media {
	case "application/json", "application/xml", "application/javascript":
		return true
	}
	return strings.HasPrefix(media, "text/")
}

// payload is the event as JSON.
func (e event) payload() []byte {
	var buffer strings.Builder
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false) // each <, > and & would count six bytes
	_ = encoder.Encode(e)        // strings and numbers always marshal
	return []byte(strings.TrimSuffix(buffer.String(), "\n"))
}
