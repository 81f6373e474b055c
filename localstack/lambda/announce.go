//go:build unix

package main

import (
	"fmt"
	"io"
	"net"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

// announce tells the user where the server is, what runs besides, and how to try it and
// look into it. streams is what the functions have; tokens are not told.
func announce(w io.Writer, d deployed, streams config.Streams, s *stores, addr net.Addr) {
	c := d.config
	url := fmt.Sprintf("http://%s/v1/stream/", addr)
	fmt.Fprintf(w, "Durable Streams server on %s\n", url)
	fmt.Fprintf(w, "Function %s, in up to %d processes. DynamoDB: %s, table %s. S3: %s, bucket %s.\n", c.Function, c.Concurrency, s.dynamoDB, c.Table, s.s3, c.Bucket)
	fmt.Fprintln(w, streams.Auth.Describe())
	announceBackground(w, d)
	fmt.Fprintf(w, "Memory, times, environment and events of the functions are those of %s.\n", c.Template)
	if s.local {
		fmt.Fprintf(w, "Data is kept in %s.\n", c.DataDir)
	}
	fmt.Fprintf(w, "\nLook inside:\n")
	if streams.AdminToken != "" {
		fmt.Fprintf(w, "  curl -H \"Authorization: Bearer $ADMIN_TOKEN\" http://%s/v1/admin/streams\n", addr)
		fmt.Fprintf(w, "  curl -H \"Authorization: Bearer $ADMIN_TOKEN\" http://%s/v1/admin/segments\n", addr)
	}
	fmt.Fprintf(w, "  make fsck %s\n", fsckSettings(c, s))
	fmt.Fprintf(w, "\nTry it:\n  curl%s -X PUT %shello -H 'Content-Type: text/plain' -d 'hello, world'\n", streams.CurlHeader(), url)
	fmt.Fprintf(w, "  curl%s '%shello?offset=-1'\n\n", streams.CurlHeader(), url)
	fmt.Fprint(w, streams.WarnOpen(addr))
}

// announceBackground says what runs without being asked for.
func announceBackground(w io.Writer, d deployed) {
	c := d.config
	switch c.StreamFunction {
	case off:
		fmt.Fprintln(w, "No function gets the changes of the table: segments that end are left to the sweep.")
	case compact:
		fmt.Fprintln(w, "Compaction: when a segment ends, the function compact moves it to the bucket.")
	default:
		fmt.Fprintf(w, "The function %s gets the changes of the table; segments that end are left to the sweep.\n", c.StreamFunction)
	}
	if retries := d.changes().MaximumRetryAttempts; c.StreamFunction != off && retries >= 0 {
		fmt.Fprintf(w, "What it fails on %d times is put into %s.\n", retries+1, deadLetterFile(c))
	}
	if every := d.sweepEvery(); every > 0 {
		fmt.Fprintf(w, "Sweep: every %v the function sweep finishes what was left undone.\n", every)
	} else {
		fmt.Fprintln(w, "The sweep is off: the data of deleted and expired streams stays.")
	}
}

// standInKey is what the host has for credentials unless it is told others.
const standInKey = "local"

// fsckSettings are what fsck needs to find the stores. Credentials are in the user's
// environment, unless they are those that stand-ins take.
func fsckSettings(c config.LambdaHost, s *stores) string {
	settings := fmt.Sprintf("STORE=dynamodb DYNAMODB_ENDPOINT=%s S3_ENDPOINT=%s TABLE_NAME=%s BUCKET_NAME=%s AWS_REGION=%s", s.dynamoDB, s.s3, c.Table, c.Bucket, c.Region)
	if c.AccessKey == standInKey && c.SecretKey == standInKey {
		settings += fmt.Sprintf(" AWS_ACCESS_KEY_ID=%[1]s AWS_SECRET_ACCESS_KEY=%[1]s", standInKey)
	}
	return settings
}
