package protocol

import (
	"mime"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Bounds on request headers that are stored with the stream. The protocol has
// none; a store needs some.
const (
	maxContentType = 256
	maxProducerID  = 256
	maxSeq         = 256
)

const (
	jsonType = "application/json"
	// formType is what curl and browsers send where nobody said what it is.
	formType = "application/x-www-form-urlencoded"
)

// one returns the value of a header that must not be repeated, and whether it is
// there: an empty header is present. The key must be canonical.
func one(h http.Header, key string) (value string, present bool, err error) {
	switch values := h[key]; len(values) {
	case 0:
		return "", false, nil
	case 1:
		return values[0], true, nil
	default:
		return "", true, problem(errBadHeader, "%s is given %d times; send it once", key, len(values))
	}
}

// closes reads Stream-Closed: only "true", in any case, counts (section 4.1).
func closes(h http.Header) bool {
	values := h["Stream-Closed"]
	return len(values) == 1 && strings.EqualFold(values[0], "true")
}

// contentType reads and checks Content-Type. It is kept as it was written; an
// empty one counts as absent.
func contentType(h http.Header) (string, error) {
	t, _, err := one(h, "Content-Type")
	if err != nil {
		return "", err
	}
	switch t {
	case "", jsonType, "text/plain", "application/octet-stream":
		return t, nil
	}
	if len(t) > maxContentType {
		return "", problem(errBadHeader, "Content-Type has %d bytes; at most %d are allowed", len(t), maxContentType)
	}
	media, _, err := mime.ParseMediaType(t)
	if err != nil || !strings.Contains(media, "/") {
		return "", problem(errBadHeader, "Content-Type is not a media type: write type/subtype, and parameters as ; name=value")
	}
	return t, nil
}

// isJSON reports whether a content type puts a stream into JSON mode (section
// 9.1).
func isJSON(contentType string) bool {
	return contentType == jsonType || stream.MediaType(contentType) == jsonType
}

// maxTTL keeps deadlines within what times and stores can express.
const maxTTL = 100 * 365 * 24 * time.Hour

// expiry reads Stream-TTL and Stream-Expires-At into a configuration (section
// 5.1).
func expiry(h http.Header, c *stream.Config) error {
	ttl, hasTTL, err := one(h, "Stream-Ttl")
	if err != nil {
		return err
	}
	at, hasAt, err := one(h, "Stream-Expires-At")
	if err != nil {
		return err
	}
	if hasTTL && hasAt {
		return problem(errBadHeader, "send Stream-TTL or Stream-Expires-At, not both")
	}
	if hasTTL {
		c.HasTTL = true
		c.TTL, err = parseTTL(ttl)
	}
	if hasAt {
		c.ExpiresAt, err = parseExpiresAt(at)
	}
	return err
}

// parseTTL reads whole seconds without sign, leading zeros or exponent.
func parseTTL(s string) (time.Duration, error) {
	n, ok := parseDigits(s, uint64(maxTTL/time.Second))
	switch {
	case ok && (s == "0" || s[0] != '0'):
		return time.Duration(n) * time.Second, nil
	case allDigits(s) && s[0] != '0':
		return 0, problem(errBadHeader, "Stream-TTL is too long; at most %d seconds are allowed", maxTTL/time.Second)
	default:
		return 0, problem(errBadHeader, "Stream-TTL must be a whole number of seconds, written in digits without leading zeros")
	}
}

// parseExpiresAt reads an RFC 3339 time. Precision is milliseconds, and the epoch
// of Unix times is excluded because stores may use it to say "never".
func parseExpiresAt(s string) (time.Time, error) {
	var t time.Time
	// UnmarshalText is stricter than time.Parse: it takes RFC 3339 and no more, but for
	// its letters in lower case.
	if err := t.UnmarshalText([]byte(strings.ToUpper(s))); err != nil {
		return time.Time{}, problem(errBadHeader, "Stream-Expires-At must be an RFC 3339 time such as 2030-01-02T15:04:05Z")
	}
	if t.UnixMilli() <= 0 {
		return time.Time{}, problem(errBadHeader, "Stream-Expires-At must be after 1970")
	}
	return time.UnixMilli(t.UnixMilli()).UTC(), nil
}

// producerHeaders come together or not at all (section 5.2.1).
var producerHeaders = [...]string{"Producer-Id", "Producer-Epoch", "Producer-Seq"}

// producer reads the producer headers; nil means that there are none.
func producer(h http.Header) (*stream.ProducerTag, error) {
	var values [len(producerHeaders)]string
	count := 0
	for i, key := range producerHeaders {
		value, present, err := one(h, key)
		if err != nil {
			return nil, err
		}
		if present {
			values[i] = value
			count++
		}
	}
	if count == 0 {
		return nil, nil
	}
	if count < len(producerHeaders) {
		return nil, problem(errBadHeader, "send Producer-Id, Producer-Epoch and Producer-Seq together, or none of them")
	}
	tag := &stream.ProducerTag{ID: values[0]}
	if tag.ID == "" || len(tag.ID) > maxProducerID || !utf8.ValidString(tag.ID) {
		return nil, problem(errBadHeader, "Producer-Id must be 1 to %d bytes of UTF-8", maxProducerID)
	}
	for i, field := range [...]*uint64{&tag.Epoch, &tag.Seq} {
		n, ok := parseDigits(values[i+1], maxSafeInteger)
		if !ok {
			return nil, problem(errBadHeader, "%s must be a whole number from 0 to %d", producerHeaders[i+1], uint64(maxSafeInteger))
		}
		*field = n
	}
	return tag, nil
}

// streamSeq reads Stream-Seq; empty means that there is none. It is compared
// byte by byte, and its scope is the stream (section 5.2).
func streamSeq(h http.Header) (string, error) {
	seq, present, err := one(h, "Stream-Seq")
	if err != nil || !present {
		return "", err
	}
	if seq == "" || len(seq) > maxSeq || !utf8.ValidString(seq) {
		return "", problem(errBadHeader, "Stream-Seq must be 1 to %d bytes of UTF-8", maxSeq)
	}
	return seq, nil
}

// maxSafeInteger is the largest integer that JavaScript holds exactly.
const maxSafeInteger = 1<<53 - 1

// parseDigits reads a decimal number of digits only, of at most max. Leading
// zeros are allowed.
func parseDigits(s string, max uint64) (uint64, bool) {
	if !allDigits(s) {
		return 0, false
	}
	var n uint64
	for i := range len(s) {
		d := uint64(s[i] - '0')
		if n > (max-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i]-'0' > 9 {
			return false
		}
	}
	return s != ""
}
