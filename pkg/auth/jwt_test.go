package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// withKeys adds public keys in PEM.
func withKeys(t testing.TB, public ...any) func(*Config) {
	t.Helper()
	var text string
	for _, p := range public {
		text += pemOf(t, p)
	}
	keys, err := ParsePublicKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	return func(c *Config) { c.JWT.PublicKeys = keys }
}

func TestAlgorithms(t *testing.T) {
	ks, rs := newPairs(t), rsPair(t)
	a := newAccess(t, withKeys(t, rs.public, ks.es.public, ks.ed.public))
	others := newPairs(t)
	others.hs.signer = []byte(strings.Repeat("x", 32))
	for _, p := range []struct{ right, wrong pair }{{ks.hs, others.hs}, {rs, rsPair(t)}, {ks.es, others.es}, {ks.ed, others.ed}} {
		if err := a.check(p.right.sign(t, valid(nil))); err != nil {
			t.Errorf("%v: %v", p.right.alg, err)
		}
		if err := a.check(p.wrong.sign(t, valid(nil))); !refusedAs(err, badToken, "the token is not a JWT, or its signature is wrong") {
			t.Errorf("%v with another key: %v", p.right.alg, err)
		}
	}
}

// compact puts a token together by hand.
func compact(header, payload object, mac []byte) string {
	var parts []string
	for _, o := range []object{header, payload} {
		text, _ := json.Marshal(o)
		parts = append(parts, base64.RawURLEncoding.EncodeToString(text))
	}
	signed := strings.Join(parts, ".")
	if mac == nil {
		return signed + "."
	}
	h := hmac.New(sha256.New, mac)
	h.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// What a token says of its own algorithm and keys is never believed.
func TestAlgorithmConfusion(t *testing.T) {
	ks, rs := newPairs(t), rsPair(t)
	a := newAccess(t, withKeys(t, rs.public, ks.es.public, ks.ed.public))
	onlyPublic := newAccess(t, withKeys(t, rs.public, ks.es.public, ks.ed.public), func(c *Config) { c.JWT.Secrets = nil })
	onlySecret := newAccess(t)
	if err := a.check(compact(object{"alg": "HS256"}, valid(nil), []byte(secret))); err != nil {
		t.Fatalf("a right token, made by hand: %v", err)
	}
	tokens := map[string]string{}
	for _, alg := range []string{"none", "None", "NONE", "nOnE", ""} {
		tokens["alg "+alg] = compact(object{"alg": alg}, valid(nil), nil)
		tokens["alg "+alg+", signed"] = compact(object{"alg": alg}, valid(nil), []byte(secret))
	}
	tokens["no alg"] = compact(object{"typ": "JWT"}, valid(nil), []byte(secret))
	tokens["alg is a number"] = compact(object{"alg": 5}, valid(nil), []byte(secret))
	for _, alg := range []string{"HS384", "HS512", "RS256", "ES256", "EdDSA", "PS256", "ES384", "ES256K", "RS512"} {
		tokens["HMAC as "+alg] = compact(object{"alg": alg}, valid(nil), []byte(secret))
	}
	// The public key, in all its forms, is no secret.
	for _, p := range []pair{rs, ks.es, ks.ed} {
		text := pemOf(t, p.public)
		tokens["HMAC with the PEM of "+p.alg.String()] = compact(object{"alg": "HS256"}, valid(nil), []byte(text))
		tokens["HMAC with the trimmed PEM of "+p.alg.String()] = compact(object{"alg": "HS256"}, valid(nil), []byte(strings.TrimSpace(text)))
	}
	// A key of the attacker, in or at what the header says.
	evil := newPairs(t)
	for _, header := range []object{
		{"alg": "HS256", "jwk": object{"kty": "oct", "k": base64.RawURLEncoding.EncodeToString([]byte("evil"))}},
		{"alg": "HS256", "jku": "http://127.0.0.1:1/jwks"}, {"alg": "HS256", "x5u": "http://127.0.0.1:1/x"}, {"alg": "HS256", "kid": "../../dev/null"},
	} {
		text, _ := json.Marshal(header)
		tokens["header "+string(text)] = compact(header, valid(nil), []byte("evil"))
	}
	tokens["crit"] = compact(object{"alg": "HS256", "crit": []string{"exp"}, "exp": 1}, valid(nil), []byte(secret))
	tokens["b64"] = compact(object{"alg": "HS256", "b64": false, "crit": []string{"b64"}}, valid(nil), []byte(secret))
	tokens["nested"] = ks.hs.signRaw(t, ks.hs.sign(t, valid(nil)))
	inner, _ := json.Marshal(evil.hs.sign(t, valid(nil)))
	tokens["nested in a string"] = compact(object{"alg": "HS256", "cty": "JWT"}, object{"x": string(inner)}, []byte(secret))
	tokens["json form"] = `{"payload":"e30","signatures":[]}`
	tokens["empty"] = ".."
	tokens["two parts"] = "a.b"
	tokens["four parts"] = ks.hs.sign(t, valid(nil)) + ".x"
	tokens["five parts"] = "a.b.c.d.e"
	for name, token := range tokens {
		for _, a := range []*Access{a, onlyPublic, onlySecret} {
			if err := a.check(token); !refusedAs(err, badToken, "") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if err := onlyPublic.check(ks.hs.sign(t, valid(nil))); !refusedAs(err, badToken, "the token is not signed with a key of this server: its alg or its kid is none of them") {
		t.Errorf("HS256 without a secret: %v", err)
	}
	if err := onlySecret.check(rs.sign(t, valid(nil))); !refusedAs(err, badToken, "") {
		t.Errorf("RS256 without a key: %v", err)
	}
}

// During a rotation both keys are good, before and after it one.
func TestRotation(t *testing.T) {
	const old = "fedcba9876543210fedcba9876543210"
	before := pair{hsPair().alg, []byte(old), nil}.sign(t, valid(nil))
	after := hsPair().sign(t, valid(nil))
	for _, c := range []struct {
		secrets       []string
		before, after bool
	}{{[]string{old, ""}, true, false}, {[]string{secret, old}, true, true}, {[]string{secret, ""}, false, true}} {
		a := newAccess(t, func(config *Config) { config.JWT.Secrets = c.secrets })
		if (a.check(before) == nil) != c.before || (a.check(after) == nil) != c.after {
			t.Errorf("%q: %v, %v", c.secrets, a.check(before), a.check(after))
		}
	}
	for _, c := range []struct {
		tokens        []string
		before, after bool
	}{{[]string{old, ""}, true, false}, {[]string{secret, old}, true, true}, {[]string{secret, ""}, false, true}} {
		a, err := New(Config{Tokens: c.tokens})
		if err != nil {
			t.Fatal(err)
		}
		if (a.check(old) == nil) != c.before || (a.check(secret) == nil) != c.after || a.check("") == nil || a.check(old[1:]) == nil {
			t.Errorf("%q: %v, %v", c.tokens, a.check(old), a.check(secret))
		}
	}
}

func TestStandardClaims(t *testing.T) {
	hs := hsPair()
	a := newAccess(t, func(c *Config) { c.JWT.Issuer, c.JWT.Audience, c.JWT.Skew = "issuer", "streams", 30*time.Second })
	at := func(d time.Duration) int64 { return noon.Add(d).Unix() }
	for _, c := range []struct {
		changes object
		text    string // empty for valid
	}{
		{nil, ""},
		{object{"exp": at(-29 * time.Second)}, ""},
		{object{"exp": at(-31 * time.Second)}, "the token has expired: get a new one"},
		{object{"exp": 0}, "the token has expired: get a new one"},
		{object{"exp": nil}, "the token needs an exp, a number: when it expires, in seconds since 1970"},
		{object{"nbf": at(29 * time.Second)}, ""},
		{object{"nbf": at(31 * time.Second)}, "the token is not valid yet: its nbf or iat is in the future"},
		{object{"iat": at(31 * time.Second)}, "the token is not valid yet: its nbf or iat is in the future"},
		{object{"iat": nil}, ""},
		{object{"iss": "other"}, "the token is from another issuer than this server's: see its iss"},
		{object{"iss": nil}, "the token is from another issuer than this server's: see its iss"},
		{object{"aud": "other"}, "the token is for another server: see its aud"},
		{object{"aud": nil}, "the token is for another server: see its aud"},
		{object{"aud": []string{"other", "streams"}}, ""},
		{object{"sub": nil}, ""},
	} {
		err := a.check(hs.sign(t, valid(c.changes)))
		if c.text == "" && err != nil || c.text != "" && !refusedAs(err, badToken, c.text) {
			t.Errorf("%v: %v", c.changes, err)
		}
	}
}

// Claims of wrong types are refused, not ignored.
func TestClaimsOfWrongTypes(t *testing.T) {
	hs := hsPair()
	a := newAccess(t, func(c *Config) { c.JWT.TenantClaim = "org" })
	const rest = `"exp":1795608060,"iat":1795607940`
	if err := a.check(hs.signRaw(t, `{`+rest+`,"streams":{"a":["read"]},"sub":"ann","org":"o"}`)); err != nil {
		t.Fatal(err)
	}
	for _, payload := range []string{
		`{}`, `[]`, `null`, `"x"`, `5`, ``, `{`,
		`{"exp":null,"streams":{"a":["read"]}}`, `{"exp":true,"streams":{"a":["read"]}}`, `{"exp":{},"streams":{"a":["read"]}}`, `{"exp":"soon","streams":{"a":["read"]}}`, `{"exp":[1795608060],"streams":{"a":["read"]}}`,
		`{` + rest + `}`, `{` + rest + `,"streams":null}`, `{` + rest + `,"streams":[]}`, `{` + rest + `,"streams":"**"}`, `{` + rest + `,"streams":["**"]}`, `{` + rest + `,"streams":true}`,
		`{` + rest + `,"streams":{"a":"read"}}`, `{` + rest + `,"streams":{"a":null}}`, `{` + rest + `,"streams":{"a":{"read":true}}}`, `{` + rest + `,"streams":{"a":[1]}}`, `{` + rest + `,"streams":{"a":[null]}}`,
		`{` + rest + `,"streams":{"a":["read","write"]}}`, `{` + rest + `,"streams":{"a":["Read"]}}`, `{` + rest + `,"streams":{"a":["*"]}}`, `{` + rest + `,"streams":{"a":[["read"]]}}`,
		`{` + rest + `,"streams":{"a//b":["read"]}}`, `{` + rest + `,"streams":{"":["read"]}}`, `{` + rest + `,"streams":{"a/**":["admin"]}}`, `{` + rest + `,"streams":{"{sub}":["read"]}}`,
		`{` + rest + `,"sub":5,"streams":{"a":["read"]}}`, `{` + rest + `,"sub":null,"streams":{"a":["read"]}}`, `{` + rest + `,"sub":["ann"],"streams":{"a":["read"]}}`, `{` + rest + `,"sub":"a/b","streams":{"{sub}":["read"]}}`,
		`{` + rest + `,"iat":"x","streams":{"a":["read"]}}`, `{` + rest + `,"nbf":[],"streams":{"a":["read"]}}`, `{` + rest + `,"aud":5,"streams":{"a":["read"]}}`, `{` + rest + `,"iss":{},"streams":{"a":["read"]}}`,
		`{` + rest + `,"org":5,"streams":{"a":["read"]}}`, `{` + rest + `,"org":null,"streams":{"a":["read"]}}`, `{` + rest + `,"org":["o"],"streams":{"a":["read"]}}`, `{` + rest + `,"org":"","streams":{"a":["read"]}}`,
		`{` + rest + `,"org":"a/b","streams":{"a":["read"]}}`, `{` + rest + `,"org":"__x","streams":{"a":["read"]}}`, `{` + rest + `,"org":"..","streams":{"a":["read"]}}`, `{` + rest + `,"org":"a\u0000","streams":{"a":["read"]}}`, `{` + rest + `,"org":"` + strings.Repeat("o", 129) + `","streams":{"a":["read"]}}`,
	} {
		if err := a.check(hs.signRaw(t, payload)); !refusedAs(err, badToken, "") {
			t.Errorf("%s: %v", payload, err)
		}
	}
	many := object{}
	for _, r := range strings.Repeat("abcdefghijklmnop", 5) {
		many[strings.Repeat(string(r), len(many)+1)] = []string{"read"}
	}
	if err := a.check(hs.sign(t, valid(object{"streams": many}))); !refusedAs(err, badToken, `the claim "streams" has more than 64 patterns`) {
		t.Errorf("%d patterns: %v", len(many), err)
	}
}

func TestPublicKeys(t *testing.T) {
	ks := newPairs(t)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text string
		ok   bool
	}{
		"three in PEM":  {pemOf(t, rsPair(t).public) + pemOf(t, ks.es.public) + pemOf(t, ks.ed.public), true},
		"a set":         {`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"k"}]}`, true},
		"P-384":         {pemOf(t, &p384.PublicKey), false},
		"a secret":      {`{"keys":[{"kty":"oct","k":"AAAA"}]}`, false},
		"a private key": {`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}]}`, false},
		"another use":   {`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","use":"enc"}]}`, false},
		"another alg":   {`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","alg":"HS256"}]}`, false},
		"none":          {`{"keys":[]}`, false},
		"nonsense":      {"hunter2", false},
		"empty":         {"", false},
	} {
		_, err := ParsePublicKeys(c.text)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "nWGx")) {
			t.Errorf("%s: the error tells it: %v", name, err)
		}
	}
}

// A key id chooses among keys; a wrong one does not get past them.
func TestKeyIDs(t *testing.T) {
	const x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
	keys, err := ParsePublicKeys(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"` + x + `","kid":"k"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	for id, n := range map[string]int{"": 1, "k": 1, "other": 0} {
		found, err := keys.keys.find(t.Context(), newPairs(t).ed.alg, id)
		if err != nil || len(found) != n {
			t.Errorf("%q: %v, %v", id, found, err)
		}
	}
}
