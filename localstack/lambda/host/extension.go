//go:build unix

package host

import (
	"encoding/json"
	"net/http"
)

// The extensions API, as far as aws-lambda-go's WithEnableSIGTERM needs it: an
// internal extension that registers for no events, so that Lambda sends SIGTERM.
// This host sends it anyway; the registration is there to be accepted.

// serveRegister accepts an extension without events. Events are not delivered
// here, so an extension that wants some is better told than kept waiting.
func (p *process) serveRegister(w http.ResponseWriter, r *http.Request) {
	var wanted struct {
		Events []string `json:"events"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxErrorBody)).Decode(&wanted); err != nil {
		answerError(w, http.StatusBadRequest, "InvalidRequestFormat", "the body is not JSON")
		return
	}
	if len(wanted.Events) > 0 {
		answerError(w, http.StatusNotImplemented, "Extension.NotSupported", "this host delivers no events to extensions; register without events")
		return
	}
	w.Header().Set("Lambda-Extension-Identifier", NewRequestID())
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{ // the process may be gone
		"functionName": p.function.config.Name, "functionVersion": "$LATEST", "handler": "bootstrap",
	})
}

// serveEvent waits for an event that never comes, until the process ends.
func (p *process) serveEvent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
