package awslocal

import (
	"context"
	"errors"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// References and single objects are read and written in this process: almost every call asks for some, and git takes ten
// milliseconds to start.

const headsPrefix = "refs/heads/"

func storage(dir string) *filesystem.Storage {
	return filesystem.NewStorage(osfs.New(dir), cache.NewObjectLRUDefault())
}

// refs are the branches and tags of a repository, with the commits or tags that they stand for.
func (g gitTool) refs(dir string) (map[string]string, error) {
	all, err := storage(dir).IterReferences()
	if err != nil {
		return nil, err
	}
	refs := map[string]string{}
	err = all.ForEach(func(ref *plumbing.Reference) error {
		if name := ref.Name(); ref.Type() == plumbing.HashReference && (name.IsBranch() || name.IsTag()) {
			refs[name.String()] = ref.Hash().String()
		}
		return nil
	})
	return refs, err
}

// head is the branch that HEAD names, there or not.
func (g gitTool) head(dir string) (string, error) {
	head, err := storage(dir).Reference(plumbing.HEAD)
	if err != nil {
		return "", err
	}
	return head.Target().String(), nil
}

// branch is the commit of a branch, given by its full name; empty if there is none.
func (g gitTool) branch(dir, name string) (string, error) {
	if plumbing.ReferenceName(name).Validate() != nil {
		return "", nil // which git does not have either
	}
	ref, err := storage(dir).Reference(plumbing.ReferenceName(name))
	switch {
	case errors.Is(err, plumbing.ErrReferenceNotFound):
		return "", nil
	case err != nil:
		return "", err
	}
	return ref.Hash().String(), nil
}

// resolve is the commit that a branch, tag or id stands for; empty if there is none.
func (g gitTool) resolve(ctx context.Context, dir, revision string) (string, error) {
	if strings.HasPrefix(revision, headsPrefix) {
		return g.branch(dir, revision)
	}
	out, err := g.in(ctx, dir, "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}")
	if err != nil {
		if gitSaidNo(err) {
			return "", nil
		}
		return "", err
	}
	return strings.TrimSpace(out), nil
}

// writeBlob stores a file's content.
func (g gitTool) writeBlob(dir string, content []byte) (id string, err error) {
	objects := storage(dir)
	blob := objects.NewEncodedObject()
	blob.SetType(plumbing.BlobObject)
	w, err := blob.Writer()
	if err != nil {
		return "", err
	}
	_, err = w.Write(content)
	if err := errors.Join(err, w.Close()); err != nil {
		return "", err
	}
	hash, err := objects.SetEncodedObject(blob)
	return hash.String(), err
}
