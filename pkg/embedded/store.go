// Package embedded is the driver of a server that keeps its data on its own
// disk, in a Pebble store. It serves one process; a second one on the same
// directory is refused.
//
// Everything that the driver contract calls durable is in Pebble's write-ahead
// log and synced (fdatasync) before the call returns. Concurrent commits, of any
// streams, share syncs. Chunks, staged items and trims are written to the same
// log without a sync of their own: the log is recovered as a prefix, so none of
// them can be missing where a later synced write survived. [Objects] are files of
// their own beside the engine, synced when they are put.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// ErrInUse says that another process has the data directory open.
var ErrInUse = errors.New("the data directory is in use by another process")

// ErrFormat says that the data directory was written by a newer version.
var ErrFormat = errors.New("the data directory has an unknown format")

// formatVersion is the version of the layout in keys.go and codec.go.
const formatVersion = 5

// Options are the sizes of what the store keeps in memory.
type Options struct {
	// CacheBytes bounds the cache of data blocks, HeadBytes that of heads. The
	// write buffers take up to MemTableBytes each, three at most while others are
	// being written out.
	CacheBytes    int64
	HeadBytes     int
	MemTableBytes int
	// Logger receives what the engine has to say; nil discards it.
	Logger *slog.Logger
	// FS is the file system; nil means the machine's.
	FS vfs.FS
}

// DefaultOptions suit a local server.
func DefaultOptions() Options {
	return Options{CacheBytes: 16 << 20, HeadBytes: 16 << 20, MemTableBytes: 8 << 20}
}

// Store implements [stream.Driver].
type Store struct {
	db    *pebble.DB
	lock  *pebble.Lock
	heads *headCache
	names nameLocks
}

var _ stream.Driver = (*Store)(nil)

// Open opens the store in a directory, which it creates if need be. It fails
// with [ErrInUse] or [ErrFormat], or with what the file system says. After a
// crash it recovers by itself.
func Open(dir string, o Options) (*Store, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if err := o.FS.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	lock, err := pebble.LockDirectory(dir, o.FS)
	if err != nil {
		if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) {
			return nil, fmt.Errorf("%w: %s", ErrInUse, dir)
		}
		return nil, fmt.Errorf("embedded: lock %s: %w", dir, err)
	}
	opts := pebbleOptions(o)
	opts.Lock = lock
	db, err := pebble.Open(dir, opts)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("embedded: open %s: %w", dir, err), lock.Close())
	}
	s := &Store{db: db, lock: lock, heads: newHeadCache(o.HeadBytes)}
	if err := s.checkFormat(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func pebbleOptions(o Options) *pebble.Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	const (
		buffers = 3
		// logsAhead is into how many parts a file of the log is cut that zeros are written
		// for: it is about as long as a write buffer.
		logsAhead = 32
	)
	opts := &pebble.Options{
		// The engine counts its write buffers against the cache: without room for
		// them, nothing would be cached while there is anything to write.
		CacheSize:                   o.CacheBytes + buffers*int64(o.MemTableBytes),
		MemTableSize:                uint64(o.MemTableBytes),
		MemTableStopWritesThreshold: buffers,
		L0CompactionThreshold:       4,
		FormatMajorVersion:          pebble.FormatNewest,
		FS:                          logFS{o.FS, int64(o.MemTableBytes) / logsAhead},
		Logger:                      engineLogger{o.Logger},
	}
	for i := range opts.Levels {
		opts.Levels[i].BlockSize = 32 << 10
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	opts.EnsureDefaults()
	return opts
}

// checkFormat marks a new store with the format version, and refuses one with
// another.
func (s *Store) checkFormat() error {
	format := []byte{areaFormat}
	version, found, err := get(s.db, format)
	if err != nil {
		return err
	}
	if !found {
		return s.db.Set(format, []byte{formatVersion}, pebble.Sync)
	}
	if len(version) != 1 || version[0] != formatVersion {
		return fmt.Errorf("%w: version %v, this program knows %d", ErrFormat, version, formatVersion)
	}
	return nil
}

// Close writes out what is in memory and releases the directory. No call may be
// under way or follow.
func (s *Store) Close() error {
	return errors.Join(s.db.Close(), s.lock.Close())
}

// get returns a copy of a value.
func get(r pebble.Reader, key []byte) (value []byte, found bool, err error) {
	v, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	value = append([]byte(nil), v...)
	return value, true, closer.Close()
}

// walk calls visit for each item of a key range, in order, until it returns false.
// The iterator, which visit must not move, gives the item's key, and its value to
// who asks for it; both are only valid during the call.
func walk(ctx context.Context, r pebble.Reader, from, to []byte, visit func(it *pebble.Iterator) (more bool, err error)) error {
	it, err := r.NewIterWithContext(ctx, &pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return err
	}
	more := true
	for ok := it.First(); ok; ok = more && err == nil && it.Next() {
		more, err = visit(it)
	}
	return errors.Join(err, it.Close())
}

// scan is walk for those who want all values.
func scan(ctx context.Context, r pebble.Reader, from, to []byte, visit func(key, value []byte) (more bool, err error)) error {
	return walk(ctx, r, from, to, func(it *pebble.Iterator) (bool, error) {
		value, err := it.ValueAndErr()
		if err != nil {
			return false, err
		}
		return visit(it.Key(), value)
	})
}

// engineLogger passes on what Pebble logs. Pebble must not go on after Fatalf,
// which it calls when a write to its log failed: what is on disk is then unknown
// and only recovery can tell. The process ends; its restart recovers.
type engineLogger struct{ log *slog.Logger }

func (l engineLogger) Infof(format string, args ...any) {
	l.log.Debug("engine", "message", fmt.Sprintf(format, args...))
}

func (l engineLogger) Errorf(format string, args ...any) {
	l.log.Error("engine", "message", fmt.Sprintf(format, args...))
}

func (l engineLogger) Fatalf(format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	l.log.Error("engine failed", "message", message)
	panic("embedded: storage engine failed: " + message)
}
