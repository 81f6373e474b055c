package stream

import (
	"context"
	"time"
)

// Driver is what the log needs of a store. Every driver passes the contract
// suite of package streamtest.
//
// For all its methods: they may be called concurrently, from many processes
// where the store is shared. A nil error from a write means that it is durable
// (see [Chunks] for the one relaxation). A write that fails is refused
// ([*RefusedError]: no effect, the condition did not hold), not applied
// ([ErrNotApplied]: no effect, may be tried again; [ErrRejected]: no effect, and
// trying again is of no use), or unknown (any other error: it may have been
// applied, or may be yet, though not after the deadline of the call's context
// plus a minute). A refusal is never the echo of
// an earlier attempt of the same call: a driver that repeats requests by itself
// does so only if the earlier ones were certainly not applied. Heads, frames and
// slices that a driver returns are immutable, and so are those that it is given.
type Driver interface {
	Heads
	Chunks
	Producers
	Manifests
	Works
	Notices
	Forks
	Catalog
	Cursors
}

// Life is one life of a name: whose data something is.
type Life struct {
	Name string
	Incarnation
}

// Life is the one that h is the head of, under a name.
func (h *Head) Life(name string) Life { return Life{name, h.Incarnation} }

// Consistency says what a read must see.
type Consistency bool

const (
	// Strong sees every write that returned before the read began.
	Strong Consistency = true
	// Eventual may miss the newest writes, and costs less where that matters.
	Eventual Consistency = false
)

// Heads stores one head for each name. All conditions on one name, with the
// writes they guard, are linearizable.
//
// A write that begins or ends a life for clients is given what it owes to the registry
// ([Notices]), if that is to be told: it adds that to what the name owes, in the same
// atomic step.
type Heads interface {
	// Head returns the head stored under name, or [ErrNoHead]. It does not look
	// at expiry.
	Head(ctx context.Context, name string, c Consistency) (*Head, error)

	// Create stores head under name if none is stored there. If replaced is not
	// nil, it instead does so if the stored head has replaced's incarnation and
	// version, and in the same atomic step records garbage work for the replaced
	// incarnation. Refused with the stored head otherwise.
	Create(ctx context.Context, name string, head, replaced *Head, owed ...Notice) error

	// Commit applies a batch blindly: if [Admit] accepts the batch on the stored
	// head, the head that Admit returns is stored, and returned. Refused with the stored
	// head otherwise, and also whenever the driver cannot tell that Admit would accept.
	// This is the one write of the fast path of an append.
	Commit(ctx context.Context, name string, b *Batch, l Limits) (*Head, error)

	// Update stores next if the stored head has next's incarnation and the
	// version before next's. Refused with the stored head otherwise.
	Update(ctx context.Context, name string, next *Head, owed ...Notice) error

	// Trim removes from the buffer the entries up to the offset to, if the stored
	// head is of the life of seen and its buffer still begins where seen's does
	// ([Trimmed]), and returns the head after it. Refused with the stored head otherwise.
	// The entries are in chunks by then, and seen has them; they are at most [MaxTrim].
	Trim(ctx context.Context, name string, seen *Head, to Offset, l Limits) (*Head, error)

	// Compact says that the segments below a number are in objects, if the stored head
	// is of the life and says so of fewer ([Compacted]), and returns the head after it.
	// Refused with the stored head otherwise. Their manifests are stored by then.
	Compact(ctx context.Context, life Life, segments uint64) (*Head, error)

	// HeadSize returns the size of a head in bytes as far as it decides what a write
	// of it costs. It makes no request.
	HeadSize(name string, h *Head) int

	// Delete removes the head if it has the incarnation and no forks, and in the same
	// atomic step records garbage work for it. Refused with the stored head otherwise,
	// and also if it is given something to tell and the head says that it was deleted
	// already: that was told then.
	Delete(ctx context.Context, name string, inc Incarnation, owed ...Notice) error
}

// Chunk is an immutable run of records that left the buffer: an entry, or several joined,
// of which it does not say who committed them. It does not cross segments.
type Chunk Entry

// Chunks stores runs of records and staged items of a life.
//
// PutChunk, PutStaged, [Producers.SpillProducer] and [Heads.Trim] need not be
// durable when they return, if each becomes durable no later than any write of
// the same process that begins after it: a Trim that is durable never lacks its
// chunks, a Commit its staged items, or an Update its spilled producers.
type Chunks interface {
	// PutChunk stores c under its To if no chunk is stored there, and does
	// nothing if one is. Two with the same To end with the same records. One of them
	// may begin before the other, if flushes cut differently; then what it has more is
	// in chunks before the other one, which were put first. So either will do, and a
	// driver may replace one by the other.
	PutChunk(ctx context.Context, life Life, c Chunk) error

	// Chunks returns the chunks whose To is after the offset, in order, until
	// their sizes reach max bytes or there are no more. Strongly consistent. It
	// may return fewer, but at least one if there is one, and more if it had to read
	// them anyway.
	Chunks(ctx context.Context, life Life, after Offset, max int) ([]Chunk, error)

	// PutStaged stores records under an id before the commit that links them.
	PutStaged(ctx context.Context, life Life, id StagedID, f Frames) error

	// Staged returns the records stored under an id, or [ErrNoItem]. Strongly
	// consistent.
	Staged(ctx context.Context, life Life, id StagedID) (Frames, error)

	// Retire lets go of chunks, named by their To, and of staged items, because their
	// records are in an object and nobody is sent to them any more: at once, or after a
	// time in which they can still be read. Any of them may be gone already.
	Retire(ctx context.Context, life Life, chunks []Offset, staged []StagedID) error

	// Discard removes up to about max items of everything that is stored for a
	// life: chunks, staged items, producers, manifests, its lineage, and the notes of its
	// forks. It reports whether nothing is left.
	Discard(ctx context.Context, life Life, max int) (done bool, err error)
}

// Producers stores the producers that heads have no place for.
type Producers interface {
	// SpillProducer stores a producer's state unless a later one is stored; then
	// it does nothing.
	SpillProducer(ctx context.Context, life Life, id string, p Producer) error

	// SpilledProducer returns a producer's stored state; false if there is none.
	// Strongly consistent.
	SpilledProducer(ctx context.Context, life Life, id string) (Producer, bool, error)
}

// Manifest describes a sealed segment that is stored as one immutable object.
type Manifest struct {
	Segment uint64
	// From and To are as in [Entry], for the whole segment.
	From, To Offset
	Count    int
	// Object is the object's key, Size its length in bytes, CRC its CRC32C.
	Object string
	Size   int64
	CRC    uint32
	// Tail is how the object ends: with its index and footer, or, if they are large,
	// with its footer alone (package segment).
	Tail []byte
}

// Manifests stores the manifests of a life.
type Manifests interface {
	// PutManifest stores m under its segment number if none is stored there.
	// Refused (with a nil head) otherwise.
	PutManifest(ctx context.Context, life Life, m Manifest) error

	// Manifests returns at most max manifests whose To is after the offset, in
	// order. Strongly consistent.
	Manifests(ctx context.Context, life Life, after Offset, max int) ([]Manifest, error)
}

// Works lists the lives that ended and whose data is to be discarded, so that a lost
// event or a crash loses nothing. They are recorded by [Heads.Create] and
// [Heads.Delete], in one step with what makes it necessary.
type Works interface {
	// Owed returns at most max lives, in no particular order. It may miss one that
	// ended a moment ago. With an error it returns those that it found all the same.
	Owed(ctx context.Context, max int) ([]Life, error)

	// Unsettled reports whether a life is recorded and not settled, whether or not Owed
	// returns it yet. Strongly consistent.
	Unsettled(ctx context.Context, life Life) (bool, error)

	// Settle removes a life whose data was discarded. Removing one that is gone is no
	// error.
	Settle(ctx context.Context, life Life) error
}

// Forks stores which streams were forked from which.
type Forks interface {
	// Fork stores head under name as [Heads.Create] does, and in the same atomic step
	// counts it in the head of its source ([Forked], at the time now), notes it among the
	// source's forks, and stores what it inherits. Refused with the stored head if
	// Create would be; fails with a [*SourceError], without effect, if the source may not
	// be forked. The two names differ.
	Fork(ctx context.Context, name string, head, replaced *Head, lineage *Lineage, now time.Time, owed ...Notice) error

	// Lineage returns what Fork stored for a life, or nil if it is no fork. Strongly
	// consistent.
	Lineage(ctx context.Context, life Life) (*Lineage, error)

	// Forks returns the forks that are noted of a life: the first max of them that come
	// after one in the order of their incarnations (the zero Life: all), or fewer only if
	// there are no more. Strongly consistent.
	Forks(ctx context.Context, source Life, after Life, max int) ([]Life, error)

	// Release takes a fork off those of a life, and in the same atomic step counts one
	// less in its head ([Released]), if that is of the life. It returns the head as it is
	// then, or nil if there is none of the life. If the fork is not noted, it only does
	// that.
	Release(ctx context.Context, source, fork Life) (*Head, error)
}

// Kind is what something that is stored is.
type Kind string

// What a store holds for a stream.
const (
	KindHead     Kind = "head"
	KindChunk    Kind = "chunk"
	KindStaged   Kind = "staged"
	KindProducer Kind = "producer"
	KindManifest Kind = "manifest"
	KindLineage  Kind = "lineage"
	KindFork     Kind = "fork"
	// KindNotice is what a name owes to its registry. Its life is that of the first notice.
	KindNotice Kind = "notice"
)

// Stored is one thing that a store holds.
type Stored struct {
	Kind Kind
	Life Life
	// Head is the head, if it is one.
	Head *Head
	// Chunk is the chunk, if it is one, perhaps without its frames. Retired says that
	// [Chunks.Retire] has been told of it.
	Chunk   *Chunk
	Retired bool
	// Staged is the id of a staged item, if it is one.
	Staged StagedID
	// Manifest is the manifest, if it is one.
	Manifest *Manifest
	// Fork is the fork that is noted of the life, if it is one.
	Fork Life
	// Notices are what is owed, if it is that.
	Notices []Notice
}

// StoredSegment is a manifest and whose it is.
type StoredSegment struct {
	Life
	Manifest
}

// Catalog lists what is stored, for the sweep, for fsck and for administrators. It is
// not for the paths of requests, and may miss changes of a moment ago.
type Catalog interface {
	// Streams returns the names that begin with prefix, come after the name after (""
	// for all) and have a head, expired or not: the first max of them in the order of
	// their bytes, or fewer only if there are no more.
	Streams(ctx context.Context, prefix, after string, max int) ([]string, error)

	// Segments returns the manifests of names that begin with prefix, in the order of
	// name, incarnation (as bytes) and segment number: the first max of them that come
	// after the segment n of the life after (a life without a name: all), or fewer only
	// if there are no more. Lives that are over are among them until they are discarded.
	// Their tails may be left out.
	Segments(ctx context.Context, prefix string, after Life, n uint64, max int) ([]StoredSegment, error)

	// Inventory returns about max of the things that are stored, in no particular order,
	// from a cursor on ("" for the beginning), and the cursor to go on with: "" after the
	// last. A walk to the end finds everything that was there all the time. What cannot
	// be read is passed over: then there are an error and, unless the whole call failed,
	// a cursor other than the one given ("" if that was the end).
	Inventory(ctx context.Context, cursor string, max int) (found []Stored, next string, err error)
}

// Cursors stores where long work stopped, under a key for each kind of work.
type Cursors interface {
	// Cursor returns what was stored last, or "". Strongly consistent.
	Cursor(ctx context.Context, key string) (string, error)

	// SetCursor stores value. The last one stays.
	SetCursor(ctx context.Context, key, value string) error
}
