package boot

import "net/http"

const (
	// ContainerPort is where a container listens.
	ContainerPort = 8080
	// HealthPath is what a load balancer asks a container for: it answers as long as the
	// process serves, whether or not stores do.
	HealthPath = "/health"
)

// WithHealth answers GET of HealthPath, and leaves all else to h, as it is: a mux would
// redirect paths that it finds odd, and they are names of streams.
func WithHealth(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != HealthPath {
			h.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
	})
}
