package auth

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
)

// Config is what a server knows of those who may use it: either shared tokens, or what
// JWTs are checked with.
type Config struct {
	// Tokens are shared tokens, of which any lets its holders do everything with streams.
	// There are two while one is being replaced.
	Tokens []string
	// JWT is for tokens that say what they allow; nil if Tokens are used.
	JWT *JWT
	// ReaderKey is the secret that reader keys are made from. Empty means that no shared
	// cache may keep anything.
	ReaderKey string
	// Rate is how often a token may be used; a JWT's subject counts, or its tenant.
	Rate Rate
	// Logger gets what goes wrong with keys at a URL. Default: no logging.
	Logger *slog.Logger
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// JWT says which JWTs are valid, and what in them counts. There must be at least one
// kind of key; every kind is of one algorithm (HS256; RS256, ES256, EdDSA).
type JWT struct {
	// Secrets are those of HS256, in use and before that; empty ones do not count.
	Secrets []string
	// PublicKeys are keys that do not change.
	PublicKeys PublicKeys
	// KeysURL is where the issuer has its JSON Web Key set; empty if nowhere. It is asked
	// when a token needs it, again after Refresh, and when a token has an unknown key id,
	// but not more than once in 30 s. If it does not answer, the keys that it had are
	// used for 24 hours.
	KeysURL string
	Refresh time.Duration
	// Client asks for the keys. Default: one that does not follow redirects.
	Client *http.Client
	// Issuer and Audience are what iss and aud must be, or contain. Empty means anything.
	Issuer, Audience string
	// Skew is by how much clocks may differ.
	Skew time.Duration
	// QueryLife is how long a token may live, from iat to exp, that is in a query. 0 means
	// that none may be there.
	QueryLife time.Duration
	// StreamsClaim is the claim that says what a token allows; TenantClaim the one with the
	// tenant, empty if there are none. TenantRequired refuses tokens without it.
	StreamsClaim, TenantClaim string
	TenantRequired            bool
}

// Access implements [protocol.Access]. It is safe for concurrent use.
type Access struct {
	tokens   secrets
	jwt      *JWT
	verifier *verifier
	names    claimNames
	keys     readerKeys
	limiter  *limiter
	now      func() time.Time
}

// New returns who may do what by a configuration. It makes no request.
func New(c Config) (*Access, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	limiter, err := newLimiter(c.Rate)
	if err != nil {
		return nil, err
	}
	a := &Access{
		tokens: newSecrets(c.Tokens...), jwt: c.JWT,
		keys: readerKeys{[]byte(c.ReaderKey)}, limiter: limiter, now: c.Now,
	}
	switch {
	case (len(a.tokens) > 0) == (c.JWT != nil):
		return nil, errors.New("auth: either shared tokens or JWTs must be configured")
	case c.JWT == nil:
		return a, nil
	}
	a.names = claimNames{streams: c.JWT.StreamsClaim, tenant: c.JWT.TenantClaim}
	a.verifier = &verifier{
		issuer: c.JWT.Issuer, audience: c.JWT.Audience, skew: c.JWT.Skew, now: c.Now,
	}
	if keys := append(secretKeys(c.JWT.Secrets...), c.JWT.PublicKeys.keys...); len(keys) > 0 {
		a.verifier.sources = append(a.verifier.sources, keys)
	}
	if c.JWT.KeysURL != "" {
		a.verifier.sources = append(a.verifier.sources, &remoteKeys{
			url: c.JWT.KeysURL, client: keysClient(c.JWT.Client), refresh: c.JWT.Refresh, now: c.Now, logger: c.Logger,
		})
	}
	if len(a.verifier.sources) == 0 {
		return nil, errors.New("auth: JWTs need a key to check them with")
	}
	if c.JWT.KeysURL != "" && len(c.JWT.PublicKeys.keys) > 0 {
		return nil, errors.New("auth: public keys are either fixed or at a URL")
	}
	return a, nil
}

// keysClient is the client for keys: a redirect could lead anywhere.
func keysClient(client *http.Client) *http.Client {
	if client != nil {
		return client
	}
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Grant implements [protocol.Access]. It makes a request only for keys at a URL.
func (a *Access) Grant(r *http.Request) (protocol.Grant, error) {
	c, err := readCredentials(r, a.jwt != nil && a.jwt.QueryLife > 0)
	if err != nil {
		return nil, err
	}
	g := grant{readsOnly: c.inQuery, readerKey: c.readerKey, keys: a.keys, now: a.now()}
	sender := ""
	if a.jwt == nil {
		if !a.tokens.has(c.token) {
			return nil, protocol.Refusal(protocol.ErrBadToken, "the token is not the server's AUTH_TOKEN")
		}
	} else {
		if g.claims, err = a.claims(r.Context(), c); err != nil {
			return nil, err
		}
		g.skew, sender = a.jwt.Skew, g.sender
	}
	if err := a.limiter.take(sender, g.now); err != nil {
		return nil, err
	}
	return g, nil
}

// claims returns what the token of a request for a stream says.
func (a *Access) claims(ctx context.Context, shown credentials) (*claims, error) {
	c, err := a.verify(ctx, shown.token)
	if err != nil {
		return nil, err
	}
	if c.tenant == "" && a.jwt.TenantRequired && a.names.tenant != "" {
		return nil, badClaim("the token needs a claim %q, which says of which tenant it is", a.names.tenant)
	}
	if life := a.jwt.QueryLife; shown.inQuery && (c.issued.IsZero() || c.expires.Sub(c.issued) > life) {
		return nil, badClaim("a token in the query must not be valid for more than %v, from its iat to its exp", life)
	}
	return c, nil
}

// verify returns what a token says, if it is valid.
func (a *Access) verify(ctx context.Context, token string) (*claims, error) {
	t, err := a.verifier.verify(ctx, token)
	if err != nil {
		return nil, err
	}
	return a.names.read(t)
}

// Admin reports whether a request's sender may use the administrators' API: with a JWT
// that has the right admin and no tenant, in the header. Shared tokens may not.
func (a *Access) Admin(r *http.Request) bool {
	if a.jwt == nil {
		return false
	}
	token, err := headerToken(r.Header["Authorization"])
	if err != nil || token == "" || len(token) > maxToken {
		return false
	}
	c, err := a.verify(r.Context(), token)
	return err == nil && c.admin && c.tenant == ""
}
