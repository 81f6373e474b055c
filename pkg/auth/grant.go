package auth

import (
	"slices"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/protocol"
)

// grant is what a token allows in one request. It implements [protocol.Grant].
type grant struct {
	// claims are nil for a shared token, which allows everything.
	*claims
	// readsOnly is for tokens in queries, whatever they say.
	readsOnly bool
	// readerKey is what the request has for one.
	readerKey string
	keys      readerKeys
	now       time.Time
	skew      time.Duration
}

func (g grant) Allows(right protocol.Right, name string) bool {
	if g.readsOnly && right != protocol.RightRead {
		return false
	}
	if g.claims == nil {
		return true
	}
	return slices.ContainsFunc(g.rules, func(r rule) bool {
		return slices.Contains(r.rights, right) && r.pattern.matches(name)
	})
}

func (g grant) Stored(name string) string {
	if g.claims == nil || g.tenant == "" {
		return name
	}
	return g.tenant + "/" + name
}

func (g grant) Shared(name string) bool {
	return g.keys.valid(g.readerKey, g.Stored(name), g.now)
}

func (g grant) ReaderKey(name string) string { return g.keys.current(g.Stored(name), g.now) }

func (g grant) Ends() time.Time {
	if g.claims == nil {
		return time.Time{}
	}
	return g.expires.Add(g.skew)
}
