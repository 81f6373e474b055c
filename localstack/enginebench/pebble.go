package main

import (
	"context"
	"log"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
)

type pebbleEngine struct{ db *pebble.DB }

// quietLogger drops what Pebble reports in passing. Fatalf has to end the
// process all the same: if it returned, a commit whose WAL write failed would
// return nil, as if it were durable.
type quietLogger struct{}

func (quietLogger) Infof(string, ...any)      {}
func (quietLogger) Errorf(f string, a ...any) { log.Printf(f, a...) }
func (quietLogger) Fatalf(f string, a ...any) { log.Fatalf(f, a...) }

const pebbleMemTable = 16 << 20

func openPebble(dir string) (engine, error) {
	// Pebble charges its memtables to the block cache: the one that is written,
	// the one that is flushed, and one that is kept for reuse. A cache of 32 MiB
	// would cache nothing, and a read of a head would cost five times as much.
	cache := pebble.NewCache(32<<20 + 3*pebbleMemTable)
	defer cache.Unref()
	o := &pebble.Options{
		Cache:              cache,
		MemTableSize:       pebbleMemTable,
		FormatMajorVersion: pebble.FormatNewest,
		Logger:             quietLogger{},
	}
	// A driver often asks for heads that do not exist; the filters do not help
	// any row here, but leaving them out would flatter the write rows.
	o.Levels[0].FilterPolicy = bloom.FilterPolicy(10)
	db, err := pebble.Open(dir, o)
	if err != nil {
		return nil, err
	}
	return &pebbleEngine{db}, nil
}

func (e *pebbleEngine) Commit(pairs []pair) error {
	b := e.db.NewBatch()
	defer b.Close()
	for _, p := range pairs {
		if err := b.Set(p.key, p.value, nil); err != nil {
			return err
		}
	}
	return b.Commit(pebble.Sync)
}

// CommitShared is Commit: Pebble's log writer syncs once for all the batches
// that arrived while the previous sync was under way.
func (e *pebbleEngine) CommitShared(pairs []pair) error { return e.Commit(pairs) }

func (e *pebbleEngine) Get(dst, key []byte) ([]byte, error) {
	v, c, err := e.db.Get(key)
	if err != nil {
		return dst, err
	}
	dst = append(dst[:0], v...)
	return dst, c.Close()
}

func (e *pebbleEngine) Scan(from, to []byte, f func(key, value []byte)) error {
	it, err := e.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		f(it.Key(), v)
	}
	return it.Error()
}

func (e *pebbleEngine) DeleteRange(from, to []byte) error {
	return e.db.DeleteRange(from, to, pebble.Sync)
}

// Compact flushes by itself, as the memtable overlaps the range.
func (e *pebbleEngine) Compact() error {
	return e.db.Compact(context.Background(), []byte{0}, []byte{0xff}, false)
}

func (e *pebbleEngine) Close() error { return e.db.Close() }
