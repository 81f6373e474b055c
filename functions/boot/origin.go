package boot

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
)

// OriginHeader is the header by which a CDN shows that a request came through it.
const OriginHeader = "X-Origin-Secret"

// behindOrigin returns a handler that answers only requests with the secret of the CDN in
// front, or with the one before, which the CDN sends until all of it has the new one: a
// function's URL is open to everybody, and whoever went around the CDN would go around its
// limits too. Without a secret it is h. It is not what authorises clients.
func behindOrigin(secret, previous string, h http.Handler) http.Handler {
	if secret == "" {
		return h
	}
	if previous == "" {
		previous = secret
	}
	now, before := sha256.Sum256([]byte(secret)), sha256.Sum256([]byte(previous))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := r.Header.Values(OriginHeader)
		r.Header.Del(OriginHeader)
		// Hashes have one length, so that comparing them tells nothing of the secret's.
		hash := sha256.Sum256([]byte(first(got)))
		if len(got) != 1 || subtle.ConstantTimeCompare(hash[:], now[:])|subtle.ConstantTimeCompare(hash[:], before[:]) != 1 {
			w.Header().Set("Cache-Control", "no-store")
			http.Error(w, "this address is for the CDN in front of it: use the CDN's address", http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
