package lambdahttp_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/lambdahttp"
)

// bodySize is about what fits into an event of 6 MB as base64.
const bodySize = 4 << 20

// large are the events with the largest bodies.
func large() map[string]string {
	text := strings.Repeat(`{"from":"ann","text":"hello"},`, bodySize/30)
	return map[string]string{
		"binary": payload(map[string]any{"body": base64.StdEncoding.EncodeToString(make([]byte, bodySize)), "isBase64Encoded": true}, map[string]any{"method": "POST"}),
		"json":   payload(map[string]any{"body": text}, map[string]any{"method": "POST"}),
	}
}

// One invocation as the runtime makes it, from the payload to the end of the response.
// "runtime alone" is the part of it that happens before this package is called: the
// runtime's JSON decoder has its own buffer.
func BenchmarkEvent(b *testing.B) {
	f := handle(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	events := large()
	events["small"] = plain("GET", "/v1/stream/demo")
	for name, payload := range events {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(payload)))
			for b.Loop() {
				var e lambdahttp.Event
				if err := json.NewDecoder(bytes.NewBufferString(payload)).Decode(&e); err != nil {
					b.Fatal(err)
				}
				r, err := f(b.Context(), e)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, r); err != nil {
					b.Fatal(err)
				}
				r.Close()
			}
		})
		b.Run(name+"/runtime alone", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(payload)))
			for b.Loop() {
				var e ignored
				if err := json.NewDecoder(bytes.NewBufferString(payload)).Decode(&e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

type ignored struct{}

func (*ignored) UnmarshalJSON([]byte) error { return nil }

// The whole process, over the wire, with the most memory that it has ever used. The
// garbage collector lets the heap grow to twice what lives, unless it is told how much
// there is: functions should set GOMEMLIMIT.
func BenchmarkProcess(b *testing.B) {
	for name, payload := range large() {
		payload = strings.Replace(payload, `"rawPath":"/"`, `"rawPath":"/length"`, 1)
		for _, limit := range []string{"off", "40MiB"} {
			b.Run(name+"/GOMEMLIMIT="+limit, func(b *testing.B) {
				api := start(b, "GOMEMLIMIT="+limit)
				b.SetBytes(int64(len(payload)))
				for b.Loop() {
					p := api.invoke(b, "1", payload)
					p.prelude(b)
					if n, _ := strings.CutSuffix(p.rest(b), " <nil>"); len(n) != len(strconv.Itoa(bodySize)) {
						b.Fatal(n)
					}
				}
				p := api.invoke(b, "2", plain("GET", "/peak"))
				p.prelude(b)
				kilobytes, err := strconv.Atoi(p.rest(b))
				if err != nil {
					b.Skip("this system does not tell the peak")
				}
				b.ReportMetric(float64(kilobytes)/1024, "peak-MiB")
			})
		}
	}
}
