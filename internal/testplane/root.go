package testplane

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// modulePath opens the go.mod that marks the root of this repository; tools and devplane are modules of their own below it.
const modulePath = "module github.com/scanjob-dev/scanjob\n"

// ModuleRoot is the absolute path of the repository's root, found upwards from the working directory, which `go test` sets
// to the package's folder.
func ModuleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the module's root: %w", err)
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && len(text) >= len(modulePath) && string(text[:len(modulePath)]) == modulePath {
			return dir, nil
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("find the module's root: %w", err)
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("find the module's root: no go.mod of github.com/scanjob-dev/scanjob above the working directory; run the tests from the repository")
		}
		dir = parent
	}
}
