package auth

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/embedded"
	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// BenchmarkAppend compares modes on warm appends, in memory and with a synced log. Each
// round has one append of every mode, and each mode is first in turn, so that they meet
// the same machine.
func BenchmarkAppend(b *testing.B) {
	stores := map[string]func(*testing.B) stream.Driver{
		"memory": func(*testing.B) stream.Driver { return memory.New() },
		"embedded": func(b *testing.B) stream.Driver {
			dir, err := os.MkdirTemp("", "auth")
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { os.RemoveAll(dir) })
			s, err := embedded.Open(dir, embedded.Options{})
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { s.Close() })
			return s
		},
	}
	ks, rs := newPairs(b), rsPair(b)
	for name, open := range stores {
		b.Run(name, func(b *testing.B) {
			log, err := stream.New(open(b), stream.Options{Limits: stream.DefaultLimits()})
			if err != nil {
				b.Fatal(err)
			}
			claims := valid(object{"streams": object{"bench/{sub}/*": []string{"create", "append"}}})
			jwts := newAccess(b, withKeys(b, rs.public, ks.es.public, ks.ed.public))
			shared, err := New(Config{Tokens: []string{secret}})
			if err != nil {
				b.Fatal(err)
			}
			modes := []struct {
				name, token string
				access      protocol.Access
				took        time.Duration
			}{
				{name: "off"}, {"token", secret, shared, 0},
				{"HS256", ks.hs.sign(b, claims), jwts, 0}, {"RS256", rs.sign(b, claims), jwts, 0}, {"ES256", ks.es.sign(b, claims), jwts, 0}, {"EdDSA", ks.ed.sign(b, claims), jwts, 0},
			}
			handlers := make([]*protocol.Handler, len(modes))
			send := func(i int, method string) {
				r := httptest.NewRequest(method, fmt.Sprintf("/v1/stream/bench/ann/%d", i), strings.NewReader(strings.Repeat("x", 100)))
				r.Header.Set("Content-Type", "text/plain")
				r.Header.Set("Authorization", "Bearer "+modes[i].token)
				w := httptest.NewRecorder()
				start := time.Now()
				handlers[i].ServeHTTP(w, r)
				modes[i].took += time.Since(start)
				if w.Code >= http.StatusBadRequest {
					b.Fatalf("%s: %d %s", modes[i].name, w.Code, w.Body)
				}
			}
			for i := range modes {
				if handlers[i], err = protocol.New(log, protocol.Config{Access: modes[i].access}); err != nil {
					b.Fatal(err)
				}
				send(i, http.MethodPut)
				modes[i].took = 0
			}
			for round := 0; b.Loop(); round++ {
				for i := range modes {
					send((round+i)%len(modes), http.MethodPost)
				}
			}
			b.ReportMetric(0, "ns/op")
			for _, m := range modes {
				b.ReportMetric(float64(m.took.Microseconds())/float64(b.N), m.name+"-µs")
				b.ReportMetric(float64(m.took)/float64(modes[0].took), m.name+"/off")
			}
		})
	}
}
