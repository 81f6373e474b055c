package auth

import (
	"context"
	"errors"
	"time"

	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
)

// verifier decides which JWTs are valid (RFC 7519, in the compact form of RFC 7515).
type verifier struct {
	sources  []keySource
	issuer   string
	audience string
	skew     time.Duration
	now      func() time.Time
}

// verify returns a valid token. Why another is not valid is told to the client, once its
// signature is right; before that as much as helps to configure things.
func (v *verifier) verify(ctx context.Context, token string) (jwt.Token, error) {
	if !isCompact(token) {
		return nil, protocol.Refusal(protocol.ErrBadToken, "the token is not a signed JWT")
	}
	keys := &tokenKeys{verifier: v}
	options := []jwt.ParseOption{
		jwt.WithContext(ctx), jwt.WithKeyProvider(keys), jwt.WithStrictStringClaims(true),
		jwt.WithClock(jwt.ClockFunc(v.now)), jwt.WithAcceptableSkew(v.skew), jwt.WithRequiredClaim(jwt.ExpirationKey),
	}
	if v.issuer != "" {
		options = append(options, jwt.WithIssuer(v.issuer))
	}
	if v.audience != "" {
		options = append(options, jwt.WithAudience(v.audience))
	}
	t, err := jwt.ParseString(token, options...)
	if err != nil {
		return nil, keys.explain(err)
	}
	return t, nil
}

// isCompact reports whether a token is three parts in base64url.
func isCompact(token string) bool {
	dots := 0
	for _, c := range []byte(token) {
		switch {
		case c == '.':
			dots++
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return dots == 2
}

// tokenKeys looks up the keys of one token, and remembers why there are none.
type tokenKeys struct {
	*verifier
	asked bool
	err   error
}

// FetchKeys implements [jws.KeyProvider]. Only keys of the token's algorithm are tried,
// and no algorithm but those of keys: "none" has no key.
func (k *tokenKeys) FetchKeys(ctx context.Context, sink jws.KeySink, sig *jws.Signature, _ *jws.Message) error {
	if k.asked {
		// A JWT in a JWT: the outer one is enough.
		k.err = protocol.Refusal(protocol.ErrBadToken, "the token contains another token")
		return k.err
	}
	k.asked = true
	header := sig.ProtectedHeaders()
	if _, extended := header.Critical(); extended {
		k.err = protocol.Refusal(protocol.ErrBadToken, "the token has extensions (crit) that this server does not know")
		return k.err
	}
	alg, _ := header.Algorithm()
	id, _ := header.KeyID()
	count := 0
	for _, s := range k.sources {
		found, err := s.find(ctx, alg, id)
		if err != nil {
			k.err = err
			continue
		}
		for _, key := range found {
			sink.Key(key.alg, key.raw)
			count++
		}
	}
	if count == 0 {
		if k.err == nil {
			k.err = protocol.Refusal(protocol.ErrBadToken, "the token is not signed with a key of this server: its alg or its kid is none of them")
		}
		return k.err
	}
	return nil
}

// explain turns the library's error into one for the client. Its own text may have parts
// of the token in it.
func (k *tokenKeys) explain(err error) error {
	text := "the token is not a JWT, or its signature is wrong"
	switch {
	case k.err != nil:
		return k.err
	case errors.Is(err, jwt.TokenExpiredError()):
		text = "the token has expired: get a new one"
	case errors.Is(err, jwt.TokenNotYetValidError()), errors.Is(err, jwt.InvalidIssuedAtError()):
		text = "the token is not valid yet: its nbf or iat is in the future"
	case errors.Is(err, jwt.InvalidIssuerError()):
		text = "the token is from another issuer than this server's: see its iss"
	case errors.Is(err, jwt.InvalidAudienceError()):
		text = "the token is for another server: see its aud"
	case errors.Is(err, jwt.ValidateError()):
		text = "the token needs an exp, a number: when it expires, in seconds since 1970"
	}
	return protocol.Refusal(protocol.ErrBadToken, text)
}
