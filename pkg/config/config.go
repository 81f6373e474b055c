// Package config reads the configuration of every binary of this project from
// environment variables. The struct tags are the one place where the variables,
// their defaults and their meaning are written down; [Variables] lists them.
package config

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Streams is what every front door shares: limits and times of the protocol.
type Streams struct {
	MaxBodyBytes    int           `env:"MAX_BODY_BYTES" envDefault:"10485760" doc:"longest request body; a longer one is answered 413"`
	PageBytes       int           `env:"PAGE_BYTES" envDefault:"4194304" doc:"about how much one read returns; a client continues with the next request"`
	CompressFrom    int           `env:"COMPRESS_FROM_BYTES" envDefault:"1024" doc:"from which size on pages of text are compressed for clients that accept zstd or gzip; -1 means never; behind a function URL the stack sets that"`
	PageMaxAge      time.Duration `env:"PAGE_MAX_AGE" envDefault:"60s" doc:"how long caches may keep full pages, and so what can be read of a deleted stream; raise it if no name is used twice"`
	LongPollWait    time.Duration `env:"LONG_POLL_WAIT" envDefault:"20s" doc:"how long a long-poll waits for data"`
	SSELifetime     time.Duration `env:"SSE_LIFETIME" envDefault:"55s" doc:"how long an SSE response lasts before the client reconnects"`
	SegmentMessages int           `env:"SEGMENT_MAX_MESSAGES" envDefault:"1000" doc:"records in a segment before the next append starts another"`
	SegmentBytes    int           `env:"SEGMENT_MAX_BYTES" envDefault:"4194304" doc:"bytes in a segment before the next append starts another"`
	EarlyWait       time.Duration `env:"PRODUCER_EARLY_WAIT" envDefault:"250ms" doc:"how long a producer's request that overtook its predecessor waits for it"`
	Registry        string        `env:"REGISTRY" envDefault:"on" doc:"'on': the stream __registry__ tells which streams are created and deleted; 'off': it tells nothing of streams that are created meanwhile"`
	AdminToken      string        `env:"ADMIN_TOKEN" doc:"token of the admin API (/v1/admin/...), at least 16 characters; empty means no admin API, but for JWTs with the right admin"`
	Auth
	Bounds
}

// Protocol returns what the settings say of the protocol. What is not a setting is for
// the caller to add.
func (s Streams) Protocol() protocol.Config {
	return protocol.Config{
		LongPollWait: s.LongPollWait,
		SSELifetime:  s.SSELifetime,
		MaxBody:      int64(s.MaxBodyBytes),
		CompressFrom: s.CompressFrom,
		PageMaxAge:   s.PageMaxAge,
		Bounds:       s.Bounds.protocol(),
		Origins:      s.Bounds.origins(),
	}
}

// Limits returns the core's limits with the configured ones in place.
func (s Streams) Limits() stream.Limits {
	l := stream.DefaultLimits()
	l.PageSize = s.PageBytes
	l.SegmentCount = s.SegmentMessages
	l.SegmentSize = s.SegmentBytes
	l.EarlyWait = s.EarlyWait
	l.KnownProducers = s.MaxProducers
	return l
}

// Registries returns how the core is to keep the registry: each tenant has its own.
func (s Streams) Registries() stream.Registry {
	return stream.Registry{On: s.Registry == "on", Tenants: s.TenantClaim != ""}
}

func (s Streams) check() error {
	return first(
		inRange("MAX_BODY_BYTES", s.MaxBodyBytes, 1, 1<<30),
		positive("PAGE_BYTES", s.PageBytes),
		sizeOrNever("COMPRESS_FROM_BYTES", s.CompressFrom),
		atLeast("PAGE_MAX_AGE", int(s.PageMaxAge), "1s", int(time.Second)),
		positive("LONG_POLL_WAIT", int(s.LongPollWait)),
		positive("SSE_LIFETIME", int(s.SSELifetime)),
		positive("SEGMENT_MAX_MESSAGES", s.SegmentMessages),
		positive("SEGMENT_MAX_BYTES", s.SegmentBytes),
		notNegative("PRODUCER_EARLY_WAIT", int(s.EarlyWait)),
		oneOf("REGISTRY", s.Registry, "on", "off"),
		secret("ADMIN_TOKEN", s.AdminToken, minSecret),
		s.Bounds.check(),
	)
}

// Server configures the local server.
type Server struct {
	Host       string `env:"HOST" envDefault:"127.0.0.1" doc:"address to listen on; anything but loopback is open to the network: set AUTH_MODE, too"`
	Port       int    `env:"PORT" envDefault:"4437" doc:"TCP port to listen on; 0 picks a free one"`
	Store      string `env:"STORE" envDefault:"embedded" doc:"'embedded' keeps data in DATA_DIR, 'memory' keeps nothing"`
	DataDir    string `env:"DATA_DIR" envDefault:"./.data" doc:"directory of the embedded store"`
	CacheBytes int64  `env:"CACHE_BYTES" envDefault:"16777216" doc:"memory for cached blocks of the embedded store"`
	HeadBytes  int    `env:"HEAD_CACHE_BYTES" envDefault:"16777216" doc:"memory for cached stream heads of the embedded store"`
	PartBytes  int64  `env:"OBJECT_CACHE_BYTES" envDefault:"8388608" doc:"memory for parts of sealed segments that were read last; 0 means none"`
	LogLevel   string `env:"LOG_LEVEL" envDefault:"warn" doc:"'debug', 'info' (a line for each request), 'warn' or 'error'"`
	Profile    string `env:"PPROF_ADDR" doc:"loopback address for net/http/pprof, such as 127.0.0.1:6060; empty means none"`
	Producers  int    `env:"PRODUCERS_PER_HEAD" envDefault:"32" doc:"idempotent producers kept in a stream's head; others get items of their own"`
	Background
	Bucket
	Streams
}

// Background says when the local server does what it does by itself.
type Background struct {
	SealIdleAfter time.Duration `env:"SEAL_IDLE_AFTER" envDefault:"24h" doc:"how long a stream is not used before its last segment is sealed too"`
	SweepEvery    time.Duration `env:"SWEEP_EVERY" envDefault:"1m" doc:"how often to look for what was left undone: expired and idle streams, what crashes left behind"`
}

// Bucket says where the local server keeps objects if not in files.
type Bucket struct {
	BucketEndpoint string `env:"S3_ENDPOINT" doc:"URL of an S3 API: sealed segments and large records go there instead of DATA_DIR/objects; empty means no bucket"`
	BucketName     string `env:"BUCKET_NAME" doc:"the bucket at S3_ENDPOINT, for this server alone"`
	BucketRegion   string `env:"S3_REGION" envDefault:"us-east-1" doc:"the bucket's region, 'auto' for R2"`
	BucketKey      string `env:"S3_ACCESS_KEY_ID" doc:"access key of the bucket; S3 stand-ins take any"`
	BucketSecret   string `env:"S3_SECRET_ACCESS_KEY" doc:"secret of S3_ACCESS_KEY_ID"`
}

func (b Bucket) check(store string) error {
	if b.BucketEndpoint == "" {
		return nil
	}
	if store != "embedded" {
		return fmt.Errorf("S3_ENDPOINT is set and STORE is %q, which keeps nothing: set STORE=embedded, or unset S3_ENDPOINT", store)
	}
	return first(
		neededBy("S3_ENDPOINT", "BUCKET_NAME", b.BucketName),
		neededBy("S3_ENDPOINT", "S3_REGION", b.BucketRegion),
		neededBy("S3_ENDPOINT", "S3_ACCESS_KEY_ID", b.BucketKey),
		neededBy("S3_ENDPOINT", "S3_SECRET_ACCESS_KEY", b.BucketSecret),
	)
}

// objectSize is the size from which linked records are an object in the local server.
// Below it, sharing the sync of the store's log is cheaper than syncs of a file of its own.
const objectSize = 256 << 10

// Limits returns the core's limits with the configured ones in place.
func (s Server) Limits() stream.Limits {
	l := s.Streams.Limits()
	l.Producers = s.Producers
	l.ObjectSize = objectSize
	return l
}

// ReadServer reads the local server's configuration. An error names the variable
// that is wrong.
func ReadServer(environ map[string]string) (Server, error) {
	var c Server
	if err := parse(environ, &c); err != nil {
		return Server{}, err
	}
	return c, firstError(
		inRange("PORT", c.Port, 0, 65535),
		oneOf("STORE", c.Store, "embedded", "memory"),
		oneOf("LOG_LEVEL", c.LogLevel, "debug", "info", "warn", "error"),
		positive("CACHE_BYTES", int(c.CacheBytes)),
		positive("HEAD_CACHE_BYTES", c.HeadBytes),
		notNegative("OBJECT_CACHE_BYTES", int(c.PartBytes)),
		positive("PRODUCERS_PER_HEAD", c.Producers),
		atLeast("MAX_PRODUCERS", c.MaxProducers, "PRODUCERS_PER_HEAD", c.Producers),
		positive("SEAL_IDLE_AFTER", int(c.SealIdleAfter)),
		positive("SWEEP_EVERY", int(c.SweepEvery)),
		c.Bucket.check(c.Store),
		c.Streams.check(),
		c.Auth.check(),
	)
}

// parse fills c from the environment. Errors are one line for each variable.
func parse(environ map[string]string, c any) error {
	err := env.ParseWithOptions(c, env.Options{Environment: environ})
	if err == nil {
		return nil
	}
	var lines []string
	for line := range strings.SplitSeq(strings.TrimPrefix(err.Error(), "env: "), ";") {
		lines = append(lines, withVariable(strings.TrimSpace(line), reflect.TypeOf(c).Elem()))
	}
	return fmt.Errorf("configuration: %s", strings.Join(lines, "; "))
}

// withVariable adds the variable's name to an error that names a struct field.
func withVariable(message string, t reflect.Type) string {
	for _, v := range variables(t) {
		if strings.Contains(message, fmt.Sprintf("%q", v.field)) {
			return v.Name + ": " + message
		}
	}
	return message
}

// Variable is an environment variable that a binary reads.
type Variable struct {
	Name, Default, Doc string
	// Required says that it must be set, to something.
	Required bool
	field    string
}

// Variables lists the variables of a configuration struct.
func Variables(c any) []Variable { return variables(reflect.TypeOf(c)) }

func variables(t reflect.Type) []Variable {
	var vs []Variable
	for f := range t.NumField() {
		field := t.Field(f)
		if field.Anonymous {
			vs = append(vs, variables(field.Type)...)
			continue
		}
		name, options, _ := strings.Cut(field.Tag.Get("env"), ",")
		if name == "-" {
			continue
		}
		vs = append(vs, Variable{
			Name:     name,
			Default:  field.Tag.Get("envDefault"),
			Doc:      field.Tag.Get("doc"),
			Required: strings.Contains(options, "required"),
			field:    field.Name,
		})
	}
	return vs
}

// firstError returns the first mistake as a program reports it.
func firstError(errs ...error) error {
	if err := first(errs...); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	return nil
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func positive(name string, n int) error {
	if n <= 0 {
		return fmt.Errorf("%s must be positive", name)
	}
	return nil
}

func notNegative(name string, n int) error {
	if n < 0 {
		return fmt.Errorf("%s must not be negative", name)
	}
	return nil
}

func sizeOrNever(name string, n int) error {
	if n < -1 || n == 0 {
		return fmt.Errorf("%s is %d: it must be at least 1, or -1 for never", name, n)
	}
	return nil
}

func inRange(name string, n, low, high int) error {
	if n < low || n > high {
		return fmt.Errorf("%s is %d: it must be between %d and %d", name, n, low, high)
	}
	return nil
}

func oneOf(name, value string, allowed ...string) error {
	for _, a := range allowed {
		if value == a {
			return nil
		}
	}
	return fmt.Errorf("%s is %q: it must be one of %s", name, value, strings.Join(allowed, ", "))
}

func atLeast(name string, n int, other string, least int) error {
	if n < least {
		return fmt.Errorf("%s must not be below %s", name, other)
	}
	return nil
}

func together(name, value, other, otherValue string) error {
	if (value == "") != (otherValue == "") {
		return fmt.Errorf("%s and %s must be set together", name, other)
	}
	return nil
}

func neededBy(reason, name, value string) error {
	if value == "" {
		return fmt.Errorf("%s must be set, since %s is", name, reason)
	}
	return nil
}

// minSecret is the length below which a secret can be guessed.
const minSecret = 16
