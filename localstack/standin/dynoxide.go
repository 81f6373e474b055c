package standin

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
)

// newDatabase is a database file without tables. What it has instead is in dynoxide.sql.
//
//go:embed dynoxide.sqlite
var newDatabase string

// Dynoxide starts the stand-in of the npm package @dynoxide/linux-x64: one static
// binary on SQLite, which listens on a free loopback port. It keeps its tables in
// a file, or with an empty name in memory. It has answered a request when Dynoxide
// returns. ctx bounds the start only; without a deadline it may take a minute.
//
// In memory it keeps all changes of tables with a change stream, and each write
// reads all of them: what writes for long needs a file, which is made here. It
// finds changes by an index, and keeps the last 5,000 of all tables together.
func Dynoxide(ctx context.Context, file string) (*Process, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return nil, fmt.Errorf("%w: dynoxide is installed for linux/amd64 only, and this is %s/%s. Start DynamoDB Local (or another stand-in) and set %s to its URL", ErrNotInstalled, runtime.GOOS, runtime.GOARCH, EndpointVar)
	}
	path, err := installed("@dynoxide/linux-x64/dynoxide")
	if err != nil {
		return nil, err
	}
	// With port 0 no other process can come between the choice of a port and its
	// use. The binary does not tell which it became, but the kernel does.
	cmd := exec.Command(path, "serve", "--host", "127.0.0.1", "--port", "0")
	if file != "" {
		if err := makeDatabase(file); err != nil {
			return nil, err
		}
		cmd.Args = append(cmd.Args, "--db-path", file)
	}
	cmd.SysProcAttr = childOf()
	p, err := start(cmd)
	if err != nil {
		return nil, err
	}
	err = p.await(ctx, "dynoxide", func() (string, error) {
		port, err := listeningPort(cmd.Process.Pid)
		return fmt.Sprintf("http://127.0.0.1:%d", port), err
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// makeDatabase makes a file for dynoxide, unless there is one.
func makeDatabase(file string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make a database for dynoxide: %w", err)
	}
	_, err = f.WriteString(newDatabase)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("make a database for dynoxide: %w", err), os.Remove(file))
	}
	return nil
}
