package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/commoncurriculum/durable-streams-aws/pkg/stream"
)

// fileSize is the size from which a staged item is a file. Below it, sharing the
// log's sync with others is cheaper than two syncs of its own.
const fileSize = 256 << 10

// files stores large staged items, each in a file of its own:
//
//	<data directory>/staged/<incarnation>/<commit id>-<part>
//
// A file holds the frames and then their CRC32C, 4 bytes, big-endian. It is
// complete and synced before the commit that links it begins; a crash before that
// leaves a file that nothing links, which goes with its incarnation.
type files struct {
	fs   vfs.FS
	root string
}

// newFiles returns the files under a data directory.
func newFiles(system vfs.FS, dir string) files {
	return files{fs: system, root: system.PathJoin(dir, "staged")}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (f files) life(inc stream.Incarnation) string { return f.fs.PathJoin(f.root, inc.String()) }

func (f files) path(inc stream.Incarnation, id stream.StagedID) string {
	return f.fs.PathJoin(f.life(inc), fmt.Sprintf("%016x-%d", uint64(id.Commit), id.Part))
}

// put writes an item and makes it durable, with the directories that lead to it.
func (f files) put(inc stream.Incarnation, id stream.StagedID, frames stream.Frames) (err error) {
	dir := f.life(inc)
	if _, err := f.fs.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := f.makeLife(dir); err != nil {
			return err
		}
	}
	file, err := f.fs.Create(f.path(inc, id), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	// A vfs.File may change what it is given to write; the frames are not ours.
	whole := append(make([]byte, 0, len(frames)+crc32.Size), frames...)
	whole = binary.BigEndian.AppendUint32(whole, crc32.Checksum(frames, castagnoli))
	if _, err := file.Write(whole); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	return f.sync(dir)
}

// makeLife makes the directory of an incarnation.
func (f files) makeLife(dir string) error {
	if err := f.fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return errors.Join(f.sync(f.root), f.sync(f.fs.PathDir(f.root)))
}

// sync makes the entries of a directory durable.
func (f files) sync(dir string) error {
	d, err := f.fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// get reads an item. One that is torn or altered is an error, never data.
func (f files) get(inc stream.Incarnation, id stream.StagedID) (frames stream.Frames, err error) {
	file, err := f.fs.Open(f.path(inc, id), vfs.SequentialReadsOption)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: staged %v of %v", stream.ErrNoItem, id, inc)
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	whole := make([]byte, info.Size())
	if _, err := io.ReadFull(file, whole); err != nil {
		return nil, err
	}
	end := len(whole) - crc32.Size
	if end < 0 || binary.BigEndian.Uint32(whole[end:]) != crc32.Checksum(whole[:end], castagnoli) {
		return nil, fmt.Errorf("%w: staged %v of %v", errCorrupt, id, inc)
	}
	return whole[:end:end], nil
}

// drop removes all items of an incarnation.
func (f files) drop(inc stream.Incarnation) error {
	if _, err := f.fs.Stat(f.life(inc)); errors.Is(err, fs.ErrNotExist) {
		return nil // it never had any
	}
	if err := f.fs.RemoveAll(f.life(inc)); err != nil {
		return err
	}
	return f.sync(f.root)
}
