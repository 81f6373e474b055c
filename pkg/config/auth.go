package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/auth"
)

// Auth says who may do what.
type Auth struct {
	Mode          string `env:"AUTH_MODE" envDefault:"off" doc:"who may use streams: 'off' everybody, 'token' who has AUTH_TOKEN, 'jwt' who has a JWT that allows it"`
	Token         string `env:"AUTH_TOKEN" doc:"the token of AUTH_MODE=token, at least 16 characters"`
	TokenPrevious string `env:"AUTH_TOKEN_PREVIOUS" doc:"the token before that, while clients change to the new one"`

	JWTSecret         string        `env:"AUTH_JWT_SECRET" doc:"secret of JWTs with HS256, at least 32 characters"`
	JWTSecretPrevious string        `env:"AUTH_JWT_SECRET_PREVIOUS" doc:"the secret before that, while issuers change to the new one"`
	JWTPublicKeys     string        `env:"AUTH_JWT_PUBLIC_KEYS" doc:"public keys of JWTs with RS256, ES256 (P-256) or EdDSA (Ed25519): PEM, one after the other, or a JSON Web Key set"`
	JWTKeysURL        string        `env:"AUTH_JWT_JWKS_URL" doc:"https URL of a JSON Web Key set, instead of AUTH_JWT_PUBLIC_KEYS; needs AUTH_JWT_ISSUER and AUTH_JWT_AUDIENCE"`
	JWTRefresh        time.Duration `env:"AUTH_JWT_JWKS_REFRESH" envDefault:"1h" doc:"how often the keys at AUTH_JWT_JWKS_URL are fetched again; a token with an unknown kid has them fetched at once, every 30s at most"`
	JWTIssuer         string        `env:"AUTH_JWT_ISSUER" doc:"what a JWT's iss must be; empty means anything"`
	JWTAudience       string        `env:"AUTH_JWT_AUDIENCE" doc:"what a JWT's aud must be or contain; empty means anything"`
	JWTSkew           time.Duration `env:"AUTH_JWT_CLOCK_SKEW" envDefault:"30s" doc:"by how much the issuer's clock may differ"`
	JWTStreamsClaim   string        `env:"AUTH_JWT_STREAMS_CLAIM" envDefault:"streams" doc:"the claim that says what a JWT allows"`
	QueryLife         time.Duration `env:"AUTH_QUERY_TOKEN_LIFE" envDefault:"5m" doc:"how long a JWT may be valid (exp - iat) that is sent as ?token=..., for reads by EventSource; 0 switches that off"`
	TenantClaim       string        `env:"AUTH_TENANT_CLAIM" doc:"the claim of JWTs with their tenant, each of which has streams of its own; empty means no tenants"`
	TenantRequired    bool          `env:"AUTH_TENANT_REQUIRED" envDefault:"true" doc:"'false' lets JWTs without AUTH_TENANT_CLAIM use the streams of all tenants, as <tenant>/<stream>"`

	ReaderKey string  `env:"AUTH_READER_KEY" doc:"secret of at least 32 characters that lets shared caches keep what needs a token, under URLs that only readers know; empty means no shared caches"`
	Rate      float64 `env:"AUTH_RATE" envDefault:"0" doc:"requests a second that a token is good for, in each process; more are answered 429; 0 means no limit"`
	RateBurst int     `env:"AUTH_RATE_BURST" envDefault:"100" doc:"requests at once that AUTH_RATE lets through"`
}

// The values of AUTH_MODE.
const (
	authOff   = "off"
	authToken = "token"
	authJWT   = "jwt"
)

// Open returns who may do what, or nil if everybody may do everything. An error names
// the variable that is wrong: only what serves clients needs them, so nothing else looks.
func (a Auth) Open(logger *slog.Logger) (*auth.Access, error) {
	if err := a.check(); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	if a.Mode == authOff {
		return nil, nil
	}
	c := auth.Config{
		ReaderKey: a.ReaderKey, Logger: logger,
		Rate: auth.Rate{PerSecond: a.Rate, Burst: a.RateBurst},
	}
	if a.Mode == authToken {
		c.Tokens = []string{a.Token, a.TokenPrevious}
		return auth.New(c)
	}
	keys, err := a.publicKeys()
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	c.JWT = &auth.JWT{
		Secrets: []string{a.JWTSecret, a.JWTSecretPrevious}, PublicKeys: keys,
		KeysURL: a.JWTKeysURL, Refresh: a.JWTRefresh,
		Issuer: a.JWTIssuer, Audience: a.JWTAudience, Skew: a.JWTSkew, QueryLife: a.QueryLife,
		StreamsClaim: a.JWTStreamsClaim, TenantClaim: a.TenantClaim, TenantRequired: a.TenantRequired,
	}
	return auth.New(c)
}

// Describe says who may use the streams, as a sentence without secrets.
func (a Auth) Describe() string {
	switch a.Mode {
	case authToken:
		return "Who has AUTH_TOKEN may use the streams."
	case authJWT:
		if a.TenantClaim != "" {
			return fmt.Sprintf("Who has a JWT may use the streams that it allows, of the tenant in its claim %q.", a.TenantClaim)
		}
		return "Who has a JWT may use the streams that it allows."
	}
	return "Everybody may use the streams: AUTH_MODE is off."
}

// CurlHeader returns what curl needs besides to use the streams: nothing, or an option
// with a space in front.
func (a Auth) CurlHeader() string {
	switch a.Mode {
	case authToken:
		return ` -H "Authorization: Bearer $AUTH_TOKEN"`
	case authJWT:
		return ` -H "Authorization: Bearer $TOKEN"`
	}
	return ""
}

// Exposes reports whether others than this machine can reach a server at an address, and it
// does not ask who they are.
func (a Auth) Exposes(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && !tcp.IP.IsLoopback() && a.Mode == authOff
}

// WarnOpen returns a warning for a server at an address, where that [Auth.Exposes] it; else
// it is empty.
func (a Auth) WarnOpen(addr net.Addr) string {
	if !a.Exposes(addr) {
		return ""
	}
	return fmt.Sprintf("WARNING: listening on %s, not on loopback, and AUTH_MODE is off: anybody who\nreaches this address can read, write and delete every stream.\n\n", addr.(*net.TCPAddr).IP)
}

// minKey is the length below which a key of an HMAC is weaker than the HMAC.
const minKey = 32

func (a Auth) check() error {
	err := first(
		oneOf("AUTH_MODE", a.Mode, authOff, authToken, authJWT),
		secret("AUTH_TOKEN", a.Token, minSecret),
		secret("AUTH_TOKEN_PREVIOUS", a.TokenPrevious, minSecret),
		secret("AUTH_JWT_SECRET", a.JWTSecret, minKey),
		secret("AUTH_JWT_SECRET_PREVIOUS", a.JWTSecretPrevious, minKey),
		secret("AUTH_READER_KEY", a.ReaderKey, minKey),
		atLeast("AUTH_JWT_JWKS_REFRESH", int(a.JWTRefresh), "30s", int(30*time.Second)),
		inRange("AUTH_JWT_CLOCK_SKEW", int(a.JWTSkew/time.Second), 0, 600),
		notNegative("AUTH_JWT_CLOCK_SKEW", int(a.JWTSkew)),
		notNegative("AUTH_QUERY_TOKEN_LIFE", int(a.QueryLife)),
	)
	switch {
	case err != nil:
		return err
	case !(a.Rate >= 0 && a.Rate <= 1e6):
		return errors.New("AUTH_RATE must be between 0 and 1000000")
	case a.Rate > 0 && a.RateBurst < 1:
		return errors.New("AUTH_RATE_BURST must be positive, since AUTH_RATE is")
	}
	return a.checkMode()
}

// checkMode checks that a mode has what it needs, and that nothing is set that it would
// not look at: whoever set it believes that it protects something.
func (a Auth) checkMode() error {
	type setting struct {
		name string
		set  bool
	}
	tokens := []setting{{"AUTH_TOKEN", a.Token != ""}, {"AUTH_TOKEN_PREVIOUS", a.TokenPrevious != ""}}
	jwts := []setting{
		{"AUTH_JWT_SECRET", a.JWTSecret != ""}, {"AUTH_JWT_SECRET_PREVIOUS", a.JWTSecretPrevious != ""},
		{"AUTH_JWT_PUBLIC_KEYS", a.JWTPublicKeys != ""}, {"AUTH_JWT_JWKS_URL", a.JWTKeysURL != ""},
		{"AUTH_JWT_ISSUER", a.JWTIssuer != ""}, {"AUTH_JWT_AUDIENCE", a.JWTAudience != ""}, {"AUTH_TENANT_CLAIM", a.TenantClaim != ""},
	}
	both := []setting{{"AUTH_READER_KEY", a.ReaderKey != ""}, {"AUTH_RATE", a.Rate > 0}}
	var unused []setting
	switch a.Mode {
	case authOff:
		unused = append(append(append(unused, tokens...), jwts...), both...)
	case authToken:
		unused = jwts
	case authJWT:
		unused = tokens
	}
	for _, s := range unused {
		if s.set {
			return fmt.Errorf("%s is set, and AUTH_MODE is %q, which has no use for it: set another AUTH_MODE, or unset it", s.name, a.Mode)
		}
	}
	switch a.Mode {
	case authToken:
		return neededBy("AUTH_MODE=token", "AUTH_TOKEN", a.Token)
	case authJWT:
		return a.checkJWT()
	}
	return nil
}

func (a Auth) checkJWT() error {
	switch {
	case a.JWTSecret == "" && a.JWTPublicKeys == "" && a.JWTKeysURL == "":
		return errors.New("AUTH_MODE is \"jwt\": set AUTH_JWT_SECRET, AUTH_JWT_PUBLIC_KEYS or AUTH_JWT_JWKS_URL, to check tokens with")
	case a.JWTPublicKeys != "" && a.JWTKeysURL != "":
		return errors.New("AUTH_JWT_PUBLIC_KEYS and AUTH_JWT_JWKS_URL must not be set together")
	case a.TenantClaim != "" && a.TenantClaim == a.JWTStreamsClaim:
		return errors.New("AUTH_TENANT_CLAIM must not be AUTH_JWT_STREAMS_CLAIM")
	}
	if a.JWTKeysURL != "" {
		// Whoever shares an issuer with us must not be able to use tokens for others here.
		if err := first(
			neededBy("AUTH_JWT_JWKS_URL", "AUTH_JWT_ISSUER", a.JWTIssuer),
			neededBy("AUTH_JWT_JWKS_URL", "AUTH_JWT_AUDIENCE", a.JWTAudience),
			checkKeysURL(a.JWTKeysURL),
		); err != nil {
			return err
		}
	}
	_, err := a.publicKeys()
	return err
}

func (a Auth) publicKeys() (auth.PublicKeys, error) {
	if a.JWTPublicKeys == "" {
		return auth.PublicKeys{}, nil
	}
	keys, err := auth.ParsePublicKeys(a.JWTPublicKeys)
	if err != nil {
		return auth.PublicKeys{}, fmt.Errorf("AUTH_JWT_PUBLIC_KEYS: %w", err)
	}
	return keys, nil
}

// checkKeysURL wants https, as whoever can change the answer can make tokens; on the
// same machine http will do.
func checkKeysURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return errors.New("AUTH_JWT_JWKS_URL must be an https URL without credentials, such as https://issuer.example.com/.well-known/jwks.json")
	}
	return nil
}

// isLoopback reports whether a host is this machine and nothing else.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// secret checks a secret that may be left out. Its error does not tell it.
func secret(name, value string, least int) error {
	if value != "" && len(value) < least {
		return fmt.Errorf("%s has %d characters: it must have %d at least", name, len(value), least)
	}
	for _, c := range []byte(value) {
		if c <= ' ' || c > '~' {
			return fmt.Errorf("%s must be of ASCII characters without spaces, as it is sent in a header", name)
		}
	}
	return nil
}
