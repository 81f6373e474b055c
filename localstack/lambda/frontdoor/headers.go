package frontdoor

import "net/http"

// remapped are headers of a function's response that AWS does not send under
// their own name, because it sets them itself, but as x-amzn-remapped-…. AWS has no
// list of these for function URLs; each of these was seen in public reports:
// www-authenticate and date often, content-length on streams, connection, server.
var remapped = []string{"Connection", "Content-Length", "Date", "Server", "Www-Authenticate"}

// dropped are headers that mean the connection to the client, which is not the
// function's.
var dropped = []string{"Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "X-Amzn-Requestid", "X-Amzn-Trace-Id"}

// setHeader adds a function's header to a response.
func setHeader(to, from http.Header) {
	from = from.Clone()
	for _, name := range remapped {
		if values, ok := from[name]; ok {
			to["X-Amzn-Remapped-"+name] = values
			delete(from, name)
		}
	}
	for _, name := range dropped {
		delete(from, name)
	}
	for name, values := range from {
		to[name] = values
	}
}
