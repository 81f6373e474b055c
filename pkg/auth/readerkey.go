package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strconv"
	"time"
)

// readerKeyPeriod is how long a reader key is the newest one of its stream. It is good
// for as long again. So whoever may not read any more can ask a shared cache for at most
// twice that, and then not even guess what is in it.
const readerKeyPeriod = time.Hour

// readerKeys makes the keys that readers put into URLs, so that a shared cache in front
// of the server can keep what they read: whoever does not know the key of a stream cannot
// make a URL that the cache has an answer to. A key follows from the deployment's secret,
// the stream's name in storage and the hour, so all readers of a stream share one, and
// none of it is stored.
type readerKeys struct {
	secret []byte
}

// current returns the newest key of a stream, empty if there are none.
func (k readerKeys) current(stored string, now time.Time) string {
	if len(k.secret) == 0 {
		return ""
	}
	return k.at(stored, period(now))
}

// valid reports whether a key is the newest or the one before.
func (k readerKeys) valid(key, stored string, now time.Time) bool {
	if len(k.secret) == 0 || key == "" {
		return false
	}
	p := period(now)
	return equal(key, k.at(stored, p))|equal(key, k.at(stored, p-1)) == 1
}

func period(now time.Time) int64 { return now.Unix() / int64(readerKeyPeriod/time.Second) }

func (k readerKeys) at(stored string, period int64) string {
	mac := hmac.New(sha256.New, k.secret)
	mac.Write(strconv.AppendInt(nil, period, 10)) // never fails, like the next ones
	mac.Write([]byte{'\n'})
	mac.Write([]byte(stored))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

func equal(a, b string) int { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) }
