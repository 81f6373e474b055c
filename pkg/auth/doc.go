// Package auth says who may do what: it implements [protocol.Access] by tokens.
//
// There are two modes. A shared token ([Tokens]) lets its holders do everything with
// streams, but not use the admin API. A JWT ([JWT]) says in a claim what its holder may
// do, with which streams:
//
//	{"sub": "ann", "exp": 1795608000, "streams": {"chat/*": ["read", "append"], "users/{sub}/**": ["create", "read"]}}
//
// Where to look:
//
//   - access.go: from a request to a grant.
//   - credentials.go: where in a request a token is.
//   - secret.go: shared tokens.
//   - jwt.go, keys.go, jwks.go: which JWTs are valid, and by which keys.
//   - claims.go, pattern.go: what a valid one allows.
//   - grant.go, readerkey.go: what that means for one request.
//   - rate.go: how often a token may be used.
//
// It makes no request but for keys at a URL (jwks.go), and knows neither stores nor which
// streams exist. Nothing that it returns or logs contains a token or a part of one.
package auth
