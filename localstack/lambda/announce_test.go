//go:build unix

package main

import (
	"net"
	"strings"
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

// announced is what a host with some variables set prints.
func announced(t *testing.T, environ map[string]string) string {
	t.Helper()
	var out strings.Builder
	d := withEnv(t, environ)
	configured, err := config.ReadFunction(withRegion(d.env(api, "", "")))
	if err != nil {
		t.Fatal(err)
	}
	s := &stores{dynamoDB: "http://127.0.0.1:8000", s3: "http://127.0.0.1:9000", local: true}
	announce(&out, d, configured.Streams, s, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4437})
	return out.String()
}

func TestBackgroundIsAnnounced(t *testing.T) {
	for _, c := range []struct {
		name    string
		environ map[string]string
		want    []string
	}{
		{"the defaults", nil, []string{
			"the function compact moves it to the bucket", "fails on 6 times", "dead-letters.jsonl",
			"every 5m0s the function sweep", "are those of " + defaultTemplate,
		}},
		{"all off", map[string]string{"LAMBDA_STREAM_FUNCTION": "none", "LAMBDA_SWEEP_EVERY": "0"}, []string{"No function gets the changes", "The sweep is off"}},
		{"another function", map[string]string{"LAMBDA_STREAM_FUNCTION": "mine", "LAMBDA_SWEEP_EVERY": "1h"}, []string{"The function mine gets the changes", "every 1h0m0s"}},
	} {
		text := announced(t, c.environ)
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is not in\n%s", c.name, want, text)
			}
		}
	}
	for _, endless := range []string{
		announced(t, map[string]string{"LAMBDA_STREAM_RETRIES": "-1"}),
		announced(t, map[string]string{"LAMBDA_STREAM_FUNCTION": "none"}),
	} {
		if strings.Contains(endless, "dead-letters") {
			t.Errorf("there are no dead letters, but\n%s", endless)
		}
	}
}

func TestHowToLookInsideIsAnnounced(t *testing.T) {
	const fsck = "\n  make fsck STORE=dynamodb DYNAMODB_ENDPOINT=http://127.0.0.1:8000 S3_ENDPOINT=http://127.0.0.1:9000 TABLE_NAME=durable-streams BUCKET_NAME=durable-streams AWS_REGION=us-east-1"
	text := announced(t, nil)
	if !strings.Contains(text, fsck+" AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local\n") || strings.Contains(text, "/v1/admin") {
		t.Errorf("\n%s", text)
	}
	text = announced(t, map[string]string{"ADMIN_TOKEN": "an-administrators-token", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "mine"})
	if !strings.Contains(text, fsck+"\n") || strings.Contains(text, "mine") || strings.Contains(text, "an-administrators-token") {
		t.Errorf("\n%s", text)
	}
	for _, part := range []string{"streams", "segments"} {
		if !strings.Contains(text, "\n  curl -H \"Authorization: Bearer $ADMIN_TOKEN\" http://127.0.0.1:4437/v1/admin/"+part+"\n") {
			t.Errorf("%s are not in\n%s", part, text)
		}
	}
}
