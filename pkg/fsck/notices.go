package fsck

import (
	"fmt"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// checkNotices checks what a name owes to its registry: each life begins and ends once at
// most, in this order, and not before the one before it is over.
func checkNotices(owed []stream.Notice) error {
	seen := make(map[stream.Incarnation]bool)
	var open stream.Incarnation
	for i, n := range owed {
		wrong := ""
		switch {
		case n.Incarnation.IsZero():
			wrong = "is of no life"
		case n.Over && open != n.Incarnation && (i > 0 || seen[n.Incarnation]):
			wrong = "ends a life that was not the last to begin"
		case !n.Over && !open.IsZero():
			wrong = "begins a life, but the one before is not over"
		case !n.Over && seen[n.Incarnation]:
			wrong = "begins a life for the second time"
		}
		if wrong != "" {
			return fmt.Errorf("%w: notice %d to the registry, of life %v, %s", stream.ErrDamaged, i, n.Incarnation, wrong)
		}
		seen[n.Incarnation], open = true, n.Incarnation
		if n.Over {
			open = stream.Incarnation{}
		}
	}
	return nil
}
