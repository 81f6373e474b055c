package main

import (
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
)

// openModernc opens SQLite as translated to Go.
func openModernc(dir string) (engine, error) {
	// Without this it commits with fsync, which costs a journal commit of the
	// file system for a time stamp; the other engines use fdatasync too.
	if _, err := sqlite.Fdatasync(true); err != nil {
		return nil, err
	}
	var q []string
	for _, p := range sqlitePragmas {
		q = append(q, "_pragma="+p)
	}
	return openSQLite("sqlite", dir, "file:"+filepath.Join(dir, "kv.db")+"?"+strings.Join(q, "&"))
}
