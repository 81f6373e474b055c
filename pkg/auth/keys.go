package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"strings"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
)

// key is what signatures are checked with. Its algorithm follows from what it is, and
// from nothing that a token says: so no public key is ever used as an HMAC's secret.
type key struct {
	id  string
	alg jwa.SignatureAlgorithm
	raw any
}

// keySource finds the keys that a token may have been signed with.
type keySource interface {
	// find returns the keys of an algorithm that may have an id; empty if the token names
	// none. An error is [protocol.ErrNoKeys].
	find(ctx context.Context, alg jwa.SignatureAlgorithm, id string) ([]key, error)
}

// fixedKeys are those of the configuration.
type fixedKeys []key

func (ks fixedKeys) find(_ context.Context, alg jwa.SignatureAlgorithm, id string) ([]key, error) {
	var found []key
	for _, k := range ks {
		// A key that has no id may be meant by any.
		if k.alg == alg && (id == "" || k.id == "" || k.id == id) {
			found = append(found, k)
		}
	}
	return found, nil
}

// secretKeys are the secrets of HS256, of which those that are empty are left out.
func secretKeys(secrets ...string) fixedKeys {
	var ks fixedKeys
	for _, s := range secrets {
		if s != "" {
			ks = append(ks, key{alg: jwa.HS256(), raw: []byte(s)})
		}
	}
	return ks
}

// maxKeys is how many keys a set may have.
const maxKeys = 100

// ParsePublicKeys reads public keys, as PEM, one after the other, or as a JSON Web Key
// (set). Each must be one of an algorithm that is offered. Its errors contain nothing of
// the keys.
func ParsePublicKeys(text string) (PublicKeys, error) {
	isPEM := !strings.HasPrefix(strings.TrimSpace(text), "{")
	set, err := jwk.Parse([]byte(text), jwk.WithPEM(isPEM), jwk.WithMaxKeys(maxKeys))
	if err != nil || set.Len() == 0 {
		return PublicKeys{}, errors.New("they are neither public keys in PEM (BEGIN PUBLIC KEY) nor a JSON Web Key set")
	}
	var ks fixedKeys
	for i := range set.Len() {
		k, _ := set.Key(i)
		usable, err := publicKey(k)
		if err != nil {
			return PublicKeys{}, fmt.Errorf("key %d: %w", i+1, err)
		}
		ks = append(ks, usable)
	}
	return PublicKeys{ks}, nil
}

// PublicKeys are keys that JWTs are checked with.
type PublicKeys struct{ keys fixedKeys }

// publicKey returns a key with the one algorithm that it is used for.
func publicKey(k jwk.Key) (key, error) {
	var raw any
	if err := jwk.Export(k, &raw); err != nil {
		return key{}, errors.New("it is of an unknown type")
	}
	usable := key{raw: raw}
	switch public := raw.(type) {
	case *rsa.PublicKey:
		usable.alg = jwa.RS256()
	case *ecdsa.PublicKey:
		if public.Curve != elliptic.P256() {
			return key{}, errors.New("it is on another curve than P-256, which ES256 needs")
		}
		usable.alg = jwa.ES256()
	case ed25519.PublicKey:
		usable.alg = jwa.EdDSA()
	case []byte:
		return key{}, errors.New("it is a secret: those have a setting of their own")
	default:
		return key{}, errors.New("it is not a public key of RSA, P-256 or Ed25519")
	}
	if alg, ok := k.Algorithm(); ok && alg.String() != usable.alg.String() {
		return key{}, fmt.Errorf("it is for another algorithm than %s", usable.alg)
	}
	if usage, ok := k.KeyUsage(); ok && usage != "" && usage != jwk.ForSignature.String() {
		return key{}, errors.New("it is not for signatures")
	}
	usable.id, _ = k.KeyID()
	return usable, nil
}
