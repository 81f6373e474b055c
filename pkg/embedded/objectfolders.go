package embedded

import (
	"errors"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// path is where an object, or a folder of keys, is.
func (o *Objects) path(key string) string { return o.fs.PathJoin(o.root, objectPath(key)) }

// folder is the folder of an object.
func (o *Objects) folder(key string) string { return o.fs.PathDir(o.path(key)) }

// place moves a complete file to where an object belongs, and makes that durable. The
// key is locked, and nothing is stored under it.
func (o *Objects) place(temp, key string) error {
	o.folders.RLock()
	defer o.folders.RUnlock()
	if err := o.fs.MkdirAll(o.folder(key), 0o700); err != nil {
		return err
	}
	if err := o.fs.Rename(temp, o.path(key)); err != nil {
		return err
	}
	return o.settle(o.folder(key))
}

// keep makes durable that an object is where it is. The key is locked.
func (o *Objects) keep(key string) error {
	o.folders.RLock()
	defer o.folders.RUnlock()
	return o.settle(o.folder(key))
}

// settle makes durable what is in a folder, and the folders that lead to it. Whoever
// calls it holds folders shared: none of them is removed meanwhile. Others may have
// made some of them, and not be done with making them durable.
func (o *Objects) settle(folder string) error {
	if err := syncFolder(o.fs, folder); err != nil {
		return err
	}
	var synced []string
	for f := folder; f != o.root && !o.durable.Contains(f); f = o.fs.PathDir(f) {
		if err := syncFolder(o.fs, o.fs.PathDir(f)); err != nil {
			return err
		}
		synced = append(synced, f)
	}
	for _, f := range synced {
		o.durable.Add(f, struct{}{})
	}
	return nil
}

// tidy removes a folder if it is empty, then the one above it and so on, and makes
// durable what was removed from it. A folder that cannot be removed has something in
// it, or else does no harm.
func (o *Objects) tidy(folder string) error {
	for {
		folder = o.prune(folder)
		err := syncFolder(o.fs, folder)
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		// Somebody else has just removed it.
	}
}

// prune removes folders upwards as long as they are empty or not there, and returns the
// first that is. What a key is not there for may be an object: that stays.
func (o *Objects) prune(folder string) string {
	o.folders.Lock()
	defer o.folders.Unlock()
	for folder != o.root {
		info, err := o.fs.Stat(folder)
		if err == nil && info.IsDir() {
			err = o.fs.Remove(folder)
		}
		if err != nil && !isMissing(err) {
			break
		}
		o.durable.Remove(folder)
		folder = o.fs.PathDir(folder)
	}
	return folder
}

// makeFolder makes a folder, with those above it, durable.
func (o *Objects) makeFolder(folder string) error {
	if _, err := o.fs.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := o.fs.PathDir(folder)
	if err := o.makeFolder(parent); err != nil {
		return err
	}
	return errors.Join(o.fs.MkdirAll(folder, 0o700), syncFolder(o.fs, parent))
}

// syncFolder makes the entries of a folder durable.
func syncFolder(system vfs.FS, folder string) error {
	d, err := system.OpenDir(folder)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
