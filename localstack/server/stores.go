package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/commoncurriculum/durable-streams-aws/pkg/config"
	"github.com/commoncurriculum/durable-streams-aws/pkg/embedded"
	"github.com/commoncurriculum/durable-streams-aws/pkg/memory"
	"github.com/commoncurriculum/durable-streams-aws/pkg/objectcache"
	"github.com/commoncurriculum/durable-streams-aws/pkg/spool"
	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// stores are what the server keeps data in.
type stores struct {
	driver  stream.Driver
	objects stream.Objects
	// spool is where segments are put together.
	spool func() (stream.Spool, error)
	// close must be called when nobody uses any of them any more.
	close func() error
}

// openStores opens the configured stores.
func openStores(ctx context.Context, c config.Server, logger *slog.Logger) (stores, error) {
	if c.Store == "memory" {
		return stores{
			driver: memory.New(), objects: new(memory.Objects), spool: spool.In(""),
			close: func() error { return nil },
		}, nil
	}
	o := embedded.DefaultOptions()
	o.CacheBytes, o.HeadBytes, o.Logger = c.CacheBytes, c.HeadBytes, logger
	store, err := embedded.Open(c.DataDir, o)
	if errors.Is(err, embedded.ErrInUse) {
		return stores{}, fmt.Errorf("%w\nStop that process, or set DATA_DIR to another directory", err)
	}
	if err != nil {
		return stores{}, err
	}
	// From here on the directory is ours alone.
	s := stores{driver: store, close: store.Close}
	if s.objects, err = openObjects(ctx, c); err == nil {
		s.spool, err = openSpool(c.DataDir)
	}
	if err == nil && c.PartBytes > 0 {
		s.objects, err = objectcache.New(s.objects, c.PartBytes)
	}
	if err != nil {
		return stores{}, errors.Join(err, store.Close())
	}
	return s, nil
}

// openObjects opens what large records and sealed segments are kept in: files in the data
// directory, or a bucket.
func openObjects(ctx context.Context, c config.Server) (stream.Objects, error) {
	files, err := embedded.OpenObjects(c.DataDir, vfs.Default)
	if err != nil {
		return nil, err
	}
	if c.BucketEndpoint == "" {
		return files, refuseBucket(c.DataDir)
	}
	return openBucket(ctx, c, files)
}

// openSpool makes an empty folder in the data directory for segments on their way into
// objects: they take as much disk there as they will later, and of the same disk.
func openSpool(dir string) (func() (stream.Spool, error), error) {
	dir = filepath.Join(dir, "spool")
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
		return nil, err
	}
	return spool.In(dir), nil
}
