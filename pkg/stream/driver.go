package stream

import "context"

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
}

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
type Heads interface {
	// Head returns the head stored under name, or [ErrNoHead]. It does not look
	// at expiry.
	Head(ctx context.Context, name string, c Consistency) (*Head, error)

	// Create stores head under name if none is stored there. If replaced is not
	// nil, it instead does so if the stored head has replaced's incarnation and
	// version, and in the same atomic step records garbage work for the replaced
	// incarnation. Refused with the stored head otherwise.
	Create(ctx context.Context, name string, head, replaced *Head) error

	// Commit applies a batch blindly: if [Admit] accepts the batch on the stored
	// head, the head that Admit returns is stored, and returned; it may remember
	// more commits than that one. Refused with the stored head otherwise, and also
	// whenever the driver cannot tell that Admit would accept. This is the one write
	// of the fast path of an append.
	Commit(ctx context.Context, name string, b *Batch, l Limits) (*Head, error)

	// Update stores next if the stored head has next's incarnation and the
	// version before next's. Refused with the stored head otherwise.
	Update(ctx context.Context, name string, next *Head) error

	// Trim removes from the buffer the entries up to the offset to, if the stored
	// head is of the life of seen and its buffer still begins where seen's does, and
	// returns the head after it. Refused with the stored head otherwise. The entries
	// are in chunks by then, and seen has them.
	Trim(ctx context.Context, name string, seen *Head, to Offset) (*Head, error)

	// HeadSize returns the size of a head in bytes as far as it decides what a write
	// of it costs. It makes no request.
	HeadSize(name string, h *Head) int

	// Delete removes the head if it has the incarnation, and in the same atomic
	// step records garbage work for it. Refused with the stored head otherwise.
	Delete(ctx context.Context, name string, inc Incarnation) error
}

// Chunk is an immutable run of records that left the buffer.
type Chunk struct {
	// From and To are as in [Entry]; a chunk does not cross segments.
	From, To Offset
	Count    int
	Size     int
	// Frames holds the records, unless Staged names the item that does.
	Frames Frames
	Staged StagedID
}

// Chunks stores runs of records and staged items of an incarnation.
//
// PutChunk, PutStaged, [Producers.SpillProducer] and [Heads.Trim] need not be
// durable when they return, if each becomes durable no later than any write of
// the same process that begins after it: a Trim that is durable never lacks its
// chunks, a Commit its staged items, or an Update its spilled producers.
type Chunks interface {
	// PutChunk stores c under its To if no chunk is stored there, and does
	// nothing if one is: its records are the same, and whatever precedes them in
	// one of the two is in another chunk.
	PutChunk(ctx context.Context, inc Incarnation, c Chunk) error

	// Chunks returns the chunks whose To is after the offset, in order, until
	// their sizes reach max bytes or there are no more. Strongly consistent. It
	// may return fewer, but at least one if there is one.
	Chunks(ctx context.Context, inc Incarnation, after Offset, max int) ([]Chunk, error)

	// PutStaged stores records under an id before the commit that links them.
	PutStaged(ctx context.Context, inc Incarnation, id StagedID, f Frames) error

	// Staged returns the records stored under an id, or [ErrNoItem]. Strongly
	// consistent.
	Staged(ctx context.Context, inc Incarnation, id StagedID) (Frames, error)

	// Discard removes up to about max items of everything that is stored for an
	// incarnation: chunks, staged items, producers and manifests. It reports
	// whether nothing is left.
	Discard(ctx context.Context, inc Incarnation, max int) (done bool, err error)
}

// Producers stores the producers that heads have no place for.
type Producers interface {
	// SpillProducer stores a producer's state unless a later one is stored; then
	// it does nothing.
	SpillProducer(ctx context.Context, inc Incarnation, id string, p Producer) error

	// SpilledProducer returns a producer's stored state; false if there is none.
	// Strongly consistent.
	SpilledProducer(ctx context.Context, inc Incarnation, id string) (Producer, bool, error)
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
}

// Manifests stores the manifests of an incarnation.
type Manifests interface {
	// PutManifest stores m under its segment number if none is stored there.
	// Refused (with a nil head) otherwise.
	PutManifest(ctx context.Context, inc Incarnation, m Manifest) error

	// Manifests returns at most max manifests whose To is after the offset, in
	// order. Strongly consistent.
	Manifests(ctx context.Context, inc Incarnation, after Offset, max int) ([]Manifest, error)
}

// Work is something owed, recorded so that a lost event or a crash loses
// nothing: the data of an ended incarnation is to be discarded.
type Work struct {
	// Name and Incarnation say whose data it is.
	Name        string
	Incarnation Incarnation
}

// Works lists what is owed. Work is recorded by [Heads.Create] and
// [Heads.Delete], in one step with what makes it necessary.
type Works interface {
	// Owed returns at most max works, in no particular order. It may miss work
	// that was recorded a moment ago. With an error it returns those that it found
	// all the same.
	Owed(ctx context.Context, max int) ([]Work, error)

	// Settle removes a work that was done. Removing one that is gone is no error.
	Settle(ctx context.Context, w Work) error
}
