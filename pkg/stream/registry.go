package stream

import (
	"context"
	"slices"
	"strings"
)

// registryName is the stream that tells which streams there are.
const registryName = "__registry__"

// registryType is its content type.
const registryType = "application/json"

// Registry says whether there are registries, and which stream's is which. The zero value
// is one for all streams, that is not written.
type Registry struct {
	// On says that streams created from now on are told of. Those that were created while
	// it was off never are; the end of one that was told of is told once it is on again.
	On bool
	// Tenants says that names begin with a tenant and a slash. Then each tenant has a
	// registry of its own, in which names are without the tenant.
	Tenants bool
}

// Of returns the name of the registry that tells of a stream, and what the stream is
// called there.
func (r Registry) Of(name string) (registry, key string) {
	if tenant, rest, found := strings.Cut(name, "/"); r.Tenants && found {
		return tenant + "/" + registryName, rest
	}
	return registryName, name
}

// Is reports whether a name is that of a registry, whether or not there is one.
func (r Registry) Is(name string) bool {
	registry, _ := r.Of(name)
	return name == registry
}

// Notice is something that a registry is to tell: that a life began, or that it is over.
type Notice struct {
	Incarnation Incarnation
	// Over says that the life is over. If it began, the others say how.
	Over        bool
	ContentType string
	// CreatedAt is in milliseconds since 1970.
	CreatedAt int64
}

// Notices stores what names owe to their registries, in order. It is recorded by
// [Heads.Create], [Heads.Update], [Heads.Delete] and [Forks.Fork], in one step with what
// is to be told, and stays whatever becomes of the head.
type Notices interface {
	// Owing returns what a name owes: no notices if nothing. Strongly consistent.
	Owing(ctx context.Context, name string) (Owing, error)

	// Tell stores next as [Heads.Update] does, under the name of a registry, and in the
	// same atomic step takes off names what they owe. Refused as Update; fails with an
	// [*OwingError], without effect, if one of them owes anything else ([Told]). No
	// name is there twice; the registry's own may be there.
	Tell(ctx context.Context, registry string, next *Head, told []Owing) error
}

// Owing is what a name owes to its registry.
type Owing struct {
	Name string
	// Notices are in the order of what happened.
	Notices []Notice
	// Last says that nothing but this is kept under the name. It is for the driver, which
	// gets it back with [Notices.Tell].
	Last bool
}

// beginning is what is to be told of a life that begins with h.
func (h *Head) beginning() []Notice {
	if h.Unregistered {
		return nil
	}
	return []Notice{{Incarnation: h.Incarnation, ContentType: h.ContentType, CreatedAt: h.CreatedAt.UnixMilli()}}
}

// ending is what is to be told when the life of h is over for clients.
func (h *Head) ending() []Notice {
	if h == nil || h.Unregistered || h.Deleted {
		return nil
	}
	return []Notice{{Incarnation: h.Incarnation, Over: true}}
}

// noticed tells who writes the registry that a name owes something.
func (l *Log) noticed(name string, owed []Notice) {
	if len(owed) > 0 {
		l.owing(name)
	}
}

// Told is the rule of [Notices.Tell] for one name: it reports whether what the name owes
// is what is told.
func Told(owed, told []Notice) bool { return len(owed) > 0 && slices.Equal(owed, told) }
