package source

import (
	"context"
	"errors"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/failure"
)

// Kind says what stands at a path.
type Kind int

// The kinds of a Change.
const (
	// File is a file whose content is to be scanned.
	File Kind = iota
	// Symlink is a symbolic link. Its content is the text that it points to; nobody follows it.
	Symlink
	// Submodule is a link to a commit of another repository; nobody fetches it.
	Submodule
	// Folder is a folder that none of the parents has at its path. What is in it follows, unless a folder with the same
	// content was visited before.
	Folder
	// TooDeep is a folder below more than maxDepth others; what is in it is not scanned.
	TooDeep
)

// maxDepth bounds how deep folders may nest: a path of CodeCommit has at most 4,096 characters, so it has no more.
const maxDepth = 2048

// Change is one thing that a scan has to look at.
type Change struct {
	Kind Kind
	// Path is the path in the repository, in the bytes that Git has for it. That of a folder ends in a slash.
	Path string
	// Blob is the id of the content of a File or Symlink.
	Blob ID
	// Commit is the commit that brought it; empty in the modes Tree and Staged.
	Commit string
	// Before are the contents of the files and links at the same path in the parents of the commit.
	Before []ID
}

// Walked counts what a walk saw.
type Walked struct {
	Commits int
}

// Changes calls visit for everything that the mode has to look at, oldest commit first. In the modes Changes and History
// that is, commit by commit, what differs from all parents of the commit: a merge brings only what none of its parents
// has. In mode Tree it is everything in the revision, in mode Staged what Staged visits. What is in a folder is visited once, and not again where a folder
// with the same content stands at another path.
func (r *Repository) Changes(ctx context.Context, visit func(Change) error) (Walked, error) {
	if r.request.Mode == ModeStaged {
		return Walked{}, r.Staged(ctx, visit)
	}
	w := &walk{ctx: ctx, repository: r, visit: visit, whole: map[ID]struct{}{}}
	if r.request.Mode == contract.ModeTree {
		commit, err := object.GetCommit(r.storage, r.revision)
		if err != nil {
			return Walked{}, err
		}
		return Walked{Commits: 1}, w.tree("", commit.TreeHash, nil, 0)
	}
	commits, err := r.commits(ctx)
	if err != nil {
		return Walked{}, err
	}
	for _, id := range commits {
		if err := w.oneCommit(id); err != nil {
			return Walked{}, err
		}
	}
	return Walked{Commits: len(commits)}, nil
}

// commits returns the commits that are reachable from the revision and not from the base, parents before children.
//
// A base that nobody named is left aside where it holds the revision already, as after the first push of a repository or
// after a merge: a scan of nothing would call clean what nobody looked at.
func (r *Repository) commits(ctx context.Context) ([]ID, error) {
	if r.request.Mode == contract.ModeHistory && r.request.BaseRevision != "" {
		return r.commitsSince(ctx, plumbing.NewHash(r.request.BaseRevision))
	}
	done := map[ID]struct{}{}
	if r.partial != nil {
		for _, id := range r.partial.edge {
			done[id] = struct{}{}
		}
		return r.reach(ctx, r.revision, done)
	}
	if !r.base.IsZero() {
		if _, err := r.reach(ctx, r.base, done); err != nil {
			return nil, err
		}
	}
	if _, ok := done[r.revision]; ok && r.request.BaseRevision == "" {
		r.request.Log.InfoContext(ctx, "the revision is on the default branch already, so its whole history is scanned", "base", r.Base())
		r.base = ID{}
		clear(done)
	}
	return r.reach(ctx, r.revision, done)
}

// reach returns the commits that are reachable from tip and not in done, parents before children, and adds them to done.
func (r *Repository) reach(ctx context.Context, tip ID, done map[ID]struct{}) ([]ID, error) {
	type visit struct {
		id      ID
		parents bool // whether its parents were visited
	}
	var order []ID
	stack := []visit{{id: tip}}
	for len(stack) > 0 {
		top := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if top.parents {
			order = append(order, top.id)
			continue
		}
		if _, ok := done[top.id]; ok {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		done[top.id] = struct{}{}
		commit, err := r.commit(top.id)
		if err != nil {
			return nil, err
		}
		stack = append(stack, visit{id: top.id, parents: true})
		for _, parent := range commit.ParentHashes {
			stack = append(stack, visit{id: parent})
		}
	}
	return order, nil
}

func (r *Repository) commit(id ID) (*object.Commit, error) {
	commit, err := object.GetCommit(r.storage, id)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return nil, failure.Request(err, "repository %s lacks commit %s of its history: it is a shallow copy; scan the repository it "+
			"was copied from, or use mode %s", r.request.Name, id, contract.ModeTree)
	}
	return commit, err
}

// walk goes through trees.
type walk struct {
	ctx        context.Context //nolint:containedctx // Lives for one call of Changes.
	repository *Repository
	visit      func(Change) error
	commit     string
	// whole are the trees that were visited with all that is in them; a second visit would bring the same blobs, and a
	// repository could be made to hold billions of paths by nesting the same folder.
	whole map[ID]struct{}
	// missing, unless nil, is told of trees that are not here, which then count as empty.
	missing func(ID)
}

func (w *walk) oneCommit(id ID) error {
	commit, err := w.repository.commit(id)
	if err != nil {
		return err
	}
	var parents []ID
	for _, parentID := range commit.ParentHashes {
		parent, err := w.repository.commit(parentID)
		if err != nil {
			return err
		}
		if parent.TreeHash == commit.TreeHash {
			return nil
		}
		parents = append(parents, parent.TreeHash)
	}
	w.commit = id.String()
	return w.tree("", commit.TreeHash, parents, 0)
}

// tree visits what is in the tree and in none of the trees before, which stand at the same path.
func (w *walk) tree(path string, id ID, before []ID, depth int) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if depth > maxDepth {
		return w.visit(Change{Kind: TooDeep, Path: path, Commit: w.commit})
	}
	if len(before) == 0 {
		if _, ok := w.whole[id]; ok {
			return nil
		}
		w.whole[id] = struct{}{}
	}
	tree, err := object.GetTree(w.repository.storage, id)
	if w.lacks(id, err) {
		return nil
	}
	if err != nil {
		return err
	}
	earlier := make([]map[string]object.TreeEntry, 0, len(before))
	for _, other := range before {
		entries, err := w.entries(other)
		if w.lacks(other, err) {
			return nil
		}
		if err != nil {
			return err
		}
		earlier = append(earlier, entries)
	}
	for _, entry := range tree.Entries {
		if err := w.entry(path+entry.Name, entry, earlier, depth); err != nil {
			return err
		}
	}
	return nil
}

// lacks tells whether the tree was not there, for a walk that goes on then.
func (w *walk) lacks(id ID, err error) bool {
	if w.missing == nil || !errors.Is(err, plumbing.ErrObjectNotFound) {
		return false
	}
	w.missing(id)
	return true
}

func (w *walk) entries(id ID) (map[string]object.TreeEntry, error) {
	tree, err := object.GetTree(w.repository.storage, id)
	if err != nil {
		return nil, err
	}
	entries := make(map[string]object.TreeEntry, len(tree.Entries))
	for _, entry := range tree.Entries {
		entries[entry.Name] = entry
	}
	return entries, nil
}

func (w *walk) entry(path string, entry object.TreeEntry, earlier []map[string]object.TreeEntry, depth int) error {
	var trees, files []ID
	for _, entries := range earlier {
		old, ok := entries[entry.Name]
		switch {
		case !ok:
		case old.Hash == entry.Hash && kindOf(old.Mode) == kindOf(entry.Mode):
			return nil
		case old.Mode == filemode.Dir:
			trees = append(trees, old.Hash)
		case kindOf(old.Mode) != Submodule:
			files = append(files, old.Hash)
		}
	}
	if entry.Mode == filemode.Dir {
		path += "/"
		if len(trees) == 0 {
			if err := w.visit(Change{Kind: Folder, Path: path, Commit: w.commit}); err != nil {
				return err
			}
		}
		return w.tree(path, entry.Hash, trees, depth+1)
	}
	return w.visit(Change{Kind: kindOf(entry.Mode), Path: path, Blob: entry.Hash, Commit: w.commit, Before: files})
}

func kindOf(mode filemode.FileMode) Kind {
	switch mode {
	case filemode.Symlink:
		return Symlink
	case filemode.Submodule:
		return Submodule
	}
	return File
}
