// Package stream is the core of the server: what a durable stream is, which
// requests it accepts, and how they become durable through a [Driver].
//
// It knows neither HTTP nor any store. Its parts, in the order in which a
// newcomer should read them:
//
//   - [Offset], [Frames]: where a record is and how it is laid out in bytes.
//   - [Head]: everything that decides what a writer may do, and the newest
//     records. One conditional write of the head is one commit.
//   - [Judge] and [Admit]: the pure rules. They are the only place that decides
//     whether a request may be applied to a head.
//   - [Driver]: the narrow contract with a store.
//   - [Log]: the operations. append.go is the life of an append, read.go that of
//     a read, follow.go that of a live reader.
//
// # Invariants
//
// Those that all of this package relies on. All eight, and what tests them, are in
// DESIGN.md#invariants.
//
//  1. A record, once acknowledged, is never lost, changed or reordered. One
//     that is not acknowledged appears at most once.
//  2. A record is always in at least one place: it is put into a chunk before it
//     is trimmed from the head. Copies are identical, and a reader checks that
//     what it stitches is contiguous; it never returns past a gap.
//  3. What a writer may do is decided by the head alone, and the head changes
//     only by conditional writes.
//  4. A failed write is refused ([*RefusedError]), not applied ([ErrNotApplied], or
//     [ErrRejected]: and it never will be) or unknown (every other error). An unknown
//     write is settled before it is repeated; when it cannot be settled the caller is
//     told [ErrUnsettled].
//  5. Each creation of a name is a new [Incarnation], and every key of its data
//     contains it: two lives of one name never mix.
//  6. Everything in the background may be repeated, run twice at once, or stop
//     at any point.
package stream
