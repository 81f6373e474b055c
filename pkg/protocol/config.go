package protocol

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Config is how a [Handler] behaves. Zero values stand for the defaults.
type Config struct {
	// LongPollWait is how long a long-poll waits for data (section 5.7).
	// Default: 20 s. A request whose context ends earlier is answered earlier.
	LongPollWait time.Duration
	// SSELifetime is how long an SSE response lasts before the reader must
	// reconnect (section 5.8). Default: 55 s, below the idle limit of common
	// proxies.
	SSELifetime time.Duration
	// MaxBody is the largest request body in bytes, inclusive. Default: 10 MiB.
	MaxBody int64
	// Bounds are what a request may ask for at most.
	Bounds Bounds
	// Origins are those of browsers whose scripts may use the server, such as
	// https://app.example.com. Default: all.
	Origins []string
	// WriteStall is how long a reader may take to accept the next 256 KiB of an
	// answer before it is given up; it may get a sixteenth more. Default: 30 s.
	WriteStall time.Duration
	// BodyStall is how long a writer may take to send the next part of a body
	// before it is given up, however small that part is. All of a body may take twice
	// as long, and a second more for each KiB. Default: 30 s.
	BodyStall time.Duration
	// CompressFrom is from which size on, in bytes, pages of text are sent in zstd or
	// gzip to clients that take them. Default: 1 KiB. Negative: never.
	CompressFrom int
	// PageMaxAge is how long caches may keep pages that do not change: full ones, and
	// the last one of a closed stream. For five minutes more, they may give them out
	// while they ask. A deleted stream can be read from caches for as long, and a new
	// one of its name is mixed with it. Default: 60 s (section 10.1).
	PageMaxAge time.Duration
	// Access decides who may do what. Default: everybody may do everything.
	Access Access
	// FlushBeforeAnswer makes an append that finds [stream.Log.Flush] due wait
	// for it before it is answered. It is meant for front doors that cannot send
	// an answer before the handler returns, or that freeze the process once it
	// has been sent. Everywhere else the answer goes first.
	FlushBeforeAnswer bool
	// Buffered says that the front door sends nothing before the handler returns. An
	// SSE response then ends with its first records, after a second at least, or after
	// LongPollWait without any: it is a long-poll in the form of events.
	Buffered bool
	// Logger gets one line for each request. Default: no logging.
	Logger *slog.Logger
	// Report is told of each request once all is done for it, whatever is logged, and
	// returns what its log line is to have besides. It must be safe for concurrent use.
	// Default: nothing is told.
	Report func(Request) []slog.Attr
	// RequestID names a request where something in front of the handler has named it;
	// empty means that it has not. Default: the client may name it (X-Request-Id), and
	// otherwise a name is made up.
	RequestID func(*http.Request) string
	// Now is the clock of cursors and cache lifetimes. Default: time.Now.
	Now func() time.Time
	// Jitter returns a random number in [0,n), for names of requests. Default:
	// math/rand/v2.
	Jitter func(n int64) int64
}

// maxMaxBody keeps every body far below what a frame can hold.
const maxMaxBody = 1 << 30

// withDefaults fills in what was left open, and reports what cannot work.
func (c Config) withDefaults() (Config, error) {
	durations := []struct {
		name     string
		value    *time.Duration
		standard time.Duration
	}{
		{"LongPollWait", &c.LongPollWait, 20 * time.Second},
		{"SSELifetime", &c.SSELifetime, 55 * time.Second},
		{"WriteStall", &c.WriteStall, 30 * time.Second},
		{"BodyStall", &c.BodyStall, 30 * time.Second},
		{"PageMaxAge", &c.PageMaxAge, maxAge},
	}
	for _, d := range durations {
		if *d.value < 0 {
			return c, fmt.Errorf("%s is %v: it must not be negative", d.name, *d.value)
		}
		if *d.value == 0 {
			*d.value = d.standard
		}
	}
	if c.CompressFrom == 0 {
		c.CompressFrom = 1 << 10
	}
	if c.MaxBody == 0 {
		c.MaxBody = 10 << 20
	}
	if c.MaxBody < 0 || c.MaxBody > maxMaxBody {
		return c, fmt.Errorf("MaxBody is %d: it must be between 1 and %d bytes", c.MaxBody, maxMaxBody)
	}
	c.Bounds = c.Bounds.withDefaults()
	if c.Access == nil {
		c.Access = Everybody{}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Jitter == nil {
		c.Jitter = rand.Int64N
	}
	return c, nil
}

// New returns a handler that serves the streams of a log, or an error that names
// the setting that is wrong.
func New(log *stream.Log, c Config) (*Handler, error) {
	if log == nil {
		return nil, errors.New("protocol: no log")
	}
	c, err := c.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("protocol: %w", err)
	}
	encoder, err := newEncoder()
	if err != nil {
		return nil, fmt.Errorf("protocol: %w", err)
	}
	quit, shutdown := context.WithCancel(context.Background())
	return &Handler{log: log, config: c, encoder: encoder, quit: quit, shutdown: shutdown}, nil
}
