//go:build unix

package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The secrets of these tests are canaries: they must not be in any log.
const (
	canaryToken  = "canary-token-0123456789abcdef0123456789"
	canarySecret = "canary-secret-0123456789abcdef0123456789"
	canaryAdmin  = "canary-admin-0123456789abcdef0123456789"
)

// challenge is WWW-Authenticate, as AWS passes it on.
const challenge = "X-Amzn-Remapped-Www-Authenticate"

// granted is what a token allows, by patterns.
type granted map[string][]string

// minted makes a JWT of ann's.
func minted(t *testing.T, streams granted, more map[string]any) string {
	t.Helper()
	claims := map[string]any{"sub": "ann", "iat": time.Now().Unix(), "exp": time.Now().Add(4 * time.Minute).Unix(), "streams": streams}
	for name, value := range more {
		claims[name] = value
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload)
	mac := hmac.New(sha256.New, []byte(canarySecret))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// accessKit is a host that asks who somebody is.
type accessKit struct {
	*running
	// shown are all tokens that were sent to it.
	shown []string
	fresh int
}

func startAccess(t *testing.T, door string, env ...string) *accessKit {
	return &accessKit{running: startHost(t, append(env, "LAMBDA_FUNCTION="+door, "LOG_LEVEL=debug", "ADMIN_TOKEN="+canaryAdmin, "LAMBDA_SPREAD=1")...)}
}

// ask sends a request with a token, if there is one.
func (k *accessKit) ask(t *testing.T, r asked, name, token string) answer {
	t.Helper()
	headers := append([]string{}, r.headers...)
	if token != "" {
		headers = append(headers, "Authorization", "Bearer "+token)
		k.shown = append(k.shown, token)
	}
	for i := range headers {
		headers[i] = strings.ReplaceAll(headers[i], "SOURCE", "/v1/stream/"+name)
	}
	target := k.url + name + r.query
	if r.fork {
		k.fresh++
		target = fmt.Sprintf("%st/forks/%d", k.url, k.fresh)
	}
	return do(t, r.method, target, r.body, headers...)
}

// asked is one kind of request, the right that it needs on the stream that it names, and
// the answer to who has it.
type asked struct {
	what, method, query string
	headers             []string
	body                string
	right               string // empty for none
	status              int
	// changes says that it can be answered like that once; fork, that the named stream is
	// the source of a new one.
	changes, fork bool
}

var everyRequest = []asked{
	{what: "read", method: get, right: "read", status: 200},
	{what: "long-poll", method: get, query: "?offset=-1&live=long-poll", right: "read", status: 200},
	{what: "SSE", method: get, query: "?offset=-1&live=sse", right: "read", status: 200},
	{what: "head", method: head, right: "read", status: 200},
	{what: "create", method: put, headers: []string{contentType, text, "Stream-Closed", "true"}, right: "create", status: 200},
	{what: "fork", method: put, headers: []string{"Stream-Forked-From", "SOURCE"}, right: "read", status: 201, fork: true},
	{what: "append", method: post, headers: []string{contentType, text}, body: "y", right: "append", status: 204, changes: true},
	{what: "close", method: post, headers: []string{"Stream-Closed", "true"}, right: "append", status: 204, changes: true},
	{what: "delete", method: del, right: "delete", status: 204, changes: true},
	{what: "preflight", method: http.MethodOptions, status: 204},
}

// stream makes a stream with a record, closed or open, and returns its name.
func (k *accessKit) stream(t *testing.T, all string, closed bool) string {
	t.Helper()
	k.fresh++
	name := fmt.Sprintf("t/ann/s%d", k.fresh)
	headers := []string{contentType, text, "Authorization", "Bearer " + all}
	if closed {
		headers = append(headers, "Stream-Closed", "true")
	}
	must(t, 201, put, k.url+name, "x", headers...)
	return name
}

// noSecrets checks that nothing in the log is a secret, or a token, or a part of one.
func (k *accessKit) noSecrets(t *testing.T) {
	t.Helper()
	// The last line may come after its answer.
	log, grown := k.log.state()
	for deadline := time.After(patience); !strings.Contains(log, `"status":401`) || !strings.Contains(log, `"status":200`); {
		select {
		case <-grown:
			log, grown = k.log.state()
		case <-deadline:
			t.Fatalf("the log has no requests:\n%s", log)
		}
	}
	log += k.announced
	if strings.Contains(log, "canary") {
		t.Error("a secret is in the log")
	}
	for _, token := range k.shown {
		for part := range strings.SplitSeq(token, ".") {
			if len(part) > 30 && strings.Contains(log, part) {
				t.Errorf("a part of a token is in the log: %s", part)
			}
		}
	}
}

// TestAccessTable sends every kind of request with every right, on streams that patterns
// of every kind match and do not match, in every mode, through both functions.
func TestAccessTable(t *testing.T) {
	t.Parallel()
	for _, door := range []string{"api", "apibuffered"} {
		t.Run(door+" jwt", func(t *testing.T) {
			t.Parallel()
			k := startAccess(t, door, "AUTH_MODE=jwt", "AUTH_JWT_SECRET="+canarySecret)
			all := minted(t, granted{"**": {"create", "append", "read", "delete"}}, nil)
			shared := k.stream(t, all, true)
			tail := must(t, 200, head, k.url+shared, "", "Authorization", "Bearer "+all).header.Get("Stream-Next-Offset")
			for _, pattern := range []struct {
				text    string // NAME is the stream
				matches bool
			}{
				{"NAME", true}, {"t/", true}, {"t/*/s*", true}, {"**", true}, {"t/{sub}/**", true},
				{"t/*", false}, {"NAME/", false}, {"t/bob/**", false},
			} {
				for _, right := range []string{"create", "append", "read", "delete", "admin", ""} {
					if right == "admin" && pattern.text != "**" {
						continue // such a token is refused
					}
					for _, r := range everyRequest {
						want, name := 403, shared
						switch {
						case r.right == "":
							want = r.status
						case pattern.matches && right == r.right:
							want = r.status
							if r.changes {
								name = k.stream(t, all, false)
							}
						}
						rights := []string{}
						if right != "" {
							rights = []string{right}
						}
						streams := granted{strings.ReplaceAll(pattern.text, "NAME", name): rights}
						if r.fork {
							streams["t/forks/*"] = []string{"create"}
						}
						token := minted(t, streams, nil)
						if a := k.ask(t, r, name, token); a.status != want {
							t.Errorf("%s with %q on %s: %d %s, want %d", r.what, right, pattern.text, a.status, a.body, want)
						}
					}
				}
			}
			// A fork needs the right to create it, too.
			if a := k.ask(t, everyRequest[5], shared, minted(t, granted{"t/ann/": {"read"}, "t/forks/": {"append", "read", "delete"}}, nil)); a.status != 403 {
				t.Errorf("a fork without create: %d", a.status)
			}
			for _, r := range everyRequest {
				for _, token := range []string{"", "nonsense", all[:len(all)-2] + "xx", minted(t, granted{"**": {"read"}}, map[string]any{"exp": 1})} {
					want := 401
					if r.right == "" {
						want = r.status
					}
					if a := k.ask(t, r, shared, token); a.status != want || want == 401 && !strings.HasPrefix(a.header.Get(challenge), "Bearer ") {
						t.Errorf("%s with the token %.20q: %d %v", r.what, token, a.status, a.header)
					}
				}
				// Whether there is such a stream makes no difference to who may not know.
				known, absent := k.ask(t, r, shared, minted(t, granted{"t/forks/*": {"create"}}, nil)), k.ask(t, r, "t/ann/absent", minted(t, granted{"t/forks/*": {"create"}}, nil))
				if known.status != absent.status || known.body != absent.body {
					t.Errorf("%s: %v, and of a stream that does not exist %v", r.what, known, absent)
				}
			}
			// In a query, a token is good for reads by GET.
			for _, r := range everyRequest {
				want := r.status
				if r.right != "" && r.method != get {
					want = 401
				}
				r.query += map[bool]string{true: "?", false: "&"}[r.query == ""] + "token=" + all
				k.shown = append(k.shown, all)
				if r.fork {
					continue // it asks for the fork's path
				}
				if a := k.ask(t, r, shared, ""); a.status != want || a.status == 200 && !strings.HasPrefix(a.header.Get("Cache-Control"), "private") {
					t.Errorf("%s with the token in the query: %d %v", r.what, a.status, a.header)
				}
			}
			if now := must(t, 200, head, k.url+shared, "", "Authorization", "Bearer "+all).header.Get("Stream-Next-Offset"); now != tail {
				t.Errorf("somebody wrote: %s, was %s", now, tail)
			}
			admin := strings.TrimSuffix(k.url, "stream/") + "admin/streams"
			for token, want := range map[string]int{minted(t, granted{"**": {"admin"}}, nil): 200, all: 401, canaryAdmin: 200} {
				k.shown = append(k.shown, token)
				must(t, want, get, admin, "", "Authorization", "Bearer "+token)
			}
			k.noSecrets(t)
		})
		t.Run(door+" token", func(t *testing.T) {
			t.Parallel()
			k := startAccess(t, door, "AUTH_MODE=token", "AUTH_TOKEN="+canaryToken, "AUTH_TOKEN_PREVIOUS="+canarySecret)
			shared := k.stream(t, canarySecret, true)
			for _, r := range everyRequest {
				for _, token := range []string{canaryToken, canarySecret} {
					name := shared
					if r.changes {
						name = k.stream(t, canaryToken, false)
					}
					if a := k.ask(t, r, name, token); a.status != r.status {
						t.Errorf("%s: %d %s", r.what, a.status, a.body)
					}
				}
				for _, token := range []string{"", "nonsense", canaryToken[1:], strings.ToUpper(canaryToken), canaryAdmin} {
					want := 401
					if r.right == "" {
						want = r.status
					}
					if a := k.ask(t, r, shared, token); a.status != want {
						t.Errorf("%s with the token %q: %d", r.what, token, a.status)
					}
				}
			}
			must(t, 401, get, k.url+shared+"?token="+canaryToken, "")
			must(t, 401, get, strings.TrimSuffix(k.url, "stream/")+"admin/streams", "", "Authorization", "Bearer "+canaryToken)
			k.noSecrets(t)
		})
		t.Run(door+" off", func(t *testing.T) {
			t.Parallel()
			k := startAccess(t, door)
			shared := k.stream(t, "", true)
			for _, r := range everyRequest {
				for _, token := range []string{"", canaryToken} {
					name := shared
					if r.changes {
						name = k.stream(t, "", false)
					}
					if a := k.ask(t, r, name, token); a.status != r.status {
						t.Errorf("%s: %d %s", r.what, a.status, a.body)
					}
				}
			}
			must(t, 401, get, strings.TrimSuffix(k.url, "stream/")+"admin/streams", "", "Authorization", "Bearer "+canaryToken)
			k.noSecrets(t)
		})
	}
}

// TestTenantsAreApart: the same name in two tenants is two streams, and nobody sees the
// other's, or that there are tenants at all.
func TestTenantsAreApart(t *testing.T) {
	t.Parallel()
	k := startAccess(t, "api", "AUTH_MODE=jwt", "AUTH_JWT_SECRET="+canarySecret, "AUTH_TENANT_CLAIM=org", "LAMBDA_STREAM_FUNCTION=compact")
	of := func(tenant string) []string {
		return []string{contentType, text, "Authorization", "Bearer " + minted(t, granted{"**": {"create", "append", "read", "delete"}}, map[string]any{"org": tenant})}
	}
	for _, tenant := range []string{"x", "y"} {
		created := must(t, 201, put, k.url+"s", "of "+tenant, of(tenant)...)
		if location := created.header.Get("Location"); location != k.url+"s" {
			t.Errorf("the location is %s", location)
		}
		must(t, 201, put, k.url+"f", "", append(of(tenant)[2:], "Stream-Forked-From", "/v1/stream/s")...)
		must(t, 404, put, k.url+"g", "", append(of(tenant)[2:], "Stream-Forked-From", "/v1/stream/x/s")...)
	}
	for _, tenant := range []string{"x", "y"} {
		for _, name := range []string{"s", "f"} {
			if a := must(t, 200, get, k.url+name, "", of(tenant)...); a.body != "of "+tenant {
				t.Errorf("%s reads %q", tenant, a.body)
			}
		}
		must(t, 404, get, k.url+"x/s", "", of(tenant)...)
	}
	must(t, 204, del, k.url+"f", "", of("x")...)
	must(t, 204, del, k.url+"s", "", of("x")...)
	must(t, 404, get, k.url+"s", "", of("x")...)
	must(t, 200, get, k.url+"s", "", of("y")...)
	for tenant, said := range map[string]map[string]string{"x": {"s": "id", "f": "id"}, "y": {"s": "i", "f": "i"}} {
		k.await(t, "the registry of "+tenant, func() bool { return maps.Equal(k.operations(t, of(tenant)...), said) })
	}
	must(t, 401, get, k.url+"s", "", "Authorization", "Bearer "+minted(t, granted{"**": {"read"}}, nil))
	k.noSecrets(t)
}
