package protocol

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// A Right is one thing that a client may be allowed to do with a stream.
type Right string

// The rights. What each method needs is in routes; a fork needs to read its source, too.
const (
	// RightCreate allows PUT, with first content and closed, too.
	RightCreate Right = "create"
	// RightAppend allows POST, which also closes streams.
	RightAppend Right = "append"
	// RightRead allows GET and HEAD, and to fork the stream.
	RightRead Right = "read"
	// RightDelete allows DELETE.
	RightDelete Right = "delete"
)

// Access decides who may do what. It must be safe for concurrent use.
type Access interface {
	// Grant says what the sender of a request may do. It is called once for each
	// request, before anything else is looked at but its size; only preflights (OPTIONS),
	// which browsers send without credentials, pass by it. An error is one of the
	// sentinels below, a [*RateError], or a [Refusal].
	Grant(r *http.Request) (Grant, error)
}

// A Grant is what the sender of one request may do. Names are those that the client
// uses.
type Grant interface {
	// Allows reports whether a right covers a stream, which may not exist.
	Allows(right Right, name string) bool
	// Stored returns the name under which a stream is stored.
	Stored(name string) string
	// Shared reports whether a shared cache may keep what the request reads of a stream,
	// and hand it to whoever asks for the same URL.
	Shared(name string) bool
	// ReaderKey returns what makes a URL one of which Shared is true, for a client that
	// may read the stream. Empty means that nothing does, or that it needs none.
	ReaderKey(name string) string
	// Ends is when the grant is over, zero for never. A live response ends by then.
	Ends() time.Time
}

// Why nothing is granted. Texts that say more are made by [Refusal].
var (
	// ErrNoToken (401) is for requests that do not say who sends them.
	ErrNoToken = errors.New("this server asks for a token: send it as Authorization: Bearer <token>")
	// ErrBadToken (401) is for tokens that are not valid, or not any more.
	ErrBadToken = errors.New("the token is not valid")
	// ErrManyTokens (400) is for requests from which it is not clear who sends them.
	ErrManyTokens = errors.New("the request has more than one token: send it once")
	// ErrNoKeys (503) says that a token cannot be checked at the moment.
	ErrNoKeys = errors.New("the keys that tokens are checked with cannot be fetched at the moment: try again")
	// errForbidden is answered whether or not there is such a stream.
	errForbidden = errors.New("forbidden")
)

// RateError (429) is for a sender who asks too often.
type RateError struct {
	// After is when the next request will be taken.
	After time.Duration
}

func (e *RateError) Error() string {
	return "too many requests with this token: slow down, and wait as long as Retry-After says"
}

// Refusal returns an error that is answered as kind is, with a text of its own, which
// the client is told and the log has: it must not contain a secret.
func Refusal(kind error, text string) error { return &problemError{kind: kind, text: text} }

// authorize finds out what the sender of the request may do.
func (x *exchange) authorize() (err error) {
	x.grant, err = x.config.Access.Grant(x.r)
	return err
}

// permit reports whether the sender may do something with a stream, and whether it can
// be stored.
func (x *exchange) permit(right Right, name string) error {
	if !x.grant.Allows(right, name) {
		return problem(errForbidden, "the token does not allow to %s this stream, if there is one", right)
	}
	if over := max(len(x.grant.Stored(name))-maxName, len(name)-x.config.Bounds.Name); over > 0 {
		return problem(errBadName, "the stream id has %d bytes; at most %d are allowed", len(name), len(name)-over)
	}
	return nil
}

// forkSource puts the name in storage in place of that of the stream to fork from. Who
// forks a stream can read all of it.
func (x *exchange) forkSource(f *stream.Fork) error {
	if f == nil {
		return nil
	}
	err := x.permit(RightRead, f.Source)
	if errors.Is(err, errForbidden) {
		err = problem(errForbidden, "the token does not allow to read the stream at %s, if there is one", headerForkedFrom)
	}
	f.Source = x.grant.Stored(f.Source)
	return err
}

// Everybody is an [Access] that grants everything to everybody, on names as they are: it
// is for servers without authorization.
type Everybody struct{}

// Grant implements [Access].
func (Everybody) Grant(*http.Request) (Grant, error) { return Everybody{}, nil }

// Allows implements [Grant]: everything is allowed.
func (Everybody) Allows(Right, string) bool { return true }

// Stored implements [Grant]: names in storage are those of clients.
func (Everybody) Stored(name string) string { return name }

// Shared implements [Grant]: every answer may be given to anybody.
func (Everybody) Shared(string) bool { return true }

// ReaderKey implements [Grant]: nobody needs one.
func (Everybody) ReaderKey(string) string { return "" }

// Ends implements [Grant]: never.
func (Everybody) Ends() time.Time { return time.Time{} }

// challenge returns the value of WWW-Authenticate (RFC 6750, section 3).
func challenge(code string) []string {
	value := `Bearer realm="durable-streams"`
	if code != "" {
		value += fmt.Sprintf(`, error="%s"`, code)
	}
	return []string{value}
}

// headerReaderKey tells a client what [Grant.ReaderKey] says.
const headerReaderKey = "Stream-Reader-Key"
