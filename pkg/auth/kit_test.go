package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func atNoon() time.Time { return noon }

const secret = "0123456789abcdef0123456789abcdef"

// pair is a key with which tests sign, and how it is told to the server.
type pair struct {
	alg    jwa.SignatureAlgorithm
	signer any
	public any
}

// pairs has one of each algorithm but RS256.
type pairs struct{ hs, es, ed pair }

// rsPair is for RS256. It takes long to make.
func rsPair(t testing.TB) pair {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return pair{jwa.RS256(), r, &r.PublicKey}
}

func newPairs(t testing.TB) pairs {
	t.Helper()
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pairs{
		hs: hsPair(),
		es: pair{jwa.ES256(), e, &e.PublicKey},
		ed: pair{jwa.EdDSA(), private, public},
	}
}

// hsPair is the one that newAccess knows.
func hsPair() pair { return pair{jwa.HS256(), []byte(secret), []byte(secret)} }

// pemOf is a public key in PEM.
func pemOf(t testing.TB, public any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// object is what a token claims.
type object map[string]any

// valid is a token's claims, with some changed; nil removes one.
func valid(changes object) object {
	c := object{
		"sub": "ann", "iss": "issuer", "aud": "streams", "iat": noon.Add(-time.Minute).Unix(), "exp": noon.Add(time.Minute).Unix(),
		"streams": object{"a": []string{"read"}},
	}
	for name, value := range changes {
		if value == nil {
			delete(c, name)
		} else {
			c[name] = value
		}
	}
	return c
}

// sign makes a token, with an optional key id.
func (p pair) sign(t testing.TB, claims object, kid ...string) string {
	t.Helper()
	token := jwt.New()
	for name, value := range claims {
		if err := token.Set(name, value); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	key, err := jwk.Import(p.signer)
	if err != nil {
		t.Fatal(err)
	}
	if len(kid) > 0 {
		if err := key.Set(jwk.KeyIDKey, kid[0]); err != nil {
			t.Fatal(err)
		}
	}
	signed, err := jwt.Sign(token, jwt.WithKey(p.alg, key))
	if err != nil {
		t.Fatal(err)
	}
	return string(signed)
}

// signRaw signs a text, which need not be what a JWT has.
func (p pair) signRaw(t testing.TB, payload string) string {
	t.Helper()
	signed, err := jws.Sign([]byte(payload), jws.WithKey(p.alg, p.signer))
	if err != nil {
		t.Fatal(err)
	}
	return string(signed)
}

// newAccess is JWT mode with the secret, and some settings changed.
func newAccess(t testing.TB, changes ...func(*Config)) *Access {
	t.Helper()
	c := Config{
		Now: atNoon,
		JWT: &JWT{Secrets: []string{secret}, StreamsClaim: "streams", QueryLife: 5 * time.Minute},
	}
	for _, change := range changes {
		change(&c)
	}
	a, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// request is one with an Authorization header for each token.
func request(method, target string, tokens ...string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	for _, token := range tokens {
		r.Header.Add("Authorization", "Bearer "+token)
	}
	return r
}

// check reports whether a token is good for a GET.
func (a *Access) check(token string) error {
	_, err := a.Grant(request(http.MethodGet, "/v1/stream/a", token))
	return err
}

// refusedAs reports whether an error is a kind of the protocol's, with a text.
func refusedAs(err, kind error, text string) bool {
	return errors.Is(err, kind) && (text == "" || err.Error() == text)
}

var badToken = protocol.ErrBadToken
