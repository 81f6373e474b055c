package stack_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

// TestEdge runs the program of the edge: whatever a client says, the origin learns of the
// host that was asked, and live reads, and nothing else, go to the containers.
func TestEdge(t *testing.T) {
	const (
		get   = `{"method":"GET","uri":"/v1/stream/a","querystring":{"offset":{"value":"-1"}},"headers":{"host":{"value":"d1.cloudfront.net"},"x-forwarded-host":{"value":"evil.example.com"}}}`
		put   = `{"method":"PUT","uri":"/v1/stream/a","querystring":{"live":{"value":"sse"}},"headers":{"host":{"value":"streams.example.com"}}}`
		live  = `{"method":"GET","uri":"/v1/stream/a","querystring":{"live":{"value":"sse"}},"headers":{"host":{"value":"streams.example.com"}}}`
		which = `"x-forwarded-host":{"value":"streams.example.com"}`
	)
	for _, c := range []struct {
		name, fargate, request, header, origin string
	}{
		{"a read", "false", get, `"x-forwarded-host":{"value":"d1.cloudfront.net"}`, ""},
		{"a read that is not live", "true", get, `"x-forwarded-host":{"value":"d1.cloudfront.net"}`, ""},
		{"a write", "true", put, which, ""},
		{"a live read without containers", "false", live, which, ""},
		{"a live read", "true", live, which, "live"},
	} {
		tmpl := synth(t, "CLOUDFRONT", "true", "FARGATE", c.fargate)
		tmpl.want(t, "Cdn", map[string]string{"DistributionConfig.DefaultCacheBehavior.FunctionAssociations.0.EventType": `"viewer-request"`})
		tmpl.want(t, "Edge", map[string]string{"FunctionConfig.Runtime": `"cloudfront-js-2.0"`})
		program := strings.Replace(tmpl.Resources["Edge"].get("FunctionCode").(string), "import cf from 'cloudfront';", "", 1)
		out, err := exec.Command("node", "-e", `let origin = ''
const cf = { selectRequestOriginById: id => { origin = id } }
`+program+`
console.log(JSON.stringify({ request: handler({ request: `+c.request+` }), origin }))`).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", c.name, err, out)
		}
		var got struct {
			Request map[string]any
			Origin  string
		}
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%s: %v: %s", c.name, err, out)
		}
		if headers := text(got.Request["headers"]); !strings.Contains(headers, c.header) || got.Origin != c.origin || got.Request["uri"] != "/v1/stream/a" {
			t.Errorf("%s: it becomes %s, for %q", c.name, text(got.Request), got.Origin)
		}
	}
}
