package auth

import (
	"strings"
	"testing"
)

// FuzzParsePublicKeys: what is taken is public keys, each with one algorithm; what is refused
// is refused without a word of it.
func FuzzParsePublicKeys(f *testing.F) {
	f.Add("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n")
	f.Add(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"a"}]}`)
	f.Add(`{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"sig","alg":"ES256"}`)
	f.Add(`{"kty":"oct","k":"c2VjcmV0"}`)
	f.Add(`{"keys":[]}`)
	f.Add("{")
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := ParsePublicKeys(text)
		if err != nil {
			// Words of the message may be in the text, but nothing long of it is in the message.
			for i := 0; i+16 <= len(text); i += 8 {
				if part := text[i : i+16]; strings.Contains(err.Error(), part) && !strings.Contains("they are neither public keys in PEM (BEGIN PUBLIC KEY) nor a JSON Web Key set", part) {
					t.Errorf("the error tells %q: %v", part, err)
				}
			}
			return
		}
		if n := len(keys.keys); n == 0 || n > maxKeys {
			t.Errorf("%d keys", n)
		}
		for _, k := range keys.keys {
			if alg := k.alg.String(); alg != "RS256" && alg != "ES256" && alg != "EdDSA" {
				t.Errorf("a public key is for %s", alg)
			}
			if _, secret := k.raw.([]byte); secret {
				t.Error("a secret is a public key")
			}
		}
	})
}
