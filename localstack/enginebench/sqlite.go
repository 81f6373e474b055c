package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"sync"
)

// sqlitePragmas are the same for both builds of SQLite. synchronous has to be
// said: the C build is compiled to sync a WAL only at checkpoints, which loses
// acknowledged writes with the power. The WAL is checkpointed at 16 MiB and the
// cache holds 32 MiB, to match Pebble's memtable and cache.
var sqlitePragmas = []string{
	"journal_mode=WAL", "synchronous=FULL", "busy_timeout=1000",
	"wal_autocheckpoint=4096", "cache_size=-32768",
}

type sqliteEngine struct {
	db     *sql.DB
	mu     sync.Mutex
	writer *sql.Conn
	begin  *sql.Stmt
	commit *sql.Stmt
	upsert *sql.Stmt
	get    *sql.Stmt
	queue  *queue
}

// openSQLite opens the database file at path. dsn is path with the pragmas, in
// the driver's own spelling.
func openSQLite(driver, dir, dsn string) (_ engine, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	e := &sqliteEngine{}
	if e.db, err = sql.Open(driver, dsn); err != nil {
		return nil, err
	}
	e.db.SetMaxOpenConns(4)
	e.db.SetMaxIdleConns(4)
	ctx := context.Background()
	if e.writer, err = e.db.Conn(ctx); err != nil {
		return nil, err
	}
	if err := e.check(ctx); err != nil {
		return nil, err
	}
	const schema = "CREATE TABLE IF NOT EXISTS kv (k BLOB PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID"
	if _, err := e.writer.ExecContext(ctx, schema); err != nil {
		return nil, err
	}
	prepare := func(q string) (s *sql.Stmt) {
		if err == nil {
			s, err = e.writer.PrepareContext(ctx, q)
		}
		return s
	}
	e.begin = prepare("BEGIN IMMEDIATE")
	e.commit = prepare("COMMIT")
	e.upsert = prepare("INSERT INTO kv (k, v) VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v")
	if err != nil {
		return nil, err
	}
	if e.get, err = e.db.Prepare("SELECT v FROM kv WHERE k = ?"); err != nil {
		return nil, err
	}
	e.queue = newQueue(e.Commit)
	return e, nil
}

// check reads the pragmas back, because a misspelt one is ignored in silence,
// and the rows would then compare durable writes with others.
func (e *sqliteEngine) check(ctx context.Context) error {
	var mode string
	var synchronous int
	err := errors.Join(
		e.writer.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode),
		e.writer.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&synchronous))
	if err == nil && (mode != "wal" || synchronous != 2) {
		err = fmt.Errorf("sqlite: journal_mode=%s synchronous=%d", mode, synchronous)
	}
	return err
}

func (e *sqliteEngine) Commit(pairs []pair) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, err := e.begin.Exec(); err != nil {
		return err
	}
	for _, p := range pairs {
		if _, err := e.upsert.Exec(p.key, p.value); err != nil {
			_, rollback := e.writer.ExecContext(context.Background(), "ROLLBACK")
			return errors.Join(err, rollback)
		}
	}
	_, err := e.commit.Exec()
	return err
}

func (e *sqliteEngine) CommitShared(pairs []pair) error { return e.queue.Commit(pairs) }

func (e *sqliteEngine) Get(dst, key []byte) ([]byte, error) {
	err := e.get.QueryRow(key).Scan(&dst)
	return dst, err
}

func (e *sqliteEngine) Scan(from, to []byte, f func(key, value []byte)) error {
	rows, err := e.db.Query("SELECT k, v FROM kv WHERE k >= ? AND k < ? ORDER BY k", from, to)
	if err != nil {
		return err
	}
	defer rows.Close()
	var k, v sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&k, &v); err != nil {
			return err
		}
		f(k, v)
	}
	return rows.Err()
}

func (e *sqliteEngine) DeleteRange(from, to []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, err := e.writer.ExecContext(context.Background(), "DELETE FROM kv WHERE k >= ? AND k < ?", from, to)
	return err
}

// Compact rewrites the file; without the checkpoint the rewritten pages would
// stay in the WAL.
func (e *sqliteEngine) Compact() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	ctx := context.Background()
	if _, err := e.writer.ExecContext(ctx, "VACUUM"); err != nil {
		return err
	}
	var busy, inLog, moved int
	err := e.writer.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &inLog, &moved)
	if err == nil && busy != 0 {
		err = errors.New("sqlite: checkpoint was blocked")
	}
	return err
}

func (e *sqliteEngine) Close() error {
	e.queue.Close()
	return errors.Join(e.begin.Close(), e.commit.Close(), e.upsert.Close(), e.get.Close(),
		e.writer.Close(), e.db.Close())
}
