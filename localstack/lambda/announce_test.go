//go:build unix

package main

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

// announced is what a host with some settings prints.
func announced(t *testing.T, admin bool, set func(*config.LambdaHost)) string {
	t.Helper()
	c := hostConfig(t)
	if set != nil {
		set(&c)
	}
	streams := config.Streams{Auth: config.Auth{Mode: "off"}}
	if admin {
		streams.AdminToken = "0123456789abcdef"
	}
	var out strings.Builder
	announce(&out, c, streams, &stores{dynamoDB: "http://127.0.0.1:8000", s3: "http://127.0.0.1:9000", local: true}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4437})
	return out.String()
}

func TestBackgroundIsAnnounced(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*config.LambdaHost)
		want []string
	}{
		{"the defaults", nil, []string{"the function compact moves it to the bucket", "fails on 6 times", "dead-letters.jsonl", "every 1m0s the function sweep"}},
		{"all off", func(c *config.LambdaHost) { c.StreamFunction, c.SweepEvery = "none", 0 }, []string{"No function gets the changes", "The sweep is off"}},
		{"another function", func(c *config.LambdaHost) { c.StreamFunction, c.SweepEvery = "mine", time.Hour }, []string{"The function mine gets the changes", "every 1h0m0s"}},
	} {
		text := announced(t, false, c.set)
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is not in\n%s", c.name, want, text)
			}
		}
	}
	for _, endless := range []string{
		announced(t, false, func(c *config.LambdaHost) { c.StreamRetries = -1 }),
		announced(t, false, func(c *config.LambdaHost) { c.StreamFunction = "none" }),
	} {
		if strings.Contains(endless, "dead-letters") {
			t.Errorf("there are no dead letters, but\n%s", endless)
		}
	}
}

func TestHowToLookInsideIsAnnounced(t *testing.T) {
	const fsck = "\n  make fsck STORE=dynamodb DYNAMODB_ENDPOINT=http://127.0.0.1:8000 S3_ENDPOINT=http://127.0.0.1:9000 TABLE_NAME=durable-streams BUCKET_NAME=durable-streams AWS_REGION=us-east-1"
	text := announced(t, false, nil)
	if !strings.Contains(text, fsck+" AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local\n") || strings.Contains(text, "/v1/admin") {
		t.Errorf("\n%s", text)
	}
	text = announced(t, true, func(c *config.LambdaHost) { c.AccessKey, c.SecretKey = "AKIA", "mine" })
	if !strings.Contains(text, fsck+"\n") || strings.Contains(text, "mine") {
		t.Errorf("\n%s", text)
	}
	for _, part := range []string{"streams", "segments"} {
		if !strings.Contains(text, "\n  curl -H \"Authorization: Bearer $ADMIN_TOKEN\" http://127.0.0.1:4437/v1/admin/"+part+"\n") {
			t.Errorf("%s are not in\n%s", part, text)
		}
	}
}
