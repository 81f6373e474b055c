package simulation

import (
	"errors"
	"maps"
	"strings"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// maxSkew is by how much the clock of a process differs from the right one.
const maxSkew = 20 * time.Millisecond

// state is what a stream's state means to the protocol (PROTOCOL.md section 5), as simply
// as possible. It shares no rule with package stream.
type state struct {
	contentType string
	deadline    time.Time
	deleted     bool
	forked      bool
	closed      bool
	closedBy    stream.ProducerTag
	seq         string
	producers   map[string]stream.Producer
	tail        stream.Offset
}

func newState(h *stream.Head, tail stream.Offset) *state {
	return &state{contentType: mediaType(h.ContentType), producers: make(map[string]stream.Producer), tail: tail}
}

func mediaType(contentType string) string {
	t, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(t))
}

// verdict is how a request is answered.
type verdict string

const (
	accepted  verdict = "accepted"
	duplicate verdict = "duplicate"
	notFound  verdict = "not found"
	gone      verdict = "gone"
	closed    verdict = "closed"
	otherType verdict = "content type"
	fenced    verdict = "fenced"
	epoch     verdict = "epoch start"
	gap       verdict = "gap"
	regressed verdict = "sequence"
	mismatch  verdict = "mismatch"
	// unknown is no answer, and failed one that says that nothing happened.
	unknown verdict = "unknown"
	failed  verdict = "failed"
)

// verdictOf returns what an error says.
func verdictOf(err error) verdict {
	var closedErr *stream.ClosedError
	var fencedErr *stream.FencedError
	var gapErr *stream.GapError
	switch {
	case err == nil:
		return accepted
	case errors.Is(err, stream.ErrUnsettled):
		return unknown
	case errors.Is(err, stream.ErrUnavailable):
		return failed
	case errors.Is(err, stream.ErrNotFound):
		return notFound
	case errors.Is(err, stream.ErrGone):
		return gone
	case errors.As(err, &closedErr):
		return closed
	case errors.Is(err, stream.ErrContentType):
		return otherType
	case errors.As(err, &fencedErr):
		return fenced
	case errors.Is(err, stream.ErrEpochStart):
		return epoch
	case errors.As(err, &gapErr):
		return gap
	case errors.Is(err, stream.ErrSeqRegression):
		return regressed
	case errors.Is(err, stream.ErrConfigMismatch):
		return mismatch
	default:
		return verdict(err.Error())
	}
}

// exists says why the stream cannot be used between two times, as far as clocks agree;
// accepted if it can.
func (s *state) exists(from, to time.Time) []verdict {
	if s == nil {
		return []verdict{notFound}
	}
	if s.deleted {
		return []verdict{gone}
	}
	over := notFound
	if s.forked {
		over = gone
	}
	var all []verdict
	if s.deadline.IsZero() || from.Add(-maxSkew).Before(s.deadline) {
		all = append(all, accepted)
	}
	if !s.deadline.IsZero() && !to.Add(maxSkew).Before(s.deadline) {
		all = append(all, over)
	}
	return all
}

// judge says how a write is answered under a state that exists.
func (s *state) judge(a *stream.Append) verdict {
	if s.closed {
		same := a.Producer != nil && *a.Producer == s.closedBy
		if same || a.Producer == nil && a.Close && a.Records.Count == 0 {
			return duplicate
		}
		return closed
	}
	if a.Records.Count > 0 && mediaType(a.ContentType) != s.contentType {
		return otherType
	}
	if a.Producer != nil {
		if v := s.judgeProducer(a.Producer); v != accepted {
			return v
		}
	}
	if a.Seq != "" && a.Seq <= s.seq {
		return regressed
	}
	return accepted
}

func (s *state) judgeProducer(tag *stream.ProducerTag) verdict {
	last, known := s.producers[tag.ID]
	switch {
	case !known && tag.Seq == 0:
		return accepted
	case !known:
		return gap
	case tag.Epoch < last.Epoch:
		return fenced
	case tag.Epoch > last.Epoch && tag.Seq == 0:
		return accepted
	case tag.Epoch > last.Epoch:
		return epoch
	case tag.Seq <= last.Seq:
		return duplicate
	case tag.Seq == last.Seq+1:
		return accepted
	default:
		return gap
	}
}

// apply returns the state after a write that was accepted.
func (s *state) apply(a *stream.Append) *state {
	next := *s
	if a.Producer != nil {
		next.producers = maps.Clone(s.producers)
		next.producers[a.Producer.ID] = a.Producer.Producer
	}
	if a.Seq != "" {
		next.seq = a.Seq
	}
	if a.Close {
		next.closed = true
	}
	return &next
}

// under returns the state with what the head says of itself.
func (s *state) under(h *stream.Head) *state {
	next := *s
	next.deadline, next.deleted, next.forked = h.Deadline, h.Deleted, h.Forks > 0
	next.closed, next.closedBy, next.tail = h.Closed, h.ClosedBy, h.Tail
	return &next
}
