package auth

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
)

var rights = []protocol.Right{protocol.RightCreate, protocol.RightAppend, protocol.RightRead, protocol.RightDelete}

func TestSharedToken(t *testing.T) {
	a, err := New(Config{Tokens: []string{secret}, Now: atNoon})
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range []string{"Bearer " + secret, "bearer " + secret, "BEARER   " + secret + " "} {
		r := request(http.MethodGet, "/v1/stream/a")
		r.Header.Set("Authorization", header)
		g, err := a.Grant(r)
		if err != nil {
			t.Errorf("%q: %v", header, err)
			continue
		}
		for _, right := range rights {
			if !g.Allows(right, "a/b") {
				t.Errorf("it does not allow to %s", right)
			}
		}
		if g.Stored("a/b") != "a/b" || g.Shared("a/b") || g.ReaderKey("a/b") != "" || !g.Ends().IsZero() {
			t.Errorf("%+v", g)
		}
		if a.Admin(r) {
			t.Error("it is an administrator's")
		}
	}
}

func TestCredentials(t *testing.T) {
	shared, err := New(Config{Tokens: []string{secret}, Now: atNoon})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []*Access{shared, newAccess(t)} {
		for _, c := range []struct {
			headers []string
			want    error
		}{
			{nil, protocol.ErrNoToken},
			{[]string{""}, protocol.ErrNoToken},
			{[]string{"Bearer"}, protocol.ErrNoToken},
			{[]string{"Bearer "}, protocol.ErrNoToken},
			{[]string{secret}, protocol.ErrNoToken},
			{[]string{"Basic " + secret}, protocol.ErrNoToken},
			{[]string{"Bearer" + secret}, protocol.ErrNoToken},
			{[]string{"Bearer " + secret, "Bearer " + secret}, protocol.ErrManyTokens},
			{[]string{"Bearer " + secret, ""}, protocol.ErrManyTokens},
			{[]string{"Bearer " + secret + "x"}, badToken},
			{[]string{"Bearer " + secret[1:]}, badToken},
			{[]string{"Bearer " + strings.ToUpper(secret)}, badToken},
			{[]string{"Bearer " + secret + "," + "Bearer " + secret}, badToken},
			{[]string{"Bearer " + secret + " " + secret}, badToken},
			{[]string{"Bearer " + strings.Repeat("a", maxToken+1)}, badToken},
			{[]string{"Bearer \x00"}, badToken},
		} {
			r := request(http.MethodGet, "/v1/stream/a")
			r.Header["Authorization"] = c.headers
			_, err := a.Grant(r)
			if !errors.Is(err, c.want) {
				t.Errorf("%.60q: %v, want %v", c.headers, err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), secret[1:]) {
				t.Errorf("the error tells the token: %v", err)
			}
		}
	}
}

func TestRightsOfATwoPatternToken(t *testing.T) {
	token := hsPair().sign(t, valid(object{"streams": object{"a/*": []string{"read", "append"}, "b": []string{"create", "delete"}, "c": []string{}}}))
	g, err := newAccess(t).Grant(request(http.MethodPost, "/v1/stream/a", token))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a/x": "append read", "a": "", "b": "create delete", "a/x/y": "", "c": ""} {
		var got []string
		for _, right := range rights {
			if g.Allows(right, name) {
				got = append(got, string(right))
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if ends := g.Ends(); !ends.Equal(noon.Add(time.Minute)) {
		t.Errorf("it ends at %v", ends)
	}
}

func TestQueryToken(t *testing.T) {
	hs := hsPair()
	all := object{"streams": object{"**": []string{"create", "append", "read", "delete"}}}
	token := hs.sign(t, valid(all))
	a := newAccess(t)
	g, err := a.Grant(request(http.MethodGet, "/v1/stream/a?offset=-1&live=sse&token="+token))
	if err != nil {
		t.Fatal(err)
	}
	for _, right := range rights {
		if g.Allows(right, "a") != (right == protocol.RightRead) {
			t.Errorf("it allows to %s: %v", right, g.Allows(right, "a"))
		}
	}
	long := hs.sign(t, valid(object{"exp": noon.Add(4*time.Minute + time.Second).Unix()}))
	off := newAccess(t, func(c *Config) { c.JWT.QueryLife = 0 })
	shared, err := New(Config{Tokens: []string{secret}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what string
		a    *Access
		r    *http.Request
		want error
	}{
		{"HEAD", a, request(http.MethodHead, "/v1/stream/a?token="+token), protocol.ErrNoToken},
		{"POST", a, request(http.MethodPost, "/v1/stream/a?token="+token), protocol.ErrNoToken},
		{"PUT", a, request(http.MethodPut, "/v1/stream/a?token="+token), protocol.ErrNoToken},
		{"DELETE", a, request(http.MethodDelete, "/v1/stream/a?token="+token), protocol.ErrNoToken},
		{"twice", a, request(http.MethodGet, "/v1/stream/a?token="+token+"&token="+token), protocol.ErrManyTokens},
		{"in the header, too", a, request(http.MethodGet, "/v1/stream/a?token="+token, token), protocol.ErrManyTokens},
		{"empty", a, request(http.MethodGet, "/v1/stream/a?token="), protocol.ErrNoToken},
		{"too long a life", a, request(http.MethodGet, "/v1/stream/a?token="+long), badToken},
		{"no iat", a, request(http.MethodGet, "/v1/stream/a?token="+hs.sign(t, valid(object{"iat": nil}))), badToken},
		{"expired", a, request(http.MethodGet, "/v1/stream/a?token="+hs.sign(t, valid(object{"exp": noon.Unix() - 1}))), badToken},
		{"switched off", off, request(http.MethodGet, "/v1/stream/a?token="+token), protocol.ErrNoToken},
		{"shared token", shared, request(http.MethodGet, "/v1/stream/a?token="+secret), protocol.ErrNoToken},
	} {
		if _, err := c.a.Grant(c.r); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.what, err, c.want)
		}
	}
	// In the header, the same token may live longer, and write.
	if g, err := a.Grant(request(http.MethodPost, "/v1/stream/a", long)); err != nil || !g.Allows(protocol.RightRead, "a") {
		t.Errorf("in the header: %v", err)
	}
}

func TestTenants(t *testing.T) {
	hs := hsPair()
	of := func(tenant any) string { return hs.sign(t, valid(object{"org": tenant})) }
	for _, c := range []struct {
		claim    string
		required bool
		token    string
		stored   string // empty if it is refused
	}{
		{"org", true, of("x"), "x/a"},
		{"org", true, of("y"), "y/a"},
		{"org", true, of(nil), ""},
		{"org", false, of(nil), "a"},
		{"org", false, of("x"), "x/a"},
		{"", true, of("x"), "a"}, // nobody asks for tenants
	} {
		a := newAccess(t, func(config *Config) { config.JWT.TenantClaim, config.JWT.TenantRequired = c.claim, c.required })
		g, err := a.Grant(request(http.MethodGet, "/v1/stream/a", c.token))
		if c.stored == "" {
			if !errors.Is(err, badToken) {
				t.Errorf("%+v: %v", c, err)
			}
			continue
		}
		if err != nil || g.Stored("a") != c.stored || !g.Allows(protocol.RightRead, "a") || g.Allows(protocol.RightRead, c.stored) != (c.stored == "a") {
			t.Errorf("%+v: %v, %v", c, g, err)
		}
	}
}

func TestAdmin(t *testing.T) {
	hs := hsPair()
	admin := object{"streams": object{"**": []string{"admin"}}}
	with := func(name string, value any) object { return object{"streams": admin["streams"], name: value} }
	for _, c := range []struct {
		token string
		want  bool
	}{
		{hs.sign(t, valid(admin)), true},
		{hs.sign(t, valid(nil)), false},
		{hs.sign(t, valid(with("exp", noon.Unix()-1))), false},
		{hs.sign(t, valid(with("org", "x"))), false},
		{"", false}, {secret, false}, {strings.Repeat("a", maxToken+1), false},
	} {
		a := newAccess(t, func(config *Config) { config.JWT.TenantClaim, config.JWT.TenantRequired = "org", true })
		if got := a.Admin(request(http.MethodGet, "/v1/admin/streams", c.token)); got != c.want {
			t.Errorf("%.40s: %v", c.token, got)
		}
	}
	a := newAccess(t)
	token := hs.sign(t, valid(admin))
	if a.Admin(request(http.MethodGet, "/v1/admin/streams?token="+token)) || a.Admin(request(http.MethodGet, "/v1/admin/streams", token, token)) {
		t.Error("a token in the query, or two, are an administrator's")
	}
	// The right does not imply any other.
	g, err := a.Grant(request(http.MethodGet, "/v1/stream/a", token))
	if err != nil || g.Allows(protocol.RightRead, "a") {
		t.Errorf("administrators may read: %v", err)
	}
}

func TestReaderKeys(t *testing.T) {
	now := noon
	hs := hsPair()
	a := newAccess(t, func(c *Config) {
		c.ReaderKey = strings.Repeat("r", 32)
		c.Now = func() time.Time { return now }
		c.JWT.TenantClaim = "org"
		c.JWT.Skew = 10 * time.Hour
	})
	grant := func(target string, changes object) protocol.Grant {
		t.Helper()
		g, err := a.Grant(request(http.MethodGet, target, hs.sign(t, valid(changes))))
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	key := grant("/v1/stream/a", nil).ReaderKey("a")
	if len(key) != 22 || grant("/v1/stream/a", nil).Shared("a") {
		t.Errorf("the key is %q", key)
	}
	at := func(key string) string { return "/v1/stream/a?reader-key=" + key }
	if !grant(at(key), nil).Shared("a") {
		t.Error("the key is not good for its stream")
	}
	if grant(at(key), nil).Shared("b") || grant(at(key), object{"org": "x"}).Shared("a") || grant(at(key[1:]), nil).Shared("a") || grant(at(""), nil).Shared("a") {
		t.Error("a key is good for another stream, or tenant, or in part")
	}
	now = noon.Add(readerKeyPeriod + time.Minute)
	if !grant(at(key), nil).Shared("a") || grant("/v1/stream/a", nil).ReaderKey("a") == key {
		t.Error("an hour later it must be good still, and another one be newer")
	}
	now = noon.Add(2*readerKeyPeriod + time.Minute)
	if grant(at(key), nil).Shared("a") {
		t.Error("two hours later it is still good")
	}
}

func TestRate(t *testing.T) {
	now := noon
	hs := hsPair()
	a := newAccess(t, func(c *Config) {
		c.Rate = Rate{PerSecond: 2, Burst: 3}
		c.Now = func() time.Time { return now }
	})
	ask := func(sub string) error { return a.check(hs.sign(t, valid(object{"sub": sub}))) }
	for range 3 {
		if err := ask("ann"); err != nil {
			t.Fatal(err)
		}
	}
	for range 5 {
		// Who is refused does not wait longer for asking.
		if e, ok := errors.AsType[*protocol.RateError](ask("ann")); !ok || e.After != 500*time.Millisecond {
			t.Errorf("the fourth request: %v", e)
		}
	}
	if err := ask("bob"); err != nil {
		t.Errorf("another sender: %v", err)
	}
	if err := a.check("nonsense"); !errors.Is(err, badToken) {
		t.Errorf("a bad token: %v", err)
	}
	now = now.Add(500 * time.Millisecond)
	if err := ask("ann"); err != nil {
		t.Errorf("half a second later: %v", err)
	}
	if err := ask("ann"); err == nil {
		t.Error("and once more")
	}
}

func TestConfigurationsThatCannotWork(t *testing.T) {
	keys, err := ParsePublicKeys(pemOf(t, newPairs(t).es.public))
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []Config{
		{}, {JWT: &JWT{}}, {Tokens: []string{"", ""}}, {Tokens: []string{secret}, JWT: &JWT{Secrets: []string{secret}}},
		{JWT: &JWT{PublicKeys: keys, KeysURL: "https://example.com"}},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%d works", i)
		}
	}
}

func FuzzAuthorization(f *testing.F) {
	token := hsPair().sign(f, valid(nil))
	for _, s := range []string{"Bearer " + token, "bearer x", "Bearer", "", "Basic x", "Bearer a.b.c", "Bearer " + token + "x", "Bearer ..", "Bearer eyJhbGciOiJub25lIn0.e30."} {
		f.Add(s, "offset=-1")
		f.Add("", "token="+strings.TrimPrefix(s, "Bearer "))
	}
	jwts := newAccess(f)
	shared, err := New(Config{Tokens: []string{secret}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, header, query string) {
		for _, a := range []*Access{jwts, shared} {
			r := request(http.MethodGet, "/v1/stream/a")
			r.URL.RawQuery = query
			if header != "" {
				r.Header["Authorization"] = []string{header}
			}
			g, err := a.Grant(r)
			if (g == nil) == (err == nil) {
				t.Fatalf("%v, %v", g, err)
			}
			known := strings.Contains(header, token) || strings.Contains(header, secret) || strings.Contains(query, "token") || strings.Contains(query, "%")
			if err == nil && !known {
				t.Errorf("%q, %q: granted", header, query)
			}
		}
	})
}

func FuzzClaims(f *testing.F) {
	for _, s := range []string{`{"a":["read"]}`, `{"**":["admin"]}`, `{"{sub}/*":[]}`, `[]`, `null`, `{"a":"read"}`, `{"a/":["create","append"]}`} {
		f.Add(s, `"ann"`, `"org"`)
	}
	hs := hsPair()
	a := newAccess(f, func(c *Config) { c.JWT.TenantClaim, c.JWT.TenantRequired = "org", true })
	f.Fuzz(func(t *testing.T, streams, sub, org string) {
		payload := fmt.Sprintf(`{"exp":1795608060,"streams":%s,"sub":%s,"org":%s}`, streams, sub, org)
		g, err := a.Grant(request(http.MethodPost, "/v1/stream/a", hs.signRaw(t, payload)))
		if err != nil {
			if !errors.Is(err, badToken) {
				t.Errorf("%s: %v", payload, err)
			}
			return
		}
		tenant, name, found := strings.Cut(g.Stored("a/b"), "/")
		if !found || tenant == "" || name != "a/b" {
			t.Errorf("%s: stored as %q", payload, g.Stored("a/b"))
		}
		g.Allows(protocol.RightRead, "a/b")
	})
}
