// The smoke program checks a server that was deployed, from outside, in half a minute: that
// answers end, that events come when they are appended, that bytes and names survive the way,
// and that what goes wrong is said in this server's words. It prints a line for each check.
//
//	TOKEN=... smoke https://....lambda-url.eu-central-1.on.aws/v1/stream/
//
// It makes streams of its own, and deletes them. Its status is 1 if a check failed, and 2 if
// it could not begin.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "smoke: the one argument is where streams are, such as https://streams.example.com/v1/stream/ (make smoke-aws URL=... TOKEN=...)")
		os.Exit(2)
	}
	err := run(context.Background(), os.Args[1], os.Getenv("TOKEN"), os.Stdout)
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "smoke:", err)
	if errors.Is(err, errFailed) {
		os.Exit(1)
	}
	os.Exit(2)
}

var errFailed = errors.New("not all checks passed")

// run makes all checks of the server whose streams are at an address, which may or may not
// end in a slash, and prints a line for each. An empty token sends none.
func run(ctx context.Context, address, token string, out io.Writer) error {
	base, err := url.Parse(strings.TrimSuffix(address, "/") + "/")
	if err != nil || base.Host == "" || !strings.HasSuffix(base.Path, "/v1/stream/") {
		return fmt.Errorf("%q is not where streams are: it must be like https://streams.example.com/v1/stream/", address)
	}
	c := newClient(base, token, "smoke-"+strings.ToLower(rand.Text()[:8])+"/")
	failed := false
	for _, check := range checks() {
		begun := time.Now()
		said, err := check.does(ctx, c)
		mark := "ok    "
		if err != nil {
			failed, mark, said = true, "FAILED", err.Error()
		}
		fmt.Fprintf(out, "%s %-55s %6d ms  %s\n", mark, check.name, time.Since(begun).Milliseconds(), said)
	}
	if failed {
		return errFailed
	}
	return nil
}
