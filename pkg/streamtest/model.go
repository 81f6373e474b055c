package streamtest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// model is one name as the protocol describes it (PROTOCOL.md section 5), kept as
// simply as possible: slices, maps and no notion of segments, buffers or commits.
// It shares no code with package stream.
type model struct {
	exists      bool
	contentType string
	ttl         time.Duration
	hasTTL      bool
	expires     time.Time
	// used is when the stream was certainly used last, and perhaps when it may have
	// been: by requests of which the protocol does not say whether they count.
	used, perhaps time.Time

	closed    bool
	closedBy  modelRequest
	seq       string
	producers map[string]modelProducer
	messages  []string
}

type modelProducer struct{ epoch, seq uint64 }

// modelRequest is an append or a close; producer is "" for none.
type modelRequest struct {
	contentType string
	messages    []string
	producer    string
	state       modelProducer
	seq         string
	close       bool
}

// life says whether the stream exists at a time. A server may let a stream with a
// TTL live a little longer than it must; then the answer is unknown.
func (m *model) life(now time.Time) (alive, known bool) {
	switch {
	case !m.exists:
		return false, true
	case m.hasTTL && now.Before(m.used.Add(m.ttl)):
		return true, true
	case m.hasTTL:
		return false, !now.Before(m.perhaps.Add(m.ttl + min(m.ttl/20, time.Minute)))
	default:
		return m.expires.IsZero() || now.Before(m.expires), true
	}
}

// use notes that a request used the stream, certainly or perhaps.
func (m *model) use(now time.Time, certainly bool) {
	m.perhaps = now
	if certainly {
		m.used = now
	}
}

func mediaType(contentType string) string {
	t, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(t))
}

func (m *model) json() bool { return mediaType(m.contentType) == "application/json" }

// length is how far offsets count: messages of JSON, bytes of anything else.
func (m *model) length() int {
	if m.json() {
		return len(m.messages)
	}
	return len(strings.Join(m.messages, ""))
}

// from returns the content from a place on.
func (m *model) from(place int) string {
	if m.json() {
		return strings.Join(m.messages[place:], "")
	}
	return strings.Join(m.messages, "")[place:]
}

// create returns what a create gives.
func (m *model) create(now time.Time, asked *model) string {
	if alive, _ := m.life(now); !alive {
		*m = *asked
		m.exists = true
		m.producers = make(map[string]modelProducer)
		m.messages = slices.Clone(asked.messages)
		m.use(now, true)
		return "created"
	}
	if mediaType(m.contentType) != mediaType(asked.contentType) || m.hasTTL != asked.hasTTL || m.ttl != asked.ttl ||
		!m.expires.Equal(asked.expires) || m.closed != asked.closed {
		return "mismatch"
	}
	m.use(now, false)
	return "exists"
}

// append returns what an append gives, after applying it if it is accepted.
func (m *model) append(now time.Time, r modelRequest) string {
	if alive, _ := m.life(now); !alive {
		return "not found"
	}
	if m.closed {
		same := r.producer != "" && r.producer == m.closedBy.producer && r.state == m.closedBy.state
		if same || r.producer == "" && r.close && len(r.messages) == 0 {
			m.use(now, false)
			return "duplicate"
		}
		return fmt.Sprintf("closed at %d", m.length())
	}
	if len(r.messages) > 0 && mediaType(r.contentType) != mediaType(m.contentType) {
		return "content type"
	}
	if r.producer != "" {
		if refused := m.judge(r); refused != "" {
			m.use(now, false)
			return refused
		}
	}
	if r.seq != "" && r.seq <= m.seq {
		return "sequence"
	}
	if r.producer != "" {
		m.producers[r.producer] = r.state
	}
	if r.seq != "" {
		m.seq = r.seq
	}
	m.messages = append(m.messages, r.messages...)
	if r.close {
		m.closed, m.closedBy = true, r
	}
	m.use(now, true)
	return "accepted"
}

// judge applies the rules of producers; "" if the request may be applied.
func (m *model) judge(r modelRequest) string {
	state, known := m.producers[r.producer]
	switch {
	case !known && r.state.seq > 0:
		return fmt.Sprintf("gap: %d instead of 0", r.state.seq)
	case !known:
		return ""
	case r.state.epoch < state.epoch:
		return fmt.Sprintf("fenced by %d", state.epoch)
	case r.state.epoch > state.epoch && r.state.seq != 0:
		return "epoch start"
	case r.state.epoch > state.epoch:
		return ""
	case r.state.seq <= state.seq:
		return fmt.Sprintf("duplicate, highest is %d", state.seq)
	case r.state.seq > state.seq+1:
		return fmt.Sprintf("gap: %d instead of %d", r.state.seq, state.seq+1)
	}
	return ""
}
