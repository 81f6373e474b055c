package stream

import "time"

// What the tests, which live in package stream_test so that they can use a
// driver, need to see of the inside.

const (
	EarlyWindow = earlyWindow
	MaxAttempts = maxAttempts
	MaxBurned   = maxBurned
	BurnFor     = burnFor
	MaxSlack    = maxSlack
	MaxLives    = maxLives
	Trusted     = trusted
	MaxAtOnce   = maxAtOnce
	AnswerTime  = answerTime

	LitterAfter = litterAfter
	UnbornAfter = unbornAfter
	ExpiredFor  = expiredFor
	MaxProblems = maxProblems
	ItemsPart   = itemsPart
	ObjectsPart = objectsPart
	ColdRun     = coldRun
	MaxTail     = maxTail

	IDPeriod = idPeriod
	IDAhead  = idAhead
)

var (
	ErrTornFrames = errTornFrames
	CutText       = cutText
	Slack         = slack
	Covers        = covers
	Earliness     = earliness
)

func (r Records) Split(u Unit, max int) []Records { return r.split(u, max) }

func (h *Head) Burn(id CommitID, now time.Time) *Head { return h.burn(id, now) }

func (h *Head) Chunks(l Limits) []Chunk { return h.chunks(l) }

func (h *Head) RenewalDue(now time.Time) bool { return h.renewalDue(now, h.TTL) }

// Watchers counts the streams that somebody waits for.
func (l *Log) Watchers() int {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	return len(l.hub.watchers)
}

// Lanes counts the streams with a commit under way.
func (l *Log) Lanes() int {
	l.lanes.mu.Lock()
	defer l.lanes.mu.Unlock()
	return len(l.lanes.busy)
}

// Waiting counts the appends that wait for a commit of their stream.
func (l *Log) Waiting(name string) int {
	l.lanes.mu.Lock()
	defer l.lanes.mu.Unlock()
	if ln := l.lanes.busy[name]; ln != nil {
		return len(ln.waiting)
	}
	return 0
}

// Announce tells the log of a head, as a commit of its own does.
func (l *Log) Announce(name string, h *Head) { l.hub.announce(name, h) }

// Lives counts the streams whose life the log remembers.
func (l *Log) Lives() int {
	l.lives.mu.Lock()
	defer l.lives.mu.Unlock()
	return len(l.lives.known)
}

func (id CommitID) Made(used time.Time) time.Time { return id.made(used) }
