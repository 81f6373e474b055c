package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"

	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
)

const (
	// minRefresh is how long the keys are not asked for again, whatever happens: neither
	// tokens with invented key ids nor an issuer that is down cause more requests.
	minRefresh = 30 * time.Second
	// maxKept is how long keys are used that could not be fetched again. By then no token
	// of an issuer that is down is valid any more, and one who keeps us from its keys
	// cannot keep a key that was taken back valid for longer.
	maxKept = 24 * time.Hour
	// fetchTimeout bounds one request for the keys, maxKeySet its answer in bytes.
	fetchTimeout = 3 * time.Second
	maxKeySet    = 1 << 20
)

// remoteKeys are those of a JSON Web Key set at a URL. They are fetched when the first
// token needs them, and again once they are older than a while, or when a token names one
// that is not among them. Nothing happens between requests, so it suits a process that is
// frozen between them.
type remoteKeys struct {
	url     string
	client  *http.Client
	refresh time.Duration
	now     func() time.Time
	logger  *slog.Logger

	mu   sync.Mutex
	keys fixedKeys
	// fetched is when keys were fetched, tried when that was tried last.
	fetched, tried time.Time
	// fetching is closed when the fetch that is under way ends.
	fetching chan struct{}
}

// find implements [keySource]. A request whose key is known does not wait for a fetch,
// but for one that is long overdue, and then only the request that began it.
func (r *remoteKeys) find(ctx context.Context, alg jwa.SignatureAlgorithm, id string) ([]key, error) {
	if alg != jwa.RS256() && alg != jwa.ES256() && alg != jwa.EdDSA() {
		return nil, nil // no key set that we fetch has such a key
	}
	keys, age := r.known()
	found, _ := keys.find(ctx, alg, id) // never fails
	if len(found) > 0 && age < r.refresh {
		return found, nil
	}
	fetch, begun := r.startFetch(ctx)
	if len(found) > 0 && (!begun || age < 2*r.refresh) {
		return found, nil
	}
	if fetch != nil {
		select {
		case <-fetch:
		case <-ctx.Done():
			return nil, protocol.ErrNoKeys
		}
	}
	if keys, _ = r.known(); keys == nil {
		return nil, protocol.ErrNoKeys
	}
	return keys.find(ctx, alg, id)
}

// known returns the keys that there are, nil if there are none that may still be used,
// and how old they are.
func (r *remoteKeys) known() (keys fixedKeys, age time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	age = r.now().Sub(r.fetched)
	if age >= maxKept {
		return nil, age
	}
	return r.keys, age
}

// startFetch has the keys fetched, unless that is under way or was tried a moment ago. It
// returns what is closed when the fetch ends, nil if there is none, and whether it began
// with this call.
func (r *remoteKeys) startFetch(ctx context.Context) (fetch <-chan struct{}, begun bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fetching != nil {
		return r.fetching, false
	}
	now := r.now()
	if !r.tried.IsZero() && now.Sub(r.tried) < minRefresh {
		return nil, false
	}
	r.tried = now
	done := make(chan struct{})
	r.fetching = done
	// The request that happens to be first may be given up; the others wait for it, too.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	go func() {
		defer cancel()
		keys, err := r.fetch(ctx)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.fetching = nil
		close(done)
		if err != nil {
			r.logger.Error("the keys of tokens cannot be fetched", slog.String("error", err.Error()))
			return
		}
		r.keys, r.fetched = keys, now
	}()
	return done, true
}

// fetch asks for the keys. Those that no token of ours can be signed with are left out:
// issuers have keys for other purposes, too.
func (r *remoteKeys) fetch(ctx context.Context) (fixedKeys, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, nil)
	if err != nil {
		return nil, err
	}
	response, err := r.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxKeySet+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxKeySet {
		return nil, fmt.Errorf("the key set has more than %d bytes", maxKeySet)
	}
	set, err := jwk.Parse(body, jwk.WithMaxKeys(maxKeys), jwk.WithIgnoreParseError(true))
	if err != nil {
		return nil, errors.New("the answer is not a JSON Web Key set")
	}
	keys := fixedKeys{}
	for i := range set.Len() {
		k, _ := set.Key(i)
		if usable, err := publicKey(k); err == nil {
			keys = append(keys, usable)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the key set has no key for RS256, ES256 or EdDSA")
	}
	return keys, nil
}
