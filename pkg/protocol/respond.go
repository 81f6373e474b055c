package protocol

// Header values that never change. They are shared by all responses, which
// replace them but do not write into them.
var (
	headerTrue       = []string{"true"}
	headerNoStore    = []string{"no-store"}
	headerZero       = []string{"0"}
	headerBase64     = []string{"base64"}
	headerPlainText  = []string{"text/plain; charset=utf-8"}
	headerRetryAfter = []string{"1"}
	headerIdentity   = []string{"identity"}
	headerAllow      = []string{allowedMethods}
	headerAllowRead  = []string{"GET, HEAD, OPTIONS"}

	headerNosniff     = []string{"nosniff"}
	headerCrossOrigin = []string{"cross-origin"}
	headerAnyOrigin   = []string{"*"}
	headerExposed     = []string{exposedHeaders}
)

// common sets what every response has, errors included: protection of browsers
// (section 12.7), access from other origins, and what to ask for in the log.
func (x *exchange) common() {
	h := x.w.Header()
	h["X-Content-Type-Options"] = headerNosniff
	h["Cross-Origin-Resource-Policy"] = headerCrossOrigin
	x.allowOrigin(h)
	h["Access-Control-Expose-Headers"] = headerExposed
	x.set(headerRequestID, x.request)
}

// set gives a header of the answer one value. Most answers have no more of them than there
// is room for in the exchange.
func (x *exchange) set(name, value string) {
	if x.values == nil {
		x.values = x.room[:0]
	}
	x.values = append(x.values, value)
	n := len(x.values)
	x.w.Header()[name] = x.values[n-1 : n : n]
}
