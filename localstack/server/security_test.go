package main

import (
	"bytes"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeToken makes a token as the README does, and uses it as the README says.
func TestReadmeToken(t *testing.T) {
	_, section, _ := strings.Cut(readme(t), "## Who may do what")
	section, _, _ = strings.Cut(section, "\n## ")
	secret := regexp.MustCompile(`(?m)^AUTH_MODE=jwt AUTH_JWT_SECRET=(\S+) make run$`).FindStringSubmatch(section)
	_, script, found := strings.Cut(section, "```sh\nAUTH_JWT_SECRET=")
	script, _, ended := strings.Cut(script, "```")
	if secret == nil || !found || !ended {
		t.Fatal("the README does not make a token")
	}
	p := mustStart(t, serverBinary(), "STORE=memory", "AUTH_MODE=jwt", "AUTH_JWT_SECRET="+secret[1])
	there := strings.ReplaceAll("AUTH_JWT_SECRET="+script, "http://127.0.0.1:4437/v1/stream/", p.url)
	out, err := exec.Command("bash", "-euc", there).Output()
	if err != nil {
		t.Fatalf("%s\n%v", there, err)
	}
	var statuses []string
	for _, m := range regexp.MustCompile(`(?m)^HTTP/1.1 (\d+) `).FindAllStringSubmatch(string(out), -1) {
		statuses = append(statuses, m[1])
	}
	if got := strings.Join(statuses, " "); got != "201 200 403" {
		t.Errorf("the answers are %s:\n%s\n%s", got, there, out)
	}
}

// TestServerLogsNoSecret: whatever is sent, and however much is logged.
func TestServerLogsNoSecret(t *testing.T) {
	const canary = "canary-0123456789abcdef0123456789abcdef"
	for _, mode := range []string{"AUTH_MODE=token AUTH_TOKEN=" + canary, "AUTH_MODE=jwt AUTH_JWT_SECRET=" + canary} {
		env := append(strings.Fields(mode), "STORE=memory", "LOG_LEVEL=debug", "ADMIN_TOKEN="+canary+"-admin", "AUTH_READER_KEY="+canary+"-reader", "AUTH_RATE=1000")
		p := mustStart(t, serverBinary(), env...)
		requests := 0
		for _, method := range []string{"GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"} {
			for _, path := range []string{"a", "a?token=" + canary, "a?offset=-1&live=sse&token=" + canary, "a?reader-key=" + canary, "__ds/x?token=" + canary, "//?token=" + canary, "../admin/streams?token=" + canary} {
				for _, header := range []string{"", "Bearer " + canary, "Bearer " + canary + "x", "Basic " + canary, canary, "Bearer " + canary + "." + canary + "." + canary} {
					r, err := http.NewRequest(method, p.url+path, nil)
					if err != nil {
						t.Fatal(err)
					}
					if header != "" {
						r.Header.Set("Authorization", header)
					}
					response, err := http.DefaultClient.Do(r)
					if err != nil {
						t.Fatal(err)
					}
					var answer bytes.Buffer
					_, _ = answer.ReadFrom(response.Body) // an SSE response may be cut off
					response.Body.Close()
					if strings.Contains(answer.String(), canary) {
						t.Errorf("%s %s, %q: the answer tells it: %s", method, path, header, &answer)
					}
					requests++
				}
			}
		}
		if err := p.stop(t); err != nil {
			t.Error(err)
		}
		if strings.Contains(p.stderr.String(), "canary") {
			t.Errorf("a secret is in the log:\n%s", p.stderr)
		}
		if lines := strings.Count(p.stderr.String(), "\n"); lines < requests {
			t.Errorf("%d lines for %d requests", lines, requests)
		}
	}
}
