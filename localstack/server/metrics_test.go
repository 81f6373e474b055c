package main

import (
	"io"
	"strings"
	"testing"
)

// TestMetricsOfRequests: the admin API tells of the requests of clients, live readers
// while they are there.
func TestMetricsOfRequests(t *testing.T) {
	p := mustStart(t, serverBinary(), "STORE=memory", "ADMIN_TOKEN="+adminToken)
	request(t, "PUT", p.url+"s", "text/plain", "")
	request(t, "POST", p.url+"s", "text/plain", "one")
	request(t, "POST", p.url+"s", "text/html", "two")
	request(t, "GET", p.url+"none", "", "")
	live := request(t, "GET", p.url+"s?offset=-1&live=sse", "", "")
	if _, err := io.ReadFull(live.Body, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	var text string
	adminGet(t, p, "metrics", &text)
	for _, want := range []string{
		`requests_total{operation="append",status="2xx"} 1`, `requests_total{operation="append",status="4xx"} 1`,
		`requests_total{operation="create",status="2xx"} 1`, `requests_total{operation="read",status="4xx"} 1`,
		`request_duration_seconds_count{operation="append"} 2`, `append_attempts_total 2`, `append_conflicts_total 1`,
		`live_readers 1`, `table_requests_total 0`,
	} {
		if !strings.Contains(text, "\ndurable_streams_"+want+"\n") {
			t.Errorf("%s is missing in:\n%s", want, text)
		}
	}
}
