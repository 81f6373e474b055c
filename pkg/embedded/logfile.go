package embedded

import (
	"errors"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// categoryLog is what the engine calls its write-ahead log when it creates a file for it.
const categoryLog vfs.DiskWriteCategory = "pebble-wal"

// logFS is a file system on which a write-ahead log is written over zeros that are on the
// disk already. A sync then writes the log's bytes and nothing else, while one of a file that
// has grown, or whose space was only reserved, also commits the file system's journal. On
// ext4 that saves an append a fifth to a quarter of its sync. Files of the log are used again
// by the engine once they are full, so only the first few are written twice.
//
// After a crash a log ends where its zeros begin, or what an earlier use of the file left.
type logFS struct {
	vfs.FS
	// ahead is how many zeros are written at a time. They go to the disk with the sync
	// after them, which takes so much longer.
	ahead int64
}

// Create implements [vfs.FS].
func (fs logFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, category)
	if err != nil || category != categoryLog {
		return f, err
	}
	return &logFile{File: f, ahead: fs.ahead}, nil
}

// ReuseForWrite implements [vfs.FS].
func (fs logFS) ReuseForWrite(old, name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.ReuseForWrite(old, name, category)
	if err != nil || category != categoryLog {
		return f, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &logFile{File: f, ahead: fs.ahead, size: info.Size()}, nil
}

// Unwrap implements [vfs.FS].
func (fs logFS) Unwrap() vfs.FS { return fs.FS }

// logFile is a file of the log, which is written from its beginning on by one goroutine.
type logFile struct {
	vfs.File
	ahead int64
	// written is how far it has been written, size how long it is.
	written, size int64
}

// Write implements [vfs.File].
func (f *logFile) Write(p []byte) (int, error) {
	if over := f.written + int64(len(p)) - f.size; over > 0 {
		zeros := make([]byte, over+f.ahead)
		if _, err := f.WriteAt(zeros, f.size); err != nil {
			return 0, err
		}
		f.size += int64(len(zeros))
	}
	n, err := f.File.Write(p)
	f.written += int64(n)
	return n, err
}
