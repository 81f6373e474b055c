package config_test

import (
	"log/slog"
	"maps"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

const longSecret = "hunter2hunter2hunter2hunter2hunter2"

func TestAuthModes(t *testing.T) {
	everywhere := &net.TCPAddr{IP: net.IPv4zero, Port: 1}
	for name, c := range map[string]struct {
		vars map[string]string
		asks bool
	}{
		"off":   {nil, false},
		"token": {map[string]string{"AUTH_MODE": "token", "AUTH_TOKEN": longSecret}, true},
		"jwt":   {map[string]string{"AUTH_MODE": "jwt", "AUTH_JWT_SECRET": longSecret, "AUTH_TENANT_CLAIM": "org"}, true},
		"jwks": {map[string]string{"AUTH_MODE": "jwt", "AUTH_JWT_JWKS_URL": "https://issuer.example.com/jwks.json",
			"AUTH_JWT_ISSUER": "i", "AUTH_JWT_AUDIENCE": "a"}, true},
		"jwks on this machine": {map[string]string{"AUTH_MODE": "jwt", "AUTH_JWT_JWKS_URL": "http://127.0.0.1:9/jwks.json",
			"AUTH_JWT_ISSUER": "i", "AUTH_JWT_AUDIENCE": "a"}, true},
	} {
		c1, err := config.ReadServer(c.vars)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		access, err := c1.Open(slog.New(slog.DiscardHandler))
		if err != nil || (access != nil) != c.asks {
			t.Errorf("%s: %v, %v", name, access, err)
		}
		if access != nil {
			if _, err := access.Grant(httptest.NewRequest("GET", "/v1/stream/a", nil)); err == nil {
				t.Errorf("%s: no token is needed", name)
			}
		}
		if (c1.WarnOpen(everywhere) == "") != c.asks || (c1.CurlHeader() != "") != c.asks || strings.Contains(c1.Describe(), longSecret) {
			t.Errorf("%s: %q, %q, %q", name, c1.WarnOpen(everywhere), c1.CurlHeader(), c1.Describe())
		}
	}
}

func TestAuthMistakesNameTheVariable(t *testing.T) {
	jwt := map[string]string{"AUTH_MODE": "jwt", "AUTH_JWT_SECRET": longSecret}
	token := map[string]string{"AUTH_MODE": "token", "AUTH_TOKEN": longSecret}
	keysURL := map[string]string{"AUTH_MODE": "jwt", "AUTH_JWT_JWKS_URL": "https://issuer.example.com/jwks.json", "AUTH_JWT_ISSUER": "i", "AUTH_JWT_AUDIENCE": "a"}
	for _, c := range []struct {
		with        map[string]string
		name, value string
	}{
		{nil, "AUTH_MODE", "on"},
		{nil, "AUTH_MODE", "token"}, {nil, "AUTH_MODE", "jwt"},
		{token, "AUTH_TOKEN", "hunter2"}, {token, "AUTH_TOKEN", longSecret + " "}, {token, "AUTH_TOKEN_PREVIOUS", "hunter2"},
		{token, "AUTH_JWT_SECRET", longSecret}, {token, "AUTH_TENANT_CLAIM", "org"},
		{nil, "AUTH_TOKEN", longSecret}, {nil, "AUTH_JWT_SECRET", longSecret}, {nil, "AUTH_RATE", "5"}, {nil, "AUTH_READER_KEY", longSecret},
		{jwt, "AUTH_TOKEN", longSecret}, {jwt, "AUTH_JWT_SECRET", "hunter2hunter2hunter2"}, {jwt, "AUTH_JWT_SECRET_PREVIOUS", "hunter2"},
		{jwt, "AUTH_JWT_PUBLIC_KEYS", "hunter2"}, {jwt, "AUTH_TENANT_CLAIM", "streams"}, {jwt, "AUTH_TENANT_REQUIRED", "perhaps"},
		{jwt, "AUTH_JWT_CLOCK_SKEW", "-1s"}, {jwt, "AUTH_JWT_CLOCK_SKEW", "1h"}, {jwt, "AUTH_QUERY_TOKEN_LIFE", "-1m"}, {jwt, "AUTH_READER_KEY", "hunter2"},
		{jwt, "AUTH_RATE", "-1"}, {jwt, "AUTH_RATE", "NaN"}, {jwt, "AUTH_RATE", "many"}, {map[string]string{"AUTH_MODE": "jwt", "AUTH_JWT_SECRET": longSecret, "AUTH_RATE": "1"}, "AUTH_RATE_BURST", "0"},
		{keysURL, "AUTH_JWT_JWKS_URL", "http://issuer.example.com/"}, {keysURL, "AUTH_JWT_JWKS_URL", "nonsense"}, {keysURL, "AUTH_JWT_JWKS_URL", "https://u:hunter2@issuer.example.com/"},
		{keysURL, "AUTH_JWT_ISSUER", ""}, {keysURL, "AUTH_JWT_AUDIENCE", ""}, {keysURL, "AUTH_JWT_JWKS_REFRESH", "1s"}, {keysURL, "AUTH_JWT_PUBLIC_KEYS", "{}"},
	} {
		vars := maps.Clone(c.with)
		if vars == nil {
			vars = map[string]string{}
		}
		vars[c.name] = c.value
		_, err := config.ReadServer(vars)
		if err == nil || !strings.Contains(err.Error(), c.name) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v: %v", vars, err)
		}
	}
}

// What works in the background has no use for tokens, and gets none; what serves clients
// does not start without.
func TestOnlyServersNeedTokens(t *testing.T) {
	c, err := readFunction("AUTH_MODE", "token")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Open(slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "AUTH_TOKEN") {
		t.Errorf("%v", err)
	}
}

func TestBounds(t *testing.T) {
	for name, bad := range map[string][]string{
		"MAX_HEADER_BYTES": {"0", "1000", "2000000"}, "MAX_NAME_BYTES": {"0", "701"}, "MAX_JSON_DEPTH": {"0", "10001"}, "MAX_BATCH_MESSAGES": {"0"},
		"MAX_LIVE_READERS": {"0", "-1"}, "MAX_STREAM_LIFE": {"-1s", "1ms", "1"},
		"CORS_ORIGINS": {"example.com", "https://a.example/", "https://a.example,", "https://A.example", "*, https://a.example", "null"},
	} {
		for _, value := range bad {
			if _, err := config.ReadServer(map[string]string{name: value}); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s=%s: %v", name, value, err)
			}
		}
	}
	c, err := config.ReadServer(map[string]string{
		"MAX_HEADER_BYTES": "2048", "MAX_NAME_BYTES": "3", "MAX_JSON_DEPTH": "4", "MAX_BATCH_MESSAGES": "5", "MAX_LIVE_READERS": "6", "MAX_STREAM_LIFE": "7s",
		"CORS_ORIGINS": "https://a.example, http://localhost:3000",
	})
	if err != nil {
		t.Fatal(err)
	}
	p := c.Protocol()
	b := p.Bounds
	if b.Header != 2048 || b.Name != 3 || b.JSONDepth != 4 || b.Messages != 5 || b.LiveReaders != 6 || b.Life.Seconds() != 7 || strings.Join(p.Origins, " ") != "https://a.example http://localhost:3000" {
		t.Errorf("%+v, %q", b, p.Origins)
	}
	if c, err := config.ReadServer(nil); err != nil || c.Protocol().Origins != nil {
		t.Errorf("%v, %v", c, err)
	}
}
