package source

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/failure"
)

const (
	revisionRef = "refs/scan/revision"
	baseRef     = "refs/scan/base"
)

// errNotGivenOut says that the server does not give out the commits in the way that was tried.
var errNotGivenOut = errors.New("the server does not give out the commits in this way")

// fetch brings the objects that the mode needs. It asks for the changes alone, where those are scanned; then for the commits
// by their ids, which does not depend on where branches move meanwhile; then, because not every server gives those out, for
// references that stand at them; then for everything.
func (r *Repository) fetch(ctx context.Context) error {
	begin := time.Now()
	strategies := []struct {
		name string
		try  func(context.Context) error
	}{{"difference", r.byDifference}, {"commits", r.byID}, {"references", r.byName}, {"branches", r.allBranches}}
	for _, strategy := range strategies {
		if err := r.clear(); err != nil {
			return r.explain("prepare the work folder", err)
		}
		err := strategy.try(ctx)
		if errors.Is(err, errNotGivenOut) {
			continue
		}
		if err != nil {
			return r.explain("fetch the repository", err)
		}
		r.request.Log.InfoContext(ctx, "fetched", "repository", r.request.Name, "revision", r.revision.String(), "base", r.Base(),
			"strategy", strategy.name, "depth", r.depth(), r.partial.explain(), "duration", time.Since(begin).Round(time.Millisecond).String())
		break
	}
	if err := r.requireCommit(contract.EnvRevision, r.revision); err != nil || r.base.IsZero() || r.partial != nil {
		return err
	}
	if r.impliesBase() && r.storage.HasEncodedObject(r.base) != nil {
		return failure.Temporary(nil, "the default branch of repository %s was set back during the fetch", r.request.Name)
	}
	return r.requireCommit(contract.EnvBaseRevision, r.base)
}

// clear makes the storage a new and empty one: a fetch that failed may have left what misleads the next.
func (r *Repository) clear() error {
	if err := errors.Join(r.storage.Close(), r.forgetObjects(), os.RemoveAll(r.folder), os.Mkdir(r.folder, 0o700)); err != nil {
		return err
	}
	r.storage = openStorage(r.folder, false)
	return r.storage.Init()
}

// impliesBase tells whether the base is wherever the default branch stands.
func (r *Repository) impliesBase() bool {
	return r.request.Mode == contract.ModeChanges && r.request.BaseRevision == ""
}

// depth returns how many commits of a history are needed; 0 is all.
func (r *Repository) depth() int {
	if r.request.Mode == contract.ModeTree {
		return 1
	}
	return 0
}

func (r *Repository) byID(ctx context.Context) error {
	if r.impliesBase() {
		tips, err := r.list(ctx)
		if err != nil {
			return err
		}
		if r.base, err = r.defaultBranch(tips); err != nil {
			return err
		}
	}
	wanted := r.wanted()
	var specs []config.RefSpec
	for ref, id := range wanted {
		specs = append(specs, config.RefSpec("+"+id.String()+":"+ref))
	}
	return r.fetchWanted(ctx, wanted, specs)
}

func (r *Repository) byName(ctx context.Context) error {
	tips, err := r.list(ctx)
	if err != nil {
		return err
	}
	if r.impliesBase() {
		if r.base, err = r.defaultBranch(tips); err != nil {
			return err
		}
	}
	wanted := r.wanted()
	var specs []config.RefSpec
	for ref, id := range wanted {
		at := slices.IndexFunc(tips, func(tip *plumbing.Reference) bool { return tip.Type() == plumbing.HashReference && tip.Hash() == id })
		if at < 0 {
			return errNotGivenOut
		}
		specs = append(specs, config.RefSpec("+"+tips[at].Name().String()+":"+ref))
	}
	return r.fetchWanted(ctx, wanted, specs)
}

func (r *Repository) allBranches(ctx context.Context) error {
	if r.impliesBase() {
		tips, err := r.list(ctx)
		if err != nil {
			return err
		}
		if r.base, err = r.defaultBranch(tips); err != nil {
			return err
		}
	}
	return r.fetchSpecs(ctx, 0, git.AllTags, "+refs/heads/*:refs/scan/heads/*")
}

// wanted returns the commits that are asked for, by the name that they get in the storage.
func (r *Repository) wanted() map[string]ID {
	wanted := map[string]ID{revisionRef: r.revision}
	if !r.base.IsZero() {
		wanted[baseRef] = r.base
	}
	return wanted
}

// fetchWanted fetches the specs and returns errNotGivenOut if the wanted commits did not come.
func (r *Repository) fetchWanted(ctx context.Context, wanted map[string]ID, specs []config.RefSpec) error {
	err := r.fetchSpecs(ctx, r.depth(), git.NoTags, specs...)
	if refused(err) {
		return errNotGivenOut
	}
	if err != nil {
		return err
	}
	for _, id := range wanted {
		if r.storage.HasEncodedObject(id) != nil {
			return errNotGivenOut
		}
	}
	return nil
}

// list returns the references of the remote.
func (r *Repository) list(ctx context.Context) ([]*plumbing.Reference, error) {
	auth, err := r.request.auth(ctx)
	if err != nil {
		return nil, err
	}
	tips, err := r.remote(nil).ListContext(ctx, &git.ListOptions{Auth: auth})
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

func (r *Repository) fetchSpecs(ctx context.Context, depth int, tags git.TagMode, specs ...config.RefSpec) error {
	auth, err := r.request.auth(ctx)
	if err != nil {
		return err
	}
	transfer, stop := context.WithCancel(ctx)
	defer stop()
	store := &packStore{Storage: r.storage, ctx: ctx, stop: stop, create: r.createPack}
	err = r.remote(store).FetchContext(transfer, &git.FetchOptions{RefSpecs: specs, Depth: depth, Auth: auth, Tags: tags})
	if store.failed != nil {
		return store.failed
	}
	if errors.Is(err, git.NoErrAlreadyUpToDate) {
		return nil
	}
	return err
}

func (r *Repository) remote(store storage.Storer) *git.Remote {
	return git.NewRemote(store, &config.RemoteConfig{Name: "origin", URLs: []string{r.request.URL}})
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
