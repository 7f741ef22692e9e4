package source

import (
	"context"
	"errors"
	"time"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/failure"
)

const (
	revisionRef = "refs/scan/revision"
	baseRef     = "refs/scan/base"
)

// fetch brings the objects that the mode needs. It asks for exact commits first, which is the least to transfer, and for
// all branches where the server does not give out commits by their id.
func (r *Repository) fetch(ctx context.Context) error {
	begin := time.Now()
	if err := r.storage.Init(); err != nil {
		return r.explain("prepare the work folder", err)
	}
	remote := git.NewRemote(&packStore{Storage: r.storage, ctx: ctx}, &config.RemoteConfig{Name: "origin", URLs: []string{r.request.URL}})
	tips, err := r.list(ctx, remote)
	if err != nil {
		return err
	}
	r.revision = plumbing.NewHash(r.request.Revision)
	depth := 0
	wanted := map[string]ID{revisionRef: r.revision}
	switch {
	case r.request.Mode == contract.ModeTree:
		depth = 1
	case r.request.Mode == contract.ModeChanges && r.request.BaseRevision != "":
		r.base = plumbing.NewHash(r.request.BaseRevision)
		wanted[baseRef] = r.base
	case r.request.Mode == contract.ModeChanges:
		if r.base, err = r.defaultBranch(tips); err != nil {
			return err
		}
		wanted[baseRef] = r.base
	}
	strategy := "commits"
	err = r.fetchSpecs(ctx, remote, depth, git.NoTags, exactSpecs(wanted, tips)...)
	if refused(err) || err == nil && !r.has(wanted) {
		strategy = "branches"
		err = r.fetchSpecs(ctx, remote, 0, git.AllTags, "+refs/heads/*:refs/scan/heads/*")
	}
	if err != nil {
		return r.explain("fetch the repository", err)
	}
	if err := r.requireCommit(contract.EnvRevision, r.revision); err != nil {
		return err
	}
	if !r.base.IsZero() {
		if err := r.requireCommit(contract.EnvBaseRevision, r.base); err != nil {
			return err
		}
	}
	r.request.Log.InfoContext(ctx, "fetched", "repository", r.request.Name, "revision", r.revision.String(), "base", r.Base(),
		"strategy", strategy, "depth", depth, "duration", time.Since(begin).Round(time.Millisecond).String())
	return nil
}

// list returns the references of the remote.
func (r *Repository) list(ctx context.Context, remote *git.Remote) ([]*plumbing.Reference, error) {
	auth, err := r.request.auth(ctx)
	if err != nil {
		return nil, err
	}
	tips, err := remote.ListContext(ctx, &git.ListOptions{Auth: auth})
	if err != nil {
		return nil, r.explain("list the references", err)
	}
	return tips, nil
}

// defaultBranch returns the commit that HEAD of the remote stands at.
func (r *Repository) defaultBranch(tips []*plumbing.Reference) (ID, error) {
	byName := make(map[plumbing.ReferenceName]*plumbing.Reference, len(tips))
	for _, tip := range tips {
		byName[tip.Name()] = tip
	}
	head := byName[plumbing.HEAD]
	for head != nil && head.Type() == plumbing.SymbolicReference {
		head = byName[head.Target()]
	}
	if head == nil || head.Hash().IsZero() {
		return ID{}, failure.Request(nil, "repository %s has no default branch to compare with: name a base revision in %s",
			r.request.Name, contract.EnvBaseRevision)
	}
	return head.Hash(), nil
}

// exactSpecs asks for the commits, by the name of a reference that stands at one, where there is any: every server gives
// those out, also one that refuses ids.
func exactSpecs(wanted map[string]ID, tips []*plumbing.Reference) []config.RefSpec {
	specs := make([]config.RefSpec, 0, len(wanted))
	for ref, id := range wanted {
		from := id.String()
		for _, tip := range tips {
			if tip.Type() == plumbing.HashReference && tip.Hash() == id {
				from = tip.Name().String()
				break
			}
		}
		specs = append(specs, config.RefSpec("+"+from+":"+ref))
	}
	return specs
}

func (r *Repository) fetchSpecs(ctx context.Context, remote *git.Remote, depth int, tags git.TagMode, specs ...config.RefSpec) error {
	auth, err := r.request.auth(ctx)
	if err != nil {
		return err
	}
	err = remote.FetchContext(ctx, &git.FetchOptions{RefSpecs: specs, Depth: depth, Auth: auth, Tags: tags})
	if errors.Is(err, git.NoErrAlreadyUpToDate) {
		return nil
	}
	return err
}

func (r *Repository) has(wanted map[string]ID) bool {
	for _, id := range wanted {
		if r.storage.HasEncodedObject(id) != nil {
			return false
		}
	}
	return true
}

// requireCommit says which environment variable names something that is no commit of the repository.
func (r *Repository) requireCommit(variable string, id ID) error {
	_, err := object.GetCommit(r.storage, id)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return failure.Request(err, "%s %s is no commit of repository %s: the branch may have been deleted or force-pushed; scan its "+
			"current head instead", variable, id, r.request.Name)
	}
	if err != nil {
		return r.explain("read commit "+id.String(), err)
	}
	return nil
}
