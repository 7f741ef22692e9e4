package source

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"

	"github.com/scanjob-dev/scanjob/api/contract"
)

// maxConfiguration bounds a file of configuration in bytes.
const maxConfiguration = 8 << 20

// RevisionFile returns a file in the topmost folder of the revision, or nil where there is none. A link, a folder and a file of
// more than 8 MiB are errors.
func (r *Repository) RevisionFile(ctx context.Context, name string) ([]byte, error) {
	if r.revision.IsZero() {
		return nil, nil
	}
	return r.topFile(ctx, r.revision, name)
}

// TargetFile returns a file in the topmost folder of the branch that the changes go to, in the same way. What is no scan of
// changes has no such branch; nil is returned, as for changes that are compared with nothing.
func (r *Repository) TargetFile(ctx context.Context, name string) ([]byte, error) {
	if r.base.IsZero() || r.request.Mode != contract.ModeChanges {
		return nil, nil
	}
	return r.topFile(ctx, r.base, name)
}

func (r *Repository) topFile(ctx context.Context, id ID, name string) ([]byte, error) {
	if err := r.ensureTop(ctx, id); err != nil {
		return nil, err
	}
	var found entry
	there := false
	err := r.eachOnTop(id, func(next entry) bool {
		found, there = next, string(next.name) == name
		return !there
	})
	if err != nil || !there {
		return nil, err
	}
	if !isFile(found.mode) {
		return nil, fmt.Errorf("%s is no regular file", name)
	}
	if err := r.Ensure(ctx, found.id); err != nil {
		return nil, err
	}
	size, err := r.Size(found.id)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return nil, fmt.Errorf("%s was not fetched", name)
	}
	if err != nil {
		return nil, err
	}
	if size > maxConfiguration {
		return nil, fmt.Errorf("%s has more than %d MiB", name, maxConfiguration>>20)
	}
	content, err := r.Read(found.id)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(content)
	return data, errors.Join(err, content.Close())
}

func isFile(mode filemode.FileMode) bool {
	return mode == filemode.Regular || mode == filemode.Executable || mode == filemode.Deprecated
}
