// Package fsck checks that what a store holds makes sense, below the code that reads
// and writes it. It changes nothing.
//
//   - [Stream] checks one stream: its head, and that every record from the start to the
//     tail is in at least one place and the same in all of them. [Read] does so, and
//     hands the records over.
//   - [Store] checks all streams, and finds the [Litter] that nobody needs.
//
// Both may run while the store is used. What moves meanwhile is looked at again, and is
// never taken for damage.
//
// Memory does not grow with a stream or a store, but for a few bytes a stream: records
// are read in parts of a few megabytes, and so are objects.
package fsck
