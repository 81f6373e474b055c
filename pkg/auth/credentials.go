package auth

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
)

// maxToken is the longest token that is looked at, in bytes.
const maxToken = 8 << 10

// queryToken is the parameter of a token in a query, readerKeyParameter that of a
// reader key.
const (
	queryToken         = "token"
	readerKeyParameter = "reader-key"
)

// credentials is what a request says of its sender.
type credentials struct {
	token string
	// inQuery says that the token was in the query, which more eyes see than a header.
	inQuery bool
	// readerKey is what the query has of that name.
	readerKey string
}

// readCredentials finds the one token of a request (RFC 6750, section 2). Those in
// queries are taken from reads by GET, and only if they are offered.
func readCredentials(r *http.Request, offerQuery bool) (credentials, error) {
	token, err := headerToken(r.Header["Authorization"])
	if err != nil {
		return credentials{}, err
	}
	c := credentials{token: token}
	if r.Method == http.MethodGet && r.URL.RawQuery != "" {
		// What is wrong with a query is told to those who may read.
		values, _ := url.ParseQuery(r.URL.RawQuery)
		c.readerKey = values.Get(readerKeyParameter)
		if tokens := values[queryToken]; offerQuery && len(tokens) > 0 {
			if len(tokens) > 1 || token != "" {
				return credentials{}, protocol.ErrManyTokens
			}
			c.token, c.inQuery = tokens[0], true
		}
	}
	switch {
	case c.token == "" && offerQuery && r.Method != http.MethodGet && strings.Contains(r.URL.RawQuery, queryToken+"="):
		return credentials{}, protocol.Refusal(protocol.ErrNoToken, "a token in the query is for GET only: send it as Authorization: Bearer <token>")
	case c.token == "":
		return credentials{}, protocol.ErrNoToken
	case len(c.token) > maxToken:
		return credentials{}, protocol.Refusal(protocol.ErrBadToken, "the token is too long")
	}
	return c, nil
}

// headerToken returns the token in the Authorization header, empty if there is none.
// Other schemes are as good as none.
func headerToken(values []string) (string, error) {
	switch len(values) {
	case 0:
		return "", nil
	case 1:
	default:
		return "", protocol.ErrManyTokens
	}
	scheme, token, _ := strings.Cut(strings.Trim(values[0], " \t"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", nil
	}
	return strings.Trim(token, " \t"), nil
}
