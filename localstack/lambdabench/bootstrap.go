package main

import (
	"context"
	"fmt"
	"io"
	"os"
)

// binarySize prints the size of a bootstrap.
func binarySize(w io.Writer, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "The bootstrap for linux/arm64 has %.2f MB\n\n", float64(info.Size())/1e6)
	return nil
}

func start(ctx context.Context, w io.Writer, bootstrap string, s *site) error { return nil }
