package eventsource

import "time"

// pace says when to look for records again: at once while there are some, soon
// after there were, and once a second when nothing happens. An idle mapping is
// then hardly seen in a machine's load, and a busy one delays nothing.
type pace struct{ delay time.Duration }

const (
	soonest = 25 * time.Millisecond
	latest  = time.Second
)

func newPace() pace { return pace{soonest} }

// next returns the delay after a look that found so many records.
func (p *pace) next(found int) time.Duration {
	if found > 0 {
		p.delay = soonest
		return 0
	}
	d := p.delay
	p.delay = min(2*p.delay, latest)
	return d
}
