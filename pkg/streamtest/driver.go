package streamtest

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// RunDriver runs the contract suite. Each call of open must return an empty store
// that nobody else uses; what it needs to be closed it registers with t.Cleanup.
func RunDriver(t *testing.T, open func(t *testing.T) stream.Driver) {
	groups := []struct {
		name string
		run  func(t *testing.T, d stream.Driver)
	}{
		{"HeadRoundTrip", testHeadRoundTrip},
		{"HeadNames", testHeadNames},
		{"HeadsAreImmutable", testHeadsAreImmutable},
		{"Create", testCreate},
		{"Replace", testReplace},
		{"Update", testUpdate},
		{"Delete", testDelete},
		{"NoHead", testNoHead},
		{"HeadSize", testHeadSize},
		{"Commit", testCommit},
		{"CommitRefused", testCommitRefused},
		{"CommitFastPath", testCommitFastPath},
		{"CommitClock", testCommitClock},
		{"CommitOfEarlierLife", testCommitOfEarlierLife},
		{"CommitOnce", testCommitOnce},
		{"Trim", testTrim},
		{"LongTrim", testLongTrim},
		{"Compact", testCompact},
		{"Sealed", testSealed},
		{"Ended", testEnded},
		{"StagedAfter", testStagedAfter},
		{"UsedAt", testUsedAt},
		{"RaceCreate", testRaceCreate},
		{"RaceUpdate", testRaceUpdate},
		{"RaceDelete", testRaceDelete},
		{"RaceCommit", testRaceCommit},
		{"RaceProducers", testRaceProducers},
		{"RaceTrim", testRaceTrim},
		{"RaceCompact", testRaceCompact},
		{"Chunks", testChunks},
		{"ChunkPutIfAbsent", testChunkPutIfAbsent},
		{"ChunkRange", testChunkRange},
		{"ChunkLives", testChunkLives},
		{"Staged", testStaged},
		{"LargeItems", testLargeItems},
		{"Retire", testRetire},
		{"RetireMany", testRetireMany},
		{"RetireLate", testRetireLate},
		{"Discard", testDiscard},
		{"Producers", testProducers},
		{"RaceSpill", testRaceSpill},
		{"Manifests", testManifests},
		{"ManifestTails", testManifestTails},
		{"Works", testWorks},
		{"Notices", testNotices},
		{"NoticesOfForks", testNoticesOfForks},
		{"Tell", testTell},
		{"TellOfTheRegistry", testTellOfTheRegistry},
		{"TellTheDead", testTellTheDead},
		{"RaceTell", testRaceTell},
		{"Fork", testFork},
		{"ForkLineage", testForkLineage},
		{"ForkRefused", testForkRefused},
		{"ForkReplaces", testForkReplaces},
		{"ForkSourceGone", testForkSourceGone},
		{"Forks", testForks},
		{"ManyForks", testManyForks},
		{"Release", testRelease},
		{"ReleaseOther", testReleaseOther},
		{"ForkedDelete", testForkedDelete},
		{"ForkedWrites", testForkedWrites},
		{"DeletedWrites", testDeletedWrites},
		{"RaceFork", testRaceFork},
		{"RaceForkDelete", testRaceForkDelete},
		{"RaceForkWrites", testRaceForkWrites},
		{"RaceForkCrosswise", testRaceForkCrosswise},
		{"DiscardForks", testDiscardForks},
		{"InventoryForks", testInventoryForks},
		{"Streams", testStreams},
		{"Segments", testSegments},
		{"Inventory", testInventory},
		{"InventoryDiscard", testInventoryDiscard},
		{"Cursors", testCursors},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			g.run(t, patient{open(t)})
		})
	}
}

// patient repeats writes that were not applied: a driver may throttle or lose
// against a concurrent write whenever it likes.
type patient struct{ stream.Driver }

// patience is how often a write is repeated.
const patience = 10_000

func repeat(write func() error) error {
	for range patience {
		if err := write(); !errors.Is(err, stream.ErrNotApplied) {
			return err
		}
		runtime.Gosched()
	}
	return errors.New("streamtest: the driver never applied a write")
}

func (p patient) Create(ctx context.Context, name string, head, replaced *stream.Head, owed ...stream.Notice) error {
	return repeat(func() error { return p.Driver.Create(ctx, name, head, replaced, owed...) })
}

func (p patient) Commit(ctx context.Context, name string, b *stream.Batch, l stream.Limits) (h *stream.Head, err error) {
	err = repeat(func() error { h, err = p.Driver.Commit(ctx, name, b, l); return err })
	return h, err
}

func (p patient) Update(ctx context.Context, name string, next *stream.Head, owed ...stream.Notice) error {
	return repeat(func() error { return p.Driver.Update(ctx, name, next, owed...) })
}

func (p patient) Trim(ctx context.Context, name string, seen *stream.Head, to stream.Offset, l stream.Limits) (h *stream.Head, err error) {
	err = repeat(func() error { h, err = p.Driver.Trim(ctx, name, seen, to, l); return err })
	return h, err
}

func (p patient) Compact(ctx context.Context, life stream.Life, segments uint64) (h *stream.Head, err error) {
	err = repeat(func() error { h, err = p.Driver.Compact(ctx, life, segments); return err })
	return h, err
}

func (p patient) Delete(ctx context.Context, name string, inc stream.Incarnation, owed ...stream.Notice) error {
	return repeat(func() error { return p.Driver.Delete(ctx, name, inc, owed...) })
}

func (p patient) PutChunk(ctx context.Context, life stream.Life, c stream.Chunk) error {
	return repeat(func() error { return p.Driver.PutChunk(ctx, life, c) })
}

func (p patient) PutStaged(ctx context.Context, life stream.Life, id stream.StagedID, f stream.Frames) error {
	return repeat(func() error { return p.Driver.PutStaged(ctx, life, id, f) })
}

func (p patient) Retire(ctx context.Context, life stream.Life, chunks []stream.Offset, staged []stream.StagedID) error {
	return repeat(func() error { return p.Driver.Retire(ctx, life, chunks, staged) })
}

func (p patient) Discard(ctx context.Context, life stream.Life, max int) (done bool, err error) {
	err = repeat(func() error { done, err = p.Driver.Discard(ctx, life, max); return err })
	return done, err
}

func (p patient) SpillProducer(ctx context.Context, life stream.Life, id string, s stream.Producer) error {
	return repeat(func() error { return p.Driver.SpillProducer(ctx, life, id, s) })
}

func (p patient) PutManifest(ctx context.Context, life stream.Life, m stream.Manifest) error {
	return repeat(func() error { return p.Driver.PutManifest(ctx, life, m) })
}

func (p patient) Settle(ctx context.Context, life stream.Life) error {
	return repeat(func() error { return p.Driver.Settle(ctx, life) })
}

func (p patient) Tell(ctx context.Context, registry string, next *stream.Head, told []stream.Owing) error {
	return repeat(func() error { return p.Driver.Tell(ctx, registry, next, told) })
}

func (p patient) Fork(ctx context.Context, name string, head, replaced *stream.Head, lineage *stream.Lineage, now time.Time, owed ...stream.Notice) error {
	return repeat(func() error { return p.Driver.Fork(ctx, name, head, replaced, lineage, now, owed...) })
}

func (p patient) Release(ctx context.Context, source, fork stream.Life) (h *stream.Head, err error) {
	err = repeat(func() error { h, err = p.Driver.Release(ctx, source, fork); return err })
	return h, err
}

func (p patient) SetCursor(ctx context.Context, key, value string) error {
	return repeat(func() error { return p.Driver.SetCursor(ctx, key, value) })
}
