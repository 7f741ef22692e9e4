package source

import (
	"context"
	"errors"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// commitsSince returns the commits that came to the revision's history after an ancestor of it, parents before children.
// Where since is no ancestor, because the branch was set back or the repository was made anew, nobody can say which part
// of the history was scanned before, so all of it is returned.
func (r *Repository) commitsSince(ctx context.Context, since ID) ([]ID, error) {
	// Only what the revision reaches was asked for, so a commit that is not there is no ancestor; one that is may belong to
	// another branch, where the server gave out all of them.
	if _, err := object.GetCommit(r.storage, since); err == nil {
		done := map[ID]struct{}{}
		if _, err := r.reach(ctx, since, done); err != nil {
			return nil, err
		}
		commits, err := r.reach(ctx, r.revision, done)
		if err != nil {
			return nil, err
		}
		builds, err := r.buildsOn(commits, since)
		if err != nil {
			return nil, err
		}
		if builds {
			r.base = since
			r.request.Log.InfoContext(ctx, "the history is scanned from the base revision on", "base", since.String(), "commits", len(commits))
			return commits, nil
		}
	} else if !errors.Is(err, plumbing.ErrObjectNotFound) {
		return nil, r.explain("read commit "+since.String(), err)
	}
	r.request.Log.WarnContext(ctx, "the base revision is no ancestor of the revision: the whole history is scanned", "base", since.String(),
		"revision", r.revision.String())
	return r.reach(ctx, r.revision, map[ID]struct{}{})
}

// buildsOn tells whether the revision is the ancestor itself or has a commit, among those that the ancestor does not
// reach, that was made on top of it.
func (r *Repository) buildsOn(commits []ID, ancestor ID) (bool, error) {
	if r.revision == ancestor {
		return true, nil
	}
	for _, id := range commits {
		commit, err := r.commit(id)
		if err != nil {
			return false, err
		}
		if slices.Contains(commit.parents, ancestor) {
			return true, nil
		}
	}
	return false, nil
}
