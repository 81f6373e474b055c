//go:build unix

package invoke_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/host"
	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/httpresponse"
	"github.com/commoncurriculum/durable-streams-aws/localstack/lambda/invoke"
)

func TestOnce(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "bootstrap")
	if out, err := exec.Command("go", "build", "-o", bin, "../host/testdata/bootstrap").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	for _, c := range []struct{ name, event, want string }{
		{"stream", `{"rawPath":"/head","body":"{\"status\":201,\"headers\":{\"b\":\"2\",\"a\":\"1\",\"set-cookie\":\"c=3\"}}","queryStringParameters":{"body":"hello"}}`,
			"HTTP 201 Created\nA: 1\nB: 2\nSet-Cookie: c=3\n\nhello\n"},
		{"proxy response", `{"rawPath":"/json","body":"{\"statusCode\":404,\"body\":\"{\\\"a\\\":1}\"}"}`,
			"HTTP 404 Not Found\nContent-Type: application/json\n\n{\n  \"a\": 1\n}\n"},
		{"result", `{"rawPath":"/json","body":"{\"batchItemFailures\":[]}"}`, "{\n  \"batchItemFailures\": []\n}\n"},
		{"binary", `{"rawPath":"/bytes","body":"AP8=","isBase64Encoded":true}`, "(2 bytes, not text)\n"},
		{"null", `{}`, "null\n"},
	} {
		result, err := invoke.Once(t.Context(), host.Config{Name: "test", Bootstrap: bin}, []byte(c.event))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		var b strings.Builder
		if err := result.Print(&b); err != nil || b.String() != c.want {
			t.Errorf("%s: %v, printed\n%s\nwant\n%s", c.name, err, b.String(), c.want)
		}
	}
	_, err := invoke.Once(t.Context(), host.Config{Name: "test", Bootstrap: bin}, []byte(`{"do":"error"}`))
	if failed := new(host.FunctionError); !errors.As(err, &failed) || failed.Message != "on purpose" {
		t.Errorf("a function's error: %v", err)
	}
	result, err := invoke.Once(t.Context(), host.Config{Name: "test", Bootstrap: bin}, []byte(`{"rawPath":"/fail"}`))
	if failed := new(host.FunctionError); !errors.As(err, &failed) || result.Status != 200 || string(result.Body) != "begun" {
		t.Errorf("a cut stream: %+v, %v", result, err)
	}
	if _, err := invoke.Once(t.Context(), host.Config{Name: "test", Bootstrap: bin}, []byte(`{"rawPath":"/stream"}`)); !errors.Is(err, httpresponse.ErrMalformed) {
		t.Errorf("a malformed stream: %v", err)
	}
	if _, err := invoke.Once(t.Context(), host.Config{Name: "test", Bootstrap: bin}, []byte(`{`)); err == nil {
		t.Error("an event that is not JSON was sent")
	}
	if _, err := invoke.Once(t.Context(), host.Config{Name: "test", Bootstrap: bin + "x"}, []byte(`{}`)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a bootstrap: %v", err)
	}
}
