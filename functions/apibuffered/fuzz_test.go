package main

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// FuzzEvent: an event of a front door is always answered, by a document that is JSON with a
// status; any other fails the invocation, and that alone.
func FuzzEvent(f *testing.F) {
	paths, err := filepath.Glob("../../events/*/*.json")
	if err != nil || len(paths) == 0 {
		f.Fatal("no events: ", err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"version":"2.0","rawPath":"/%","requestContext":{"http":{"method":"G T"}}}`))
	f.Add([]byte(`{"requestContext":{"elb":{}},"httpMethod":"GET","path":"/a?b","queryStringParameters":{"a":"%zz"},"body":"!","isBase64Encoded":true}`))
	f.Add([]byte(`{"version":"2.0","headers":{"host":"a\nb"},"cookies":["\u0000"]}`))
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Target", r.URL.RequestURI())
		w.WriteHeader(http.StatusTeapot)
		_ = r.Write(w)
	})
	function := &function{httpAPI: echo, loadBalancer: echo, logger: slog.New(slog.DiscardHandler)}
	f.Fuzz(func(t *testing.T, payload []byte) {
		out, err := function.Invoke(t.Context(), payload)
		if err != nil {
			if !errors.Is(err, UnknownEventError{}) {
				t.Errorf("the invocation failed with %v", err)
			}
			return
		}
		var document struct{ StatusCode int }
		if err := json.Unmarshal(out, &document); err != nil || document.StatusCode < 200 || document.StatusCode > 599 {
			t.Errorf("the answer is %.300s, %v", out, err)
		}
	})
}
