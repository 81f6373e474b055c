package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/functions/boot"
	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
)

// withHealth answers [boot.HealthPath] before h: 200 as long as the process takes requests, which
// it does not before its stores were read once, nor once it stops. The stores are not
// asked again. If they are out of order, another container is no better, and without any
// there would not even be errors.
func withHealth(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != boot.HealthPath {
			h.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "ok\n") // nobody is there any more if it fails
	})
}

// healthTimeout is below what Docker and ECS wait for a check.
const healthTimeout = 3 * time.Second

// askHealth asks the server of the same configuration, from inside its container, for
// orchestrators that run a command: the image has no other program for that.
func askHealth(ctx context.Context, environ map[string]string) error {
	host, port, err := config.ReadAddress(environ)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	url := "http://" + net.JoinHostPort(inside(host), strconv.Itoa(port)) + boot.HealthPath
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("not well: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("not well: %s is answered with %s", url, resp.Status)
	}
	return nil
}

// inside is the address of a server that listens on host, for its own container.
func inside(host string) string {
	switch ip := net.ParseIP(host); {
	case host == "", ip.Equal(net.IPv4zero):
		return "127.0.0.1"
	case ip.Equal(net.IPv6unspecified):
		return "::1"
	}
	return host
}
