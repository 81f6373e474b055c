package streamtest

import (
	"testing"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// RunLog runs the behaviours that a [stream.Log] must show over every driver, with
// limits at which everything happens often, and with the usual ones.
func RunLog(t *testing.T, open func(t *testing.T) (stream.Driver, stream.Objects)) {
	tests := []struct {
		name string
		run  func(r *rig)
	}{
		{"Lifecycle", logLifecycle},
		{"CreateAgain", logCreateAgain},
		{"CreateWithContent", logCreateWithContent},
		{"NewLife", logNewLife},
		{"Close", logClose},
		{"StreamSeq", logStreamSeq},
		{"Producers", logProducers},
		{"ManyProducers", logManyProducers},
		{"SlidingTTL", logSlidingTTL},
		{"ClocksDiffer", logClocksDiffer},
		{"ZeroTTL", logZeroTTL},
		{"ExpiresAt", logExpiresAt},
		{"Collect", logCollect},
		{"ReadEverywhere", logReadEverywhere},
		{"BadOffsets", logBadOffsets},
		{"LongRecords", logLongRecords},
		{"FlushOnce", logFlushOnce},
		{"FlushCost", logFlushCost},
		{"GroupCommit", logGroupCommit},
		{"GroupCommitProducers", logGroupCommitProducers},
		{"CloseRace", logCloseRace},
		{"Followers", logFollowers},
		{"FollowerEnds", logFollowerEnds},
		{"EarlyRequests", logEarlyRequests},
		{"TwoProcesses", logTwoProcesses},
		{"TwoProcessesProducers", logTwoProcessesProducers},
		{"LivesRace", logLivesRace},
		{"Interleavings", logInterleavings},
	}
	usual := stream.DefaultLimits()
	usual.EarlyWait = 0
	for _, l := range []struct {
		name   string
		limits stream.Limits
	}{{"Tiny", Tiny()}, {"Usual", usual}} {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			for _, test := range tests {
				t.Run(test.name, func(t *testing.T) {
					t.Parallel()
					d, o := open(t)
					test.run(newRig(t, d, o, l.limits))
				})
			}
		})
	}
}
