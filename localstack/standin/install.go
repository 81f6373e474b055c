package standin

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// installed returns the path of a file in node_modules of the module that the
// working directory is in: tests run in their package's folder, programs usually
// at the top.
func installed(file string) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, "node_modules", filepath.FromSlash(file))
	_, err = os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%w: %s does not exist. Run `make node_modules` (npm ci) in %s, or set %s to the URL of a running DynamoDB stand-in", ErrNotInstalled, path, root, EndpointVar)
	}
	return path, err
}

// moduleRoot returns the nearest folder with a go.mod, upwards from the working
// directory.
func moduleRoot() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%w: stand-ins are looked for in node_modules beside go.mod, and there is no go.mod in %s or above it", ErrNotInstalled, start)
		}
	}
}
