package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"

	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
)

// issuer is an [http.RoundTripper] that has a key set.
type issuer struct {
	mu    sync.Mutex
	keys  map[string]pair
	down  error
	body  string // instead of the keys
	takes time.Duration
	asked int
}

func (i *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	i.mu.Lock()
	i.asked++
	takes, down, body := i.takes, i.down, i.body
	set := jwk.NewSet()
	for id, p := range i.keys {
		k, err := jwk.Import(p.public)
		if err == nil {
			err = errors.Join(k.Set(jwk.KeyIDKey, id), set.AddKey(k))
		}
		if err != nil {
			i.mu.Unlock()
			return nil, err
		}
	}
	i.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if down != nil {
		return nil, down
	}
	if body == "" {
		text, err := json.Marshal(set)
		if err != nil {
			return nil, err
		}
		body = string(text)
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func (i *issuer) set(change func(*issuer)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change(i)
}

func (i *issuer) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked
}

// bubble runs a test with a server whose keys are an issuer's, on a clock that jumps.
func bubble(t *testing.T, name string, f func(*testing.T, *Access, *issuer, pairs, *bytes.Buffer)) {
	t.Run(name, func(t *testing.T) {
		ks := newPairs(t)
		synctest.Test(t, func(t *testing.T) {
			i := &issuer{keys: map[string]pair{"es": ks.es, "ed": ks.ed}}
			var lines bytes.Buffer
			a := newAccess(t, func(c *Config) {
				c.Now = time.Now
				c.Logger = slog.New(slog.NewTextHandler(&lines, nil))
				c.JWT.KeysURL, c.JWT.Refresh, c.JWT.Client = "https://issuer.example.com/keys", time.Hour, &http.Client{Transport: i}
			})
			f(t, a, i, ks, &lines)
			synctest.Wait()
		})
	})
}

// long is a token for all of a test.
func long(t *testing.T, p pair, kid string) string {
	return p.sign(t, valid(object{"iat": nil, "exp": time.Now().Add(1000 * time.Hour).Unix()}), kid)
}

func TestRemoteKeys(t *testing.T) {
	bubble(t, "fetched once, when needed", func(t *testing.T, a *Access, i *issuer, ks pairs, _ *bytes.Buffer) {
		if err := a.check(ks.hs.sign(t, valid(object{"iat": nil, "exp": time.Now().Add(time.Hour).Unix()}))); err != nil || i.count() != 0 {
			t.Errorf("HS256: %v, asked %d times", err, i.count())
		}
		i.set(func(i *issuer) { i.takes = time.Second })
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if err := errors.Join(a.check(long(t, ks.es, "es")), a.check(long(t, ks.ed, "ed"))); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		time.Sleep(59 * time.Minute)
		if err := a.check(long(t, ks.es, "es")); err != nil || i.count() != 1 {
			t.Errorf("%v, asked %d times", err, i.count())
		}
	})
	bubble(t, "rotation", func(t *testing.T, a *Access, i *issuer, ks pairs, _ *bytes.Buffer) {
		next := newPairs(t).es
		if err := a.check(long(t, ks.es, "es")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(minRefresh)
		i.set(func(i *issuer) { i.keys["next"] = next })
		if err := a.check(long(t, next, "next")); err != nil || i.count() != 2 {
			t.Errorf("an unknown kid: %v, asked %d times", err, i.count())
		}
		// A key that was taken back goes with the next refresh.
		i.set(func(i *issuer) { delete(i.keys, "es") })
		time.Sleep(time.Hour)
		_ = a.check(long(t, next, "next")) // has them fetched, and does not wait
		synctest.Wait()
		if err := a.check(long(t, ks.es, "es")); !errors.Is(err, badToken) || i.count() != 3 {
			t.Errorf("a key that is gone: %v, asked %d times", err, i.count())
		}
	})
	bubble(t, "invented kids do not make requests", func(t *testing.T, a *Access, i *issuer, ks pairs, _ *bytes.Buffer) {
		for range 100 {
			if err := a.check(long(t, ks.es, "invented")); !errors.Is(err, badToken) {
				t.Fatal(err)
			}
			if err := a.check(compact(object{"alg": "RS256", "kid": "x"}, valid(nil), []byte("x"))); !errors.Is(err, badToken) {
				t.Fatal(err)
			}
		}
		if i.count() != 1 {
			t.Errorf("asked %d times", i.count())
		}
		time.Sleep(minRefresh)
		_ = a.check(long(t, ks.es, "invented"))
		if i.count() != 2 {
			t.Errorf("asked %d times", i.count())
		}
	})
	bubble(t, "the issuer is down", func(t *testing.T, a *Access, i *issuer, ks pairs, lines *bytes.Buffer) {
		i.set(func(i *issuer) { i.down = errors.New("no route to host") })
		if err := a.check(long(t, ks.es, "es")); !errors.Is(err, protocol.ErrNoKeys) || !strings.Contains(lines.String(), "no route") {
			t.Errorf("from the start: %v, logged %s", err, lines)
		}
		for range 10 {
			if err := a.check(long(t, ks.es, "es")); !errors.Is(err, protocol.ErrNoKeys) {
				t.Error(err)
			}
		}
		if i.count() != 1 {
			t.Errorf("asked %d times", i.count())
		}
		time.Sleep(minRefresh)
		i.set(func(i *issuer) { i.down = nil })
		if err := a.check(long(t, ks.es, "es")); err != nil {
			t.Fatal(err)
		}
		i.set(func(i *issuer) { i.down, i.takes = errors.New("no route to host"), time.Minute })
		for hours := 1; hours < 24; hours++ {
			time.Sleep(time.Hour - fetchTimeout)
			start := time.Now()
			if err := a.check(long(t, ks.es, "es")); err != nil {
				t.Fatalf("after %d hours: %v", hours, err)
			}
			if took := time.Since(start); took > fetchTimeout || hours == 1 && took > 0 {
				t.Errorf("after %d hours it took %v", hours, took)
			}
			start = time.Now()
			if err := a.check(long(t, ks.es, "es")); err != nil || time.Since(start) > 0 {
				t.Errorf("and then %v, %v", err, time.Since(start))
			}
			time.Sleep(fetchTimeout)
		}
		time.Sleep(time.Hour)
		if err := a.check(long(t, ks.es, "es")); !errors.Is(err, protocol.ErrNoKeys) {
			t.Errorf("after a day: %v", err)
		}
	})
	bubble(t, "answers that are no key sets", func(t *testing.T, a *Access, i *issuer, ks pairs, _ *bytes.Buffer) {
		for _, body := range []string{
			"hunter2", "{}", `{"keys":[]}`, `{"keys":[{"kty":"oct","k":"AAAA","kid":"es"}]}`, `{"keys":5}`, strings.Repeat(" ", maxKeySet+1),
		} {
			i.set(func(i *issuer) { i.body = body })
			if err := a.check(long(t, ks.es, "es")); !errors.Is(err, protocol.ErrNoKeys) {
				t.Errorf("%.40q: %v", body, err)
			}
			time.Sleep(minRefresh)
		}
		// Keys for something else are no reason to have none.
		i.set(func(i *issuer) {
			k, _ := jwk.Import(ks.es.public)
			_ = k.Set(jwk.KeyIDKey, "es")
			text, _ := json.Marshal(k)
			i.body = `{"keys":[{"kty":"oct","k":"AAAA"},{"kty":"new"},` + string(text) + `]}`
		})
		if err := a.check(long(t, ks.es, "es")); err != nil {
			t.Error(err)
		}
	})
	bubble(t, "a request that is given up", func(t *testing.T, a *Access, i *issuer, ks pairs, _ *bytes.Buffer) {
		i.set(func(i *issuer) { i.takes = time.Second })
		r := request(http.MethodGet, "/v1/stream/a", long(t, ks.es, "es"))
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := a.Grant(r.WithContext(ctx)); !errors.Is(err, protocol.ErrNoKeys) {
			t.Error(err)
		}
		if err := a.check(long(t, ks.es, "es")); err != nil || i.count() != 1 {
			t.Errorf("the next one: %v, asked %d times", err, i.count())
		}
	})
}
