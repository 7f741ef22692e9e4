package source

import (
	"context"

	"github.com/scanjob-dev/scanjob/api/contract"
)

// Compared is a scan of changes from its beginning to its end, whatever happened between.
type Compared struct {
	// Known tells that there is something to compare with.
	Known bool
	// Before is what stands where the changes begin, on the target branch, and not in the revision with the same content.
	Before []Change
	// After is what stands in the revision, and not where the changes begin.
	After []Change
}

// Compare returns the files and links that the changes made another. It is empty where nothing but changes is scanned, and where
// these begin with nothing. Changes must have ended before. Where only the changes were fetched, folders that were moved are left
// out of Before.
func (r *Repository) Compare(ctx context.Context) (Compared, error) {
	if r.request.Mode != contract.ModeChanges || r.order == nil {
		return Compared{}, nil
	}
	edge, err := r.beginnings()
	if err != nil || len(edge) == 0 {
		return Compared{}, err
	}
	compared := Compared{Known: true}
	revision, err := r.commit(r.revision)
	if err != nil {
		return Compared{}, err
	}
	var trees []ID
	for _, id := range edge {
		commit, err := r.commit(id)
		if err != nil {
			return Compared{}, err
		}
		trees = append(trees, commit.tree)
		if err := r.differing(ctx, commit.tree, []ID{revision.tree}, &compared.Before); err != nil {
			return Compared{}, err
		}
	}
	return compared, r.differing(ctx, revision.tree, trees, &compared.After)
}

// beginnings returns the parents of the visited commits that were not visited themselves.
func (r *Repository) beginnings() ([]ID, error) {
	done := map[ID]struct{}{}
	for _, id := range *r.order {
		done[id] = struct{}{}
	}
	var edge []ID
	for _, id := range *r.order {
		commit, err := r.commit(id)
		if err != nil {
			return nil, err
		}
		for _, parent := range commit.parents {
			if _, ok := done[parent]; !ok {
				done[parent] = struct{}{}
				edge = append(edge, parent)
			}
		}
	}
	return edge, nil
}

// differing adds to changes what is in the tree and in none of the others.
func (r *Repository) differing(ctx context.Context, tree ID, others []ID, changes *[]Change) error {
	w := &walk{ctx: ctx, repository: r, whole: map[ID]string{}, missing: func(ID) {}, visit: func(c Change) error {
		if c.Kind == File || c.Kind == Symlink {
			*changes = append(*changes, c)
		}
		return nil
	}}
	return w.tree("", tree, others, 0)
}

// Has tells whether the content is here, and need not be fetched.
func (r *Repository) Has(id ID) bool {
	// The storage of a complete repository answers to the plain question only for loose objects.
	_, err := r.Size(id)
	return err == nil
}
