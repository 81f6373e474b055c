package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/commoncurriculum/durable-streams-aws/pkg/embedded"
	"github.com/commoncurriculum/durable-streams-aws/pkg/spool"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// disk is an embedded store in a directory of its own.
type disk struct {
	*world
	dir   string
	store *embedded.Store
}

// openDisk opens a store in a directory, or makes one with an empty name. Heads are cached
// in so many bytes.
func openDisk(dir string, headBytes int) (*disk, error) {
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "scalebench"); err != nil {
			return nil, err
		}
	}
	options := embedded.DefaultOptions()
	options.HeadBytes = headBytes
	store, err := embedded.Open(filepath.Join(dir, "data"), options)
	if err != nil {
		return nil, err
	}
	objects, err := embedded.OpenObjects(filepath.Join(dir, "objects"), vfs.Default)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	w := &world{driver: store, objects: objects, limits: stream.DefaultLimits()}
	w.limits.PageSize = 64 << 10
	return &disk{world: w, dir: dir, store: store}, nil
}

// remove closes the store and deletes all of it.
func (d *disk) remove() error { return errors.Join(d.store.Close(), os.RemoveAll(d.dir)) }

// onDisk measures on embedded stores, whose messages are all appended.
func onDisk(ctx context.Context, o options, show func(*series) error) (err error) {
	none := func() int { return 0 }
	d, err := openDisk("", embedded.DefaultOptions().HeadBytes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.remove()) }()
	sizes := []int{1, 10_000, o.embedded}
	for _, size := range sizes {
		if err := d.fill(ctx, fmt.Sprint(size), size); err != nil {
			return err
		}
	}
	s := &series{store: "embedded", what: "messages in a stream", sizes: sizes}
	s.operations = append(d.operations(), d.ofMany()...)
	if err := s.run(ctx, o, none, show); err != nil {
		return err
	}
	// Again, with no room for more than one head in memory: each is read from the disk.
	if err := d.store.Close(); err != nil {
		return err
	}
	again, err := openDisk(d.dir, 1)
	if err != nil {
		return err
	}
	*d = *again
	s = &series{store: "embedded, heads not cached", what: "messages in a stream", sizes: sizes, operations: append(d.operations()[:4], d.deleting())}
	if err := s.run(ctx, o, none, show); err != nil {
		return err
	}

	s = &series{store: "embedded", what: "streams in the store", sizes: []int{1, 1000, o.streams}}
	worlds := make(map[int]*world)
	for _, size := range s.sizes {
		d, err := openDisk("", embedded.DefaultOptions().HeadBytes)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, d.remove()) }()
		if err := d.populate(ctx, size); err != nil {
			return err
		}
		worlds[size] = d.world
	}
	s.operations = ofWorlds(worlds)
	return s.run(ctx, o, none, show)
}

// fill appends so many messages, a thousand in a request, and has them compacted.
func (d *disk) fill(ctx context.Context, name string, messages int) error {
	log, err := stream.New(d.driver, stream.Options{Limits: d.limits, Objects: d.objects, Spool: spool.In("")})
	if err != nil {
		return err
	}
	if _, _, err := log.Create(ctx, name, &stream.Create{Config: config}); err != nil {
		return err
	}
	const compactEvery = 50 * perSegment
	for n := 0; n < messages; {
		a := &stream.Append{ContentType: config.ContentType}
		for range min(perSegment, messages-n) {
			a.Records.Add(record)
			n++
		}
		done, err := log.Append(ctx, name, a)
		if err == nil && done.FlushDue() {
			err = log.Flush(ctx, name, done)
		}
		if err == nil && (n%compactEvery == 0 || n == messages) {
			_, err = log.Compact(ctx, name)
		}
		if err != nil {
			return err
		}
	}
	return add(ctx, log, name)
}
