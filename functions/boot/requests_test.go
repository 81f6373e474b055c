package boot_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/commoncurriculum/durable-streams-aws/functions/boot"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

// table answers every update of a head as DynamoDB answers an append.
func table(t testing.TB) (endpoint string) {
	const head = `{"ConsumedCapacity":{"TableName":"t","CapacityUnits":2.0},"Attributes":{` +
		`"ln":{"S":"s"},"n":{"N":"1"},"z":{"N":"1"},"lk":{"S":"streams#2"},"a":{"N":"1000"},"f":{"N":"3"},"i":{"B":"AQAAAAAAAAAAAAAAAAAAAA=="},` +
		`"v":{"N":"1"},"bs":{"N":"0"},"t":{"N":"1000"},"r":{"L":[]},"c":{"N":"0"},"m":{"S":"text/plain"},"g":{"N":"0"},"bf":{"B":"AAE="},` +
		`"p":{"M":{}},"b":{"L":[]},"u":{"L":[]}}}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		_, _ = io.WriteString(w, head)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func handler(t testing.TB, out io.Writer, change map[string]string) http.Handler {
	t.Helper()
	vars := map[string]string{
		"TABLE_NAME": "t", "BUCKET_NAME": "b", "AWS_REGION": "eu-central-1",
		"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "DYNAMODB_ENDPOINT": table(t),
	}
	for name, value := range change {
		vars[name] = value
	}
	c, err := config.ReadFunction(vars)
	if err != nil {
		t.Fatal(err)
	}
	h, err := boot.Handler(c, boot.Logger(out, c.LogLevel), false)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestRequestLine: a request has one line, by the name that Lambda has for it, and the
// line is a set of metrics unless they are off.
func TestRequestLine(t *testing.T) {
	for _, mode := range []string{"emf", "off"} {
		var out bytes.Buffer
		h := handler(t, &out, map[string]string{"METRICS": mode})
		r := httptest.NewRequest(http.MethodPost, "/v1/stream/s", strings.NewReader("x"))
		r.Header.Set("Content-Type", "text/plain")
		r.Header.Set("X-Request-Id", "of the client")
		r = r.WithContext(lambdacontext.NewContext(r.Context(), &lambdacontext.LambdaContext{AwsRequestID: "of-lambda"}))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var line struct {
			Request string
			Status  int
			Table   struct {
				Requests, UpdateItem  int
				ReadUnits, WriteUnits float64
			}
			Requests      float64
			TableRequests float64
			AWS           *struct {
				CloudWatchMetrics []struct{ Namespace string }
			} `json:"_aws"`
		}
		if err := json.Unmarshal(out.Bytes(), &line); err != nil || strings.Count(out.String(), "\n") != 1 {
			t.Fatalf("%v: %s", err, &out)
		}
		if line.Request != "of-lambda" || w.Header().Get("X-Request-Id") != "of-lambda" {
			t.Errorf("the line is of %q, the answer of %q", line.Request, w.Header().Get("X-Request-Id"))
		}
		if line.Table.UpdateItem == 0 || line.Table.WriteUnits != 2*float64(line.Table.UpdateItem) {
			t.Errorf("the line is %s", &out)
		}
		switch emf := line.AWS != nil; {
		case emf != (mode == "emf"):
			t.Errorf("METRICS=%s: %s", mode, &out)
		case emf && (line.AWS.CloudWatchMetrics[0].Namespace != "DurableStreams/t" || line.TableRequests != float64(line.Table.Requests)):
			t.Errorf("the line is %s", &out)
		}
	}
}

// counter counts what is written to it.
type counter int

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }

// BenchmarkAppend is a warm append of a function, with the SDK, against a table that
// answers at once, with its log line, the bytes of which are counted.
func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct{ metrics, level string }{{"emf", "info"}, {"off", "info"}, {"off", "error"}} {
		b.Run("metrics="+c.metrics+",log="+c.level, func(b *testing.B) {
			var log counter
			h := handler(b, &log, map[string]string{"METRICS": c.metrics, "LOG_LEVEL": c.level})
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, "/v1/stream/s", strings.NewReader("x"))
				r.Header.Set("Content-Type", "text/plain")
				w := httptest.NewRecorder()
				if h.ServeHTTP(w, r); w.Code != http.StatusNoContent {
					b.Fatal(w.Code, w.Body)
				}
			}
			b.ReportMetric(float64(log)/float64(b.N), "log-B/op")
		})
	}
}
