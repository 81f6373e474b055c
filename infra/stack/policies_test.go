package stack_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/commoncurriculum/durable-streams-aws/functions/boot"
	"github.com/commoncurriculum/durable-streams-aws/localstack/s3"
	"github.com/commoncurriculum/durable-streams-aws/localstack/standin"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
	"github.com/commoncurriculum/durable-streams-aws/pkg/dynamo"
	"github.com/commoncurriculum/durable-streams-aws/pkg/spool"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// policyOf returns what a program may do with table, buckets and secrets: the resources of
// each action, as "action resource".
func policyOf(t *testing.T, tmpl template, id string) []string {
	t.Helper()
	may := make(map[string]bool)
	for _, policy := range tmpl.of("AWS::IAM::Policy") {
		if text(tmpl.Resources[policy].get("Roles")) != `[{"Ref":"`+id+`Role"}]` {
			continue
		}
		for _, s := range tmpl.Resources[policy].get("PolicyDocument.Statement").([]any) {
			statement := s.(map[string]any)
			for _, action := range list(statement["Action"]) {
				service, _, _ := strings.Cut(action.(string), ":")
				if service != "dynamodb" && service != "s3" && service != "secretsmanager" {
					continue
				}
				for _, r := range list(statement["Resource"]) {
					may[action.(string)+" "+place(r)] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(may))
}

// list is a value that may stand for a list of one.
func list(v any) []any {
	if l, ok := v.([]any); ok {
		return l
	}
	return []any{v}
}

// place is a resource in short: "Table", "Table/index/work", "Objects/*".
func place(r any) string {
	s := text(r)
	for _, id := range []string{"Table", "Objects", "DeadLetters"} {
		arn := `{"Fn::GetAtt":["` + id + `","Arn"]}`
		if s == arn {
			return id
		}
		if rest, ok := strings.CutPrefix(s, `{"Fn::Join":["",[`+arn+`,"`); ok {
			return id + strings.TrimSuffix(rest, `"]]}`)
		}
	}
	return s
}

// watched is a server behind a proxy that notes the actions which requests are.
type watched struct {
	mu     sync.Mutex
	noted  map[string]bool
	server *httptest.Server
}

func watch(t *testing.T, target string, actions func(*http.Request, []byte) []string) *watched {
	t.Helper()
	to, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	w := &watched{noted: make(map[string]bool)}
	w.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		w.mu.Lock()
		for _, a := range actions(r, body) {
			w.noted[a] = true
		}
		w.mu.Unlock()
		proxy.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.server.Close)
	return w
}

// take returns what was noted since the last time.
func (w *watched) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	noted := slices.Collect(maps.Keys(w.noted))
	w.noted = make(map[string]bool)
	return noted
}

// dynamoDBActions are the actions of IAM that a request to DynamoDB needs. A transaction
// needs those of its writes.
func dynamoDBActions(r *http.Request, body []byte) []string {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	var in struct {
		IndexName     string
		TransactItems []map[string]any
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return []string{err.Error()}
	}
	if in.IndexName != "" {
		return []string{"dynamodb:" + operation + " Table/index/" + in.IndexName}
	}
	if operation != "TransactWriteItems" {
		return []string{"dynamodb:" + operation + " Table"}
	}
	names := map[string]string{"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
	var all []string
	for _, write := range in.TransactItems {
		for kind := range write {
			all = append(all, "dynamodb:"+names[kind]+" Table")
		}
	}
	return all
}

// s3Actions are the actions of IAM that a request to S3 needs.
func s3Actions(r *http.Request, _ []byte) []string {
	switch {
	case r.Method == http.MethodGet && r.URL.Query().Has("list-type"):
		return []string{"s3:ListBucket Objects"}
	case r.Method == http.MethodPost && r.URL.Query().Has("delete"):
		return []string{"s3:DeleteObject Objects/*"}
	case r.Method == http.MethodPut:
		return []string{"s3:PutObject Objects/*"}
	case r.Method == http.MethodGet:
		return []string{"s3:GetObject Objects/*"}
	}
	return []string{r.Method + " " + r.URL.String()}
}

// TestPoliciesAreWhatTheCodeAsksFor runs what the functions do, on stand-ins, and compares
// each action that they are asked for with what the functions may do: nothing is missing,
// and nothing is allowed that no path needs.
func TestPoliciesAreWhatTheCodeAsksFor(t *testing.T) {
	w := newWorld(t)
	tmpl := synth(t)
	for _, program := range []struct {
		id  string
		run func(*testing.T, *world)
	}{{"Api", answer}, {"Compact", compact}, {"Sweep", sweep}} {
		program.run(t, w)
		asked := append(w.table.take(), w.bucket.take()...)
		may := policyOf(t, tmpl, program.id)
		for _, a := range asked {
			if !slices.Contains(may, a) {
				t.Errorf("%s needs %s, and may not", program.id, a)
			}
		}
		for _, m := range may {
			reason := allowedBeside(m)
			if reason == "" && !slices.Contains(asked, m) {
				t.Errorf("%s may %s, and nothing that was tried needs it", program.id, m)
			}
		}
	}
}

// allowedBeside is why something is allowed that none of the requests is.
func allowedBeside(right string) string {
	switch {
	case right == "s3:ListBucket Objects":
		return "without it S3 does not tell that an object is not there"
	case strings.HasPrefix(right, "secretsmanager:"):
		return "secrets are read at the start"
	case strings.Contains(right, "DeadLetters"), strings.Contains(right, "Stream"), strings.Contains(right, "dynamodb:GetRecords"), strings.Contains(right, "dynamodb:GetShardIterator"):
		return "Lambda itself delivers the changes, in the function's name"
	}
	return ""
}

// world is a table and a bucket, and a log of the functions on them.
type world struct {
	table, bucket *watched
	config        config.Function
	handler       http.Handler
}

func newWorld(t *testing.T) *world {
	t.Helper()
	process, err := standin.DynamoDB(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = process.Stop() })
	objects, err := s3standin.Start(t.TempDir(), "objects")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = objects.Stop(t.Context()) })
	credentials := credentials.NewStaticCredentialsProvider("id", "key", "")
	if _, err := dynamo.EnsureTable(t.Context(), dynamo.NewClient("us-east-1", process.Endpoint, credentials), "policies"); err != nil {
		t.Fatal(err)
	}
	w := &world{table: watch(t, process.Endpoint, dynamoDBActions), bucket: watch(t, objects.Endpoint(), s3Actions)}
	w.config, err = config.ReadFunction(map[string]string{
		"TABLE_NAME": "policies", "DYNAMODB_ENDPOINT": w.table.server.URL, "BUCKET_NAME": "objects", "S3_ENDPOINT": w.bucket.server.URL,
		"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key",
		"ADMIN_TOKEN": "admin-0123456789", "PRODUCERS_PER_HEAD": "1", "SEGMENT_MAX_MESSAGES": "20",
	})
	if err != nil {
		t.Fatal(err)
	}
	w.handler, err = boot.Handler(w.config, slog.New(slog.DiscardHandler), false)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// do makes a request, whose status must be below 300.
func (w *world) do(t *testing.T, method, path, body string, headers ...string) {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "text/plain")
	r.Header.Set("Authorization", "Bearer admin-0123456789")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	got := httptest.NewRecorder()
	w.handler.ServeHTTP(got, r)
	if got.Code >= 300 {
		t.Fatalf("%s %s: %d %s", method, path, got.Code, got.Body)
	}
}

// answer makes requests of all kinds, with records of all sizes.
func answer(t *testing.T, w *world) {
	w.do(t, "PUT", "/v1/stream/source", "")
	for i := range 15 {
		w.do(t, "POST", "/v1/stream/source", strings.Repeat(fmt.Sprint(i), 300))
	}
	for _, size := range []int{3 << 10, 70 << 10} {
		w.do(t, "POST", "/v1/stream/source", strings.Repeat("x", size))
	}
	for _, producer := range []string{"one", "two", "three"} {
		w.do(t, "POST", "/v1/stream/source", producer, "Producer-Id", producer, "Producer-Epoch", "0", "Producer-Seq", "0")
	}
	w.do(t, "POST", "/v1/stream/source", "again", "Producer-Id", "one", "Producer-Epoch", "0", "Producer-Seq", "1")
	w.do(t, "GET", "/v1/stream/source?offset=-1", "")
	w.do(t, "PUT", "/v1/stream/fork", "", "Stream-Forked-From", "/v1/stream/source")
	w.do(t, "GET", "/v1/stream/fork?offset=-1", "")
	w.do(t, "DELETE", "/v1/stream/fork", "")
	w.do(t, "GET", "/v1/admin/streams", "")
	w.do(t, "GET", "/v1/admin/segments", "")
}

// compact moves a stream's segments, of which some is still in the head.
func compact(t *testing.T, w *world) {
	w.do(t, "POST", "/v1/stream/source", "the last one", "Stream-Closed", "true")
	w.table.take()
	w.bucket.take()
	log, err := boot.Log(w.config)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := log.Compact(t.Context(), "source"); err != nil || c.Segments == 0 {
		t.Fatalf("%+v, %v", c, err)
	}
}

// sweep meets what was deleted, with items, objects and a source.
func sweep(t *testing.T, w *world) {
	w.do(t, "PUT", "/v1/stream/gone", "", "Stream-Forked-From", "/v1/stream/source")
	for range 15 {
		w.do(t, "POST", "/v1/stream/gone", strings.Repeat("y", 300))
	}
	w.do(t, "POST", "/v1/stream/gone", strings.Repeat("x", 70<<10))
	w.do(t, "DELETE", "/v1/stream/gone", "")
	w.table.take()
	w.bucket.take()
	objects, err := boot.Objects(w.config)
	if err != nil {
		t.Fatal(err)
	}
	client := dynamo.NewClient("us-east-1", w.config.DynamoDBEndpoint, credentials.NewStaticCredentialsProvider("id", "key", ""))
	// A day later, so that nothing is too young to be collected.
	driver, err := dynamo.New(client, dynamo.Options{Table: w.config.Table, CollectAfter: time.Nanosecond, Now: func() time.Time { return time.Now().Add(24 * time.Hour) }})
	if err != nil {
		t.Fatal(err)
	}
	log, err := stream.New(driver, stream.Options{Limits: boot.Limits(w.config), Objects: objects, Owner: "policies", Spool: spool.In(""), Poll: w.config.Poll()})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if s, err := log.Sweep(t.Context(), w.config.Sweep()); err != nil {
			t.Fatalf("%+v, %v", s, err)
		}
	}
}
