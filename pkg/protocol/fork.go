package protocol

import "net/http"

// refuseForks is where forks (section 4.2) will begin: Stream-Forked-From names
// the source, Stream-Fork-Offset and Stream-Fork-Sub-Offset where to diverge
// from it. Until the log offers them, asking for one is answered with 501: an
// ordinary stream in its place would silently lack the source's data.
func refuseForks(h http.Header) error {
	if _, present := h["Stream-Forked-From"]; present {
		return errForks
	}
	for _, key := range []string{"Stream-Fork-Offset", "Stream-Fork-Sub-Offset"} {
		if _, present := h[key]; present {
			return problem(errBadHeader, "%s needs Stream-Forked-From", key)
		}
	}
	return nil
}
