package config

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Bounds says what a request may ask for, and from where.
type Bounds struct {
	MaxHeaderBytes int           `env:"MAX_HEADER_BYTES" envDefault:"32768" doc:"longest URL and headers of a request together; more is answered 431"`
	MaxNameBytes   int           `env:"MAX_NAME_BYTES" envDefault:"700" doc:"longest stream id, at most 700 with its tenant; a longer one is answered 400"`
	MaxJSONDepth   int           `env:"MAX_JSON_DEPTH" envDefault:"500" doc:"how deep a JSON message may be; a deeper one is answered 400"`
	MaxBatch       int           `env:"MAX_BATCH_MESSAGES" envDefault:"100000" doc:"most messages in a JSON batch; more are answered 413"`
	MaxLiveReaders int           `env:"MAX_LIVE_READERS" envDefault:"10000" doc:"most long-polls and SSE responses at a time in a process; more are answered 503"`
	MaxProducers   int           `env:"MAX_PRODUCERS" envDefault:"100000" doc:"most producers (Producer-Id) that a stream knows, over its life; a further one is answered 400; at least PRODUCERS_PER_HEAD"`
	MaxStreamLife  time.Duration `env:"MAX_STREAM_LIFE" envDefault:"0" doc:"longest Stream-TTL, and how far ahead Stream-Expires-At may be; then each stream needs one (400); 0 means no bound"`
	CORSOrigins    string        `env:"CORS_ORIGINS" envDefault:"*" doc:"origins whose scripts may use the server, with commas between them, such as https://app.example.com; '*' means all"`
}

func (b Bounds) check() error {
	if err := first(
		inRange("MAX_HEADER_BYTES", b.MaxHeaderBytes, 1<<10, 1<<20),
		inRange("MAX_NAME_BYTES", b.MaxNameBytes, 1, stream.MaxName),
		inRange("MAX_JSON_DEPTH", b.MaxJSONDepth, 1, 10_000),
		positive("MAX_BATCH_MESSAGES", b.MaxBatch),
		positive("MAX_LIVE_READERS", b.MaxLiveReaders),
		positive("MAX_PRODUCERS", b.MaxProducers),
		notNegative("MAX_STREAM_LIFE", int(b.MaxStreamLife)),
	); err != nil {
		return err
	}
	if b.MaxStreamLife > 0 && b.MaxStreamLife < time.Second {
		return errors.New("MAX_STREAM_LIFE must be a second at least, or 0")
	}
	if slices.ContainsFunc(b.origins(), func(o string) bool { return !isOrigin(o) }) {
		return errors.New("CORS_ORIGINS must be '*', or origins such as https://app.example.com, without a path, and with commas between them")
	}
	return nil
}

func (b Bounds) protocol() protocol.Bounds {
	return protocol.Bounds{
		Header: b.MaxHeaderBytes, Name: b.MaxNameBytes, JSONDepth: b.MaxJSONDepth,
		Messages: b.MaxBatch, LiveReaders: b.MaxLiveReaders, Life: b.MaxStreamLife,
	}
}

// origins lists the origins; nil means all.
func (b Bounds) origins() []string {
	if b.CORSOrigins == "*" {
		return nil
	}
	var list []string
	for o := range strings.SplitSeq(b.CORSOrigins, ",") {
		list = append(list, strings.TrimSpace(o))
	}
	return list
}

// isOrigin reports whether a browser could send s as an Origin.
func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme != "" && u.Host != "" && u.Scheme+"://"+u.Host == s && strings.ToLower(s) == s
}
