package source

import (
	"context"

	"github.com/go-git/go-git/v5/plumbing"
)

// parentBlobs are the contents in the trees of all parents of a commit.
type parentBlobs struct {
	commit string
	blobs  map[ID]struct{}
}

// InParents tells whether the content stands at any path of a parent of the commit, so that the commit only moved or
// copied it. Where only the changes were fetched, what is in folders without any change counts as standing nowhere: a copy
// of it is a second place to clean. The parent of what is staged, which has no commit yet, is HEAD; a tree has none. The first question about a commit reads the trees of its parents; further ones about the same are answered
// from memory.
func (r *Repository) InParents(ctx context.Context, commit string, blob ID) (bool, error) {
	if commit == "" && r.request.Mode != ModeStaged {
		return false, nil
	}
	if r.parents.blobs == nil || r.parents.commit != commit {
		blobs, err := r.blobsOfParents(ctx, commit)
		if err != nil {
			return false, err
		}
		r.parents = parentBlobs{commit, blobs}
	}
	_, ok := r.parents.blobs[blob]
	return ok, nil
}

func (r *Repository) blobsOfParents(ctx context.Context, id string) (map[ID]struct{}, error) {
	var parents []ID
	switch {
	case id != "":
		commit, err := r.commit(plumbing.NewHash(id))
		if err != nil {
			return nil, err
		}
		parents = commit.parents
	case !r.revision.IsZero():
		parents = []ID{r.revision}
	}
	blobs := map[ID]struct{}{}
	w := &walk{ctx: ctx, repository: r, whole: map[ID]struct{}{}, visit: func(c Change) error {
		if c.Kind == File || c.Kind == Symlink {
			blobs[c.Blob] = struct{}{}
		}
		return nil
	}}
	if r.partial != nil {
		w.missing = func(ID) {}
	}
	for _, parentID := range parents {
		parent, err := r.commit(parentID)
		if err != nil {
			return nil, err
		}
		if err := w.tree("", parent.tree, nil, 0); err != nil {
			return nil, err
		}
	}
	return blobs, nil
}
