package embedded

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// Objects implements [stream.Objects] with files:
//
//	<directory>/objects/<path>    an object: its body, then the body's CRC32C, 4 bytes,
//	                              big-endian; how its path follows from its key is in
//	                              objectpath.go
//	<directory>/objects.new/<n>   one that is being put
//
// A file is complete and synced before it is renamed into its place, and what is in
// its place is never written again. So a crash leaves whole objects, and files that
// are being put, which the next opening removes.
//
// It serves one process, which has the directory for itself: a [Store] that was
// opened in it before sees to that. A put takes two or three syncs if the object's
// folder is one that this process put something into lately, and one more for each
// folder above it if not. A put or a read of a part holds no more than the part, or
// copyBuffer, in memory.
type Objects struct {
	fs         vfs.FS
	root, temp string
	// put counts the puts: it names files in temp.
	put  atomic.Uint64
	keys nameLocks
	// folders is held shared while an object is placed into a folder, which must not
	// be removed meanwhile, and exclusively while one is removed.
	folders sync.RWMutex
	// durable holds folders that exist, and would after a crash. Those that fall out
	// are synced again.
	durable *lru.Cache[string, struct{}]
}

var _ stream.Objects = (*Objects)(nil)

const (
	// durableFolders bounds how many folders are known not to need a sync.
	durableFolders = 4096
	// copyBuffer is how many bytes of an object are written or compared at a time.
	copyBuffer = 64 << 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// OpenObjects opens the objects in a directory, which it creates if need be, on a file
// system that may or may not tell upper case from lower.
func OpenObjects(dir string, fs vfs.FS) (*Objects, error) {
	folders, err := lru.New[string, struct{}](durableFolders)
	if err != nil {
		return nil, err
	}
	o := &Objects{fs: fs, root: fs.PathJoin(dir, "objects"), temp: fs.PathJoin(dir, "objects.new"), durable: folders}
	if err := o.prepare(); err != nil {
		return nil, fmt.Errorf("embedded: objects in %s: %w", dir, err)
	}
	return o, nil
}

// prepare makes the folders, without what a crash left in the one for files that are
// being put.
func (o *Objects) prepare() error {
	if err := o.fs.RemoveAll(o.temp); err != nil {
		return err
	}
	for _, folder := range []string{o.root, o.temp} {
		if err := o.makeFolder(folder); err != nil {
			return err
		}
	}
	return nil
}

// PutObject implements [stream.Objects].
func (o *Objects) PutObject(_ context.Context, key string, body *io.SectionReader) error {
	if err := stream.CheckObjectKey(key); err != nil {
		return err
	}
	defer o.keys.lock(key)()
	stored, err := o.open(key, vfs.SequentialReadsOption)
	if errors.Is(err, stream.ErrNoItem) {
		return o.add(key, body)
	}
	if err != nil {
		return err
	}
	same, err := stored.equals(body)
	switch err := errors.Join(err, stored.Close()); {
	case err != nil:
		return err
	case !same:
		return fmt.Errorf("%w: %s", stream.ErrObjectExists, key)
	}
	// Who put it may have crashed before it was durable.
	return o.keep(key)
}

// add puts an object that is not there. The key is locked.
func (o *Objects) add(key string, body *io.SectionReader) error {
	temp := o.fs.PathJoin(o.temp, fmt.Sprint(o.put.Add(1)))
	err := o.write(temp, body)
	if err == nil {
		err = o.place(temp, key)
	}
	if err != nil {
		// It is gone already, if it was placed; otherwise the next opening tries again.
		_ = o.fs.Remove(temp)
		return fmt.Errorf("put object %s: %w", key, err)
	}
	return nil
}

// write writes a body and its checksum into a new file, and makes them durable.
func (o *Objects) write(path string, body *io.SectionReader) (err error) {
	file, err := o.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	sum := crc32.New(castagnoli)
	// The checksum is taken before the write, as a vfs.File may change what it is given.
	whole := io.TeeReader(io.NewSectionReader(body, 0, body.Size()), sum)
	n, err := io.CopyBuffer(struct{ io.Writer }{file}, whole, copyBufferFor(body.Size()))
	if err != nil {
		return err
	}
	if n != body.Size() {
		return fmt.Errorf("%d bytes of a body of %d can be read: %w", n, body.Size(), io.ErrUnexpectedEOF)
	}
	if _, err := file.Write(binary.BigEndian.AppendUint32(nil, sum.Sum32())); err != nil {
		return err
	}
	return file.Sync()
}

// copyBufferFor is a buffer for copying some bytes: small objects are many.
func copyBufferFor(n int64) []byte { return make([]byte, max(1, min(copyBuffer, n))) }

// Object implements [stream.Objects].
func (o *Objects) Object(_ context.Context, key string, offset, n int64) (body []byte, err error) {
	if err := stream.CheckObjectKey(key); err != nil {
		return nil, err
	}
	if err := stream.CheckObjectRange(offset, n); err != nil {
		return nil, err
	}
	how := vfs.RandomReadsOption
	if n < 0 {
		how = vfs.SequentialReadsOption
	}
	stored, err := o.open(key, how)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stored.Close()) }()
	if offset > 0 && offset >= stored.size || offset+n > stored.size {
		return nil, fmt.Errorf("%w: %d bytes from offset %d on of object %s, which has %d", stream.ErrRejected, n, offset, key, stored.size)
	}
	if n < 0 {
		n = stored.size - offset
	}
	if n == stored.size {
		return stored.whole()
	}
	body = make([]byte, n)
	if _, err := io.ReadFull(io.NewSectionReader(stored, offset, n), body); err != nil {
		return nil, fmt.Errorf("object %s: %w", key, err)
	}
	return body, nil
}

// DiscardObjects implements [stream.Objects].
func (o *Objects) DiscardObjects(ctx context.Context, prefix string, max int) (bool, error) {
	if err := stream.CheckObjectDiscard(prefix, max); err != nil {
		return false, err
	}
	keys, err := o.ListObjects(ctx, prefix, "", max)
	if err != nil {
		return false, err
	}
	if err := o.RemoveObjects(ctx, keys); err != nil {
		return false, err
	}
	left, err := o.ListObjects(ctx, prefix, "", 1)
	return err == nil && len(left) == 0, err
}

// RemoveObjects implements [stream.Objects]. A file that could be removed is gone, so
// nothing is listed.
func (o *Objects) RemoveObjects(_ context.Context, keys []string) error {
	for _, key := range keys {
		if err := stream.CheckObjectKey(key); err != nil {
			return err
		}
	}
	changed := make(map[string]struct{})
	for _, key := range keys {
		if err := o.remove(key); err != nil {
			return fmt.Errorf("remove object %s: %w", key, err)
		}
		changed[o.folder(key)] = struct{}{}
	}
	for folder := range changed {
		if err := o.tidy(folder); err != nil {
			return fmt.Errorf("remove objects: %w", err)
		}
	}
	return nil
}

// remove removes the file of an object, if there is one. A folder is none.
func (o *Objects) remove(key string) error {
	defer o.keys.lock(key)()
	info, err := o.fs.Stat(o.path(key))
	if isMissing(err) || err == nil && info.IsDir() {
		return nil
	}
	return errors.Join(err, o.fs.Remove(o.path(key)))
}
