package source

import (
	"context"
	"errors"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"

	"github.com/scanjob-dev/scanjob/api/contract"
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
	// Folder is a folder that none of the parents has at its path. What is in it follows, or that it is Repeated.
	Folder
	// TooDeep is a folder below more than maxDepth others; what is in it is not scanned.
	TooDeep
	// Repeated is a folder whose content was visited at another path. What is in it does not follow; Again visits it.
	Repeated
	// Unreadable is a folder that is damaged or too large to be read; what is in it is not scanned, or not all of it.
	Unreadable
)

// maxDepth bounds how deep folders may nest: a path of CodeCommit has at most 4,096 characters, so it has no more.
const maxDepth = 2048

// Change is one thing that a scan has to look at.
type Change struct {
	Kind Kind
	// Path is the path in the repository, in the bytes that Git has for it. That of a folder ends in a slash.
	Path string
	// Blob is the id of the content of a File or Symlink, and that of a folder that is Repeated.
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
	w := &walk{ctx: ctx, repository: r, visit: visit, whole: map[ID]string{}}
	if r.request.Mode == contract.ModeTree {
		commit, err := r.commit(r.revision)
		if err != nil {
			return Walked{}, err
		}
		return Walked{Commits: 1}, w.tree("", commit.tree, nil, 0)
	}
	if r.order == nil {
		commits, err := r.commits(ctx)
		if err != nil {
			return Walked{}, err
		}
		r.order = &commits
	}
	commits := *r.order
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
		for _, parent := range commit.parents {
			stack = append(stack, visit{id: parent})
		}
	}
	return order, nil
}

// walk goes through trees.
type walk struct {
	ctx        context.Context //nolint:containedctx // Lives for one call of Changes.
	repository *Repository
	visit      func(Change) error
	commit     string
	// whole are the trees that were visited with all that is in them, and where; a second visit would bring the same blobs, and a
	// repository could be made to hold billions of paths by nesting the same folder.
	whole map[ID]string
	// missing, unless nil, is told of trees that are not here, which then count as empty.
	missing func(ID)
}

func (w *walk) oneCommit(id ID) error {
	commit, err := w.repository.commit(id)
	if err != nil {
		return err
	}
	var parents []ID
	for _, parentID := range commit.parents {
		parent, err := w.repository.commit(parentID)
		if err != nil {
			return err
		}
		if parent.tree == commit.tree {
			return nil
		}
		parents = append(parents, parent.tree)
	}
	w.commit = id.String()
	return w.tree("", commit.tree, parents, 0)
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
		if first, ok := w.whole[id]; ok {
			if first == path {
				return nil
			}
			return w.visit(Change{Kind: Repeated, Path: path, Blob: id, Commit: w.commit})
		}
		w.whole[id] = path
	}
	tree, err := w.repository.tree(id)
	if w.lacks(id, err) {
		return nil
	}
	earlier := make([]folder, len(before))
	for i, other := range before {
		if err != nil {
			break
		}
		earlier[i].rest, err = w.repository.tree(other)
		if w.lacks(other, err) {
			return nil
		}
	}
	for err == nil {
		next, more, damage := tree.next()
		if err = damage; damage != nil || !more {
			break
		}
		if err := w.entry(path, next, earlier, depth); err != nil {
			return err
		}
	}
	if errors.Is(err, errDamagedTree) || errors.Is(err, errTooLarge) {
		return w.visit(Change{Kind: Unreadable, Path: path, Commit: w.commit})
	}
	return err
}

// lacks tells whether the tree was not there, for a walk that goes on then.
func (w *walk) lacks(id ID, err error) bool {
	if w.missing == nil || !errors.Is(err, plumbing.ErrObjectNotFound) {
		return false
	}
	w.missing(id)
	return true
}

func (w *walk) entry(above string, entry entry, earlier []folder, depth int) error {
	var trees, files []ID
	for i := range earlier {
		old, ok, err := earlier[i].find(entry)
		switch {
		case err != nil:
			return err
		case !ok:
		case old.id == entry.id && kindOf(old.mode) == kindOf(entry.mode):
			return nil
		case old.mode == filemode.Dir:
			trees = append(trees, old.id)
		case kindOf(old.mode) != Submodule:
			files = append(files, old.id)
		}
	}
	path := above + string(entry.name)
	if entry.mode == filemode.Dir {
		path += "/"
		if len(trees) == 0 {
			if err := w.visit(Change{Kind: Folder, Path: path, Commit: w.commit}); err != nil {
				return err
			}
		}
		return w.tree(path, entry.id, trees, depth+1)
	}
	return w.visit(Change{Kind: kindOf(entry.mode), Path: path, Blob: entry.id, Commit: w.commit, Before: files})
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
