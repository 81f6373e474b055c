package fsck

import (
	"errors"
	"fmt"
	"strings"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// ErrBusy says that a stream kept changing while it was looked at, so that
// nothing can be said about it.
var ErrBusy = errors.New("fsck: the stream changed while it was checked")

// DamageError says what is wrong with a stream. It is a [stream.ErrDamaged].
type DamageError struct {
	// Life is whose data is damaged, Version the version of its head.
	Life    stream.Life
	Version uint64
	// Problems are the first of what was found: what, and where. More counts the others.
	Problems []error
	More     int
}

func (e *DamageError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "fsck: stream %q, life %v, version %d is damaged", e.Life.Name, e.Life.Incarnation, e.Version)
	for _, p := range e.Problems {
		fmt.Fprintf(&b, "\n%v", p)
	}
	if e.More > 0 {
		fmt.Fprintf(&b, "\nand %d more", e.More)
	}
	return b.String()
}

// Is makes it a [stream.ErrDamaged].
func (e *DamageError) Is(target error) bool { return target == stream.ErrDamaged }

// isDamage reports whether an error says of something stored that it is not as it should
// be, and not of the store that it could not be read.
func isDamage(err error) bool {
	return errors.Is(err, stream.ErrNoItem) || errors.Is(err, stream.ErrDamaged) || errors.Is(err, errTwoPlaces)
}

// maxProblems bounds what is told of one stream, or one store.
const maxProblems = 20

// problems are the first of those that were found, and how many there are.
type problems struct {
	first []error
	count int
}

func (p *problems) add(format string, args ...any) {
	if p.count++; len(p.first) < maxProblems {
		p.first = append(p.first, fmt.Errorf(format, args...))
	}
}

// join adds what others found.
func (p *problems) join(others ...*problems) {
	for _, o := range others {
		p.count += o.count
		p.first = append(p.first, o.first[:min(len(o.first), maxProblems-len(p.first))]...)
	}
}

// damage returns what was found in a life, all of it.
func damage(life stream.Life, h *stream.Head, found ...*problems) *DamageError {
	e := &DamageError{Life: life, Version: h.Version}
	for _, p := range found {
		e.Problems = append(e.Problems, p.first...)
		e.More += p.count - len(p.first)
	}
	return e
}
