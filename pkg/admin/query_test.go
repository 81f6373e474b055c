package admin

import (
	"errors"
	"net/url"
	"strconv"
	"testing"
)

// Whatever query is not refused says what is taken from it, and is within bounds.
func FuzzQuery(f *testing.F) {
	for _, raw := range []string{"", "limit=7", "limit=+7", "limit=1001", "prefix=a%2Fb&cursor=x", "prefix=%ff", "cursor=", "limit=1&limit=2", "other=1", "a;b", "%"} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := parseQuery(raw)
		if err != nil {
			if !errors.Is(err, errBadQuery) {
				t.Errorf("%q: %v", raw, err)
			}
			return
		}
		values, err := url.ParseQuery(raw)
		if err != nil || q.prefix != values.Get("prefix") || q.cursor != values.Get("cursor") || q.limit < 1 || q.limit > maxLimit {
			t.Errorf("%q is %+v, %v", raw, q, err)
		}
		if n, err := strconv.Atoi(values.Get("limit")); values.Has("limit") && (err != nil || n != q.limit) {
			t.Errorf("%q has the limit %d", raw, q.limit)
		}
	})
}
