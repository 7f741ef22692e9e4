package source

import (
	"context"
	"errors"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
)

// lackingTargetFiles returns those of the files in the topmost folder of the target that were asked for and are not here. Its commit
// and that folder are fetched where they are not here either, as when the branch went on behind the beginning of the changes.
func (r *Repository) lackingTargetFiles(ctx context.Context) ([]ID, error) {
	if len(r.request.TargetFiles) == 0 {
		return nil, nil
	}
	err := r.fetchTop(ctx, r.base)
	if err != nil && lasting(ctx, err) {
		return nil, err
	}
	if !r.hasTop(r.base) {
		return nil, nil // whoever reads them finds another way
	}
	var wanted []ID
	err = r.eachOnTop(r.base, func(file entry) bool {
		if isFile(file.mode) && slices.Contains(r.request.TargetFiles, string(file.name)) {
			wanted = append(wanted, file.id)
		}
		return true
	})
	return r.absent(wanted), err
}

// alsoFetch brings the objects if the server gives them out by their ids. If it does not, whoever reads them finds another way.
func (r *Repository) alsoFetch(ctx context.Context, ids []ID) error {
	if len(ids) == 0 {
		return nil
	}
	if _, err := r.partial.server.fetch(ctx, order{wants: ids}); err != nil {
		if lasting(ctx, err) && statusOf(err) == 0 {
			return err
		}
		r.partial.snapshot = true
	}
	return nil
}

// ensureTop fetches a commit and its topmost folder, where Open left them on the server.
func (r *Repository) ensureTop(ctx context.Context, id ID) error {
	if r.partial == nil || r.hasTop(id) {
		return nil
	}
	return r.fetchMore(func() error {
		err := r.fetchTop(ctx, id)
		if err != nil && lasting(ctx, err) || err == nil && r.hasTop(id) {
			return err
		}
		_, err = r.partial.server.fetch(ctx, order{wants: []ID{id}, alone: true})
		return err
	})
}

// fetchTop asks for the commit and its topmost folder alone. To a server that cannot leave out the rest it says that the revision is
// here: what the target has in common with that does not come, and the folder itself does, unless it is the revision's own.
func (r *Repository) fetchTop(ctx context.Context, id ID) error {
	if r.hasTop(id) {
		return nil
	}
	ask := order{wants: []ID{id}, alone: true, topOnly: true}
	if !r.partial.server.filters() {
		ask.haves, ask.cut, ask.thin = []ID{r.revision}, []ID{r.revision}, true
	}
	_, err := r.partial.server.fetch(ctx, ask)
	return errors.Join(err, r.forgetObjects())
}

// hasTop tells whether the commit and its topmost folder are here.
func (r *Repository) hasTop(id ID) bool {
	if !r.Has(id) {
		return false
	}
	commit, err := r.commit(id)
	return err == nil && r.Has(commit.tree)
}

// eachOnTop calls do for the entries of the topmost folder of the commit until it returns false.
func (r *Repository) eachOnTop(id plumbing.Hash, do func(entry) bool) error {
	commit, err := r.commit(id)
	if err != nil {
		return err
	}
	top, err := r.tree(commit.tree)
	for err == nil {
		next, more, readErr := top.next()
		if readErr != nil || !more || !do(next) {
			return readErr
		}
	}
	return err
}
