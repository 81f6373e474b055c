package stream

import (
	"errors"
	"fmt"
	"strings"
)

// Outcomes of operations. Callers test them with errors.Is; their texts may be
// shown to clients.
var (
	// ErrNotFound: there is no such stream, or it has expired.
	ErrNotFound = errors.New("stream not found")
	// ErrGone: the stream was deleted, or has expired, and its name is not free as long
	// as forks need its data.
	ErrGone = errors.New("the stream is gone, but its forks still need it")
	// ErrNoSource: the source of a fork does not exist, or has expired.
	ErrNoSource = errors.New("the source of the fork was not found")
	// ErrSourceGone: the source of a fork is gone in this way.
	ErrSourceGone = errors.New("the source was deleted: only its forks still need it")
	// ErrTooDeep: a fork would inherit from too many streams.
	ErrTooDeep = fmt.Errorf("a stream can inherit from %d streams at most", maxRanges)
	// ErrReadOnly: the stream is a registry ([Registry]), which only the server writes.
	ErrReadOnly = errors.New("the registry is written by the server alone")
	// ErrRegistryFork: a fork of a registry was asked for.
	ErrRegistryFork = errors.New("the registry cannot be forked")
	// ErrConfigMismatch: a create found a stream that differs from what it asks for. It
	// comes as a [*ConfigError].
	ErrConfigMismatch = errors.New("a stream with another configuration exists under this name")
	// ErrContentType: an append's content type is not the stream's, or a fork's not its
	// source's. It comes as a [*ContentTypeError].
	ErrContentType = errors.New("content type does not match the stream's")
	// ErrSeqRegression: Stream-Seq is not above the last one. It comes as a [*SeqError].
	ErrSeqRegression = errors.New("Stream-Seq must be greater than the last one")
	// ErrEpochStart: a producer's new epoch does not begin with sequence 0.
	ErrEpochStart = errors.New("a new producer epoch must start at sequence 0")
	// ErrManyProducers: a new producer of a stream that knows as many as it may.
	ErrManyProducers = errors.New("the stream knows as many producers as it may: go on with one of those, under a new epoch")
	// ErrBadOffset: an offset that the stream cannot have given out.
	ErrBadOffset = errors.New("bad offset")
	// ErrUnsettled: the store did not say whether a write was applied, and it
	// could not be found out. The write may have happened.
	ErrUnsettled = errors.New("the outcome of the write is unknown")
	// ErrDamaged: what is stored is not what was written: records are missing or
	// altered. Only somebody who looks can help (package fsck).
	ErrDamaged = errors.New("stored data is damaged")
	// ErrUnavailable: the store cannot serve the request now; nothing was changed.
	ErrUnavailable = errors.New("storage is unavailable")
)

// ClosedError refuses an append to a closed stream.
type ClosedError struct {
	// Tail is the stream's final offset.
	Tail Offset
}

func (e *ClosedError) Error() string { return "stream is closed" }

// ConfigError refuses a create that finds a stream which differs from what it asks for.
type ConfigError struct {
	// Differs names what is different, in words.
	Differs []string
}

func (e *ConfigError) Error() string {
	return ErrConfigMismatch.Error() + ": it differs in " + strings.Join(e.Differs, ", ")
}

// Unwrap returns [ErrConfigMismatch].
func (e *ConfigError) Unwrap() error { return ErrConfigMismatch }

// ContentTypeError refuses content of another type than the stream's.
type ContentTypeError struct {
	// Stream and Given are the content types as they were written.
	Stream, Given string
}

func (e *ContentTypeError) Error() string {
	return fmt.Sprintf("%v: %q is not %q", ErrContentType, e.Given, e.Stream)
}

// Unwrap returns [ErrContentType].
func (e *ContentTypeError) Unwrap() error { return ErrContentType }

// SeqError refuses a Stream-Seq that is not above the last one.
type SeqError struct {
	// Last is the stream's last one.
	Last string
}

func (e *SeqError) Error() string { return fmt.Sprintf("%v, %q", ErrSeqRegression, e.Last) }

// Unwrap returns [ErrSeqRegression].
func (e *SeqError) Unwrap() error { return ErrSeqRegression }

// FencedError refuses a producer whose epoch is over.
type FencedError struct {
	// Epoch is the producer's current epoch.
	Epoch uint64
}

func (e *FencedError) Error() string {
	return fmt.Sprintf("producer epoch is stale: the current epoch is %d", e.Epoch)
}

// GapError refuses a producer request that skips sequence numbers.
type GapError struct {
	Expected, Received uint64
}

func (e *GapError) Error() string {
	return fmt.Sprintf("producer sequence gap: expected %d, received %d", e.Expected, e.Received)
}

// Outcomes of driver calls.
var (
	// ErrNoHead: no head is stored under the name.
	ErrNoHead = errors.New("stream: no head")
	// ErrNoItem: no staged item is stored under the id.
	ErrNoItem = errors.New("stream: no such item")
	// ErrNotApplied marks a write that certainly had no effect and may be tried
	// again: throttled, or in conflict with another one.
	ErrNotApplied = errors.New("stream: write not applied")
	// ErrRejected marks a call that the store rejects as such: it had no effect, and
	// trying it again will not help. It says that something is set up wrongly:
	// permissions, names, a missing table.
	ErrRejected = errors.New("stream: call rejected by the store")
)

// RefusedError says that a conditional write had no effect because its condition
// did not hold.
type RefusedError struct {
	// Head is the head that the condition was checked against; nil if there was
	// none.
	Head *Head
}

func (e *RefusedError) Error() string { return "stream: condition refused" }

// OwingError says that a registry was not written because a name owes something else than
// was to be told.
type OwingError struct {
	Name string
}

func (e *OwingError) Error() string {
	return fmt.Sprintf("stream: %q owes something else to the registry", e.Name)
}

// SourceError says that a fork had no effect because its source is not the life that was
// meant any more, or is gone.
type SourceError struct {
	// Head is the source's head as it is; nil if there is none.
	Head *Head
}

func (e *SourceError) Error() string { return "stream: the fork's source is gone" }
