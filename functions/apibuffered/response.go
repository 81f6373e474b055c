package main

import "net/http"

// serveOn runs a handler on the adapter's response, as net/http would.
func serveOn(w http.ResponseWriter, r *http.Request, h http.Handler) {
	out := &response{ResponseWriter: w, method: r.Method}
	h.ServeHTTP(out, r)
	if out.status == 0 {
		out.WriteHeader(http.StatusOK)
	}
}

// response is the adapter's response, with the rules of HTTP that it does not know.
type response struct {
	http.ResponseWriter
	method string
	status int
}

// WriteHeader implements [http.ResponseWriter]. Content-Length is for the front door
// to set: it knows what it sends, and renames or refuses ours.
func (w *response) WriteHeader(status int) {
	if w.status != 0 || status < http.StatusOK {
		return // an informational response cannot be sent
	}
	w.status = status
	w.Header().Del("Content-Length")
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (w *response) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.method == http.MethodHead || w.status == http.StatusNoContent || w.status == http.StatusNotModified {
		return 0, http.ErrBodyNotAllowed
	}
	return w.ResponseWriter.Write(p)
}
