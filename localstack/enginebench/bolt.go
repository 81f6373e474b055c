package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
)

var boltBucket = []byte("kv")

// boltDeleteMax bounds one deleting transaction, because the pages that a bbolt
// transaction touches are all held in memory, and written before its one sync.
const boltDeleteMax = 10000

type boltEngine struct {
	db   *bbolt.DB
	path string
}

func openBolt(dir string) (engine, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	e := &boltEngine{path: filepath.Join(dir, "bolt.db")}
	return e, e.open()
}

func (e *boltEngine) open() (err error) {
	// As etcd does: neither option touches durability. The free list is found
	// again by reading the tree when the file is opened.
	e.db, err = bbolt.Open(e.path, 0o644, &bbolt.Options{
		Timeout:        time.Second,
		NoFreelistSync: true,
		FreelistType:   bbolt.FreelistMapType,
	})
	if err != nil {
		return err
	}
	// The default of 10 ms would be all that row 2 measures. A batch cannot start
	// early because the disk is idle: it starts when it is full or when the delay
	// is over, so the size is that of the row, which is the best case.
	e.db.MaxBatchSize = writers
	e.db.MaxBatchDelay = 500 * time.Microsecond
	return e.db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(boltBucket)
		return err
	})
}

func put(pairs []pair) func(*bbolt.Tx) error {
	return func(tx *bbolt.Tx) error {
		b := tx.Bucket(boltBucket)
		for _, p := range pairs {
			if err := b.Put(p.key, p.value); err != nil {
				return err
			}
		}
		return nil
	}
}

func (e *boltEngine) Commit(pairs []pair) error { return e.db.Update(put(pairs)) }

func (e *boltEngine) CommitShared(pairs []pair) error { return e.db.Batch(put(pairs)) }

func (e *boltEngine) Get(dst, key []byte) ([]byte, error) {
	err := e.db.View(func(tx *bbolt.Tx) error {
		v := tx.Bucket(boltBucket).Get(key)
		if v == nil {
			return errors.New("bbolt: no such key")
		}
		dst = append(dst[:0], v...)
		return nil
	})
	return dst, err
}

func (e *boltEngine) Scan(from, to []byte, f func(key, value []byte)) error {
	return e.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(boltBucket).Cursor()
		for k, v := c.Seek(from); k != nil && bytes.Compare(k, to) < 0; k, v = c.Next() {
			f(k, v)
		}
		return nil
	})
}

// DeleteRange is atomic in pieces only, see boltDeleteMax; the driver, too,
// discards a stream in pieces.
func (e *boltEngine) DeleteRange(from, to []byte) error {
	for done := false; !done; {
		err := e.db.Update(func(tx *bbolt.Tx) error {
			b := tx.Bucket(boltBucket)
			// Keys are collected first, because a cursor may skip pairs after its
			// bucket was changed.
			var keys [][]byte
			c := b.Cursor()
			k, _ := c.Seek(from)
			for ; k != nil && bytes.Compare(k, to) < 0 && len(keys) < boltDeleteMax; k, _ = c.Next() {
				keys = append(keys, k)
			}
			done = len(keys) < boltDeleteMax
			for _, k := range keys {
				if err := b.Delete(k); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Compact copies the database into a new file, which is all that bbolt offers,
// and only while nobody writes.
func (e *boltEngine) Compact() error {
	tmp := e.path + ".new"
	dst, err := bbolt.Open(tmp, 0o644, nil)
	if err != nil {
		return err
	}
	if err := errors.Join(bbolt.Compact(dst, e.db, 1<<20), dst.Close(), e.db.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, e.path); err != nil {
		return err
	}
	return e.open()
}

func (e *boltEngine) Close() error { return e.db.Close() }
