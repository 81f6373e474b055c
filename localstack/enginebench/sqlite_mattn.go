package main

import (
	"database/sql"
	"path/filepath"

	"github.com/mattn/go-sqlite3"
)

func init() {
	// The pragmas go through a hook because its DSN knows only some of them.
	sql.Register("sqlite3-pragmas", &sqlite3.SQLiteDriver{
		ConnectHook: func(c *sqlite3.SQLiteConn) error {
			for _, p := range sqlitePragmas {
				if _, err := c.Exec("PRAGMA "+p, nil); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

// openMattn opens SQLite in C. It has no switch for fdatasync at run time: it
// commits with fsync unless it is built with CGO_CFLAGS=-DHAVE_FDATASYNC=1.
func openMattn(dir string) (engine, error) {
	return openSQLite("sqlite3-pragmas", dir, "file:"+filepath.Join(dir, "kv.db"))
}
