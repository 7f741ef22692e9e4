package source

import (
	"context"

	"github.com/go-git/go-git/v5/plumbing"
)

// parentBlobs are the contents in the trees of all parents of a commit.
type parentBlobs struct {
	commit string
	// blobs are the paths of each content. A folder counts at the first of the paths that it stands at.
	blobs map[ID][]string
}

// InParents returns the paths at which the content stands in the parents of the commit, which then only moved or copied it.
// There are none where it is new. Where only the changes were fetched, what is in folders without any change counts as standing
// nowhere: a copy of it is a second place to clean. The parent of what is staged, which has no commit yet, is HEAD; a tree has
// none. The first question about a commit reads the trees of its parents; further ones about the same are answered from memory.
func (r *Repository) InParents(ctx context.Context, commit string, blob ID) ([]string, error) {
	if commit == "" && r.request.Mode != ModeStaged {
		return nil, nil
	}
	if r.parents.blobs == nil || r.parents.commit != commit {
		blobs, err := r.blobsOfParents(ctx, commit)
		if err != nil {
			return nil, err
		}
		r.parents = parentBlobs{commit, blobs}
	}
	return r.parents.blobs[blob], nil
}

func (r *Repository) blobsOfParents(ctx context.Context, id string) (map[ID][]string, error) {
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
	blobs := map[ID][]string{}
	w := &walk{ctx: ctx, repository: r, whole: map[ID]string{}, visit: func(c Change) error {
		if c.Kind == File || c.Kind == Symlink {
			blobs[c.Blob] = append(blobs[c.Blob], c.Path)
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
