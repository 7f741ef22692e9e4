package source

import (
	"context"
	"errors"

	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// ErrTooOften says that a repository repeats its folders more often than anybody can visit them.
var ErrTooOften = errors.New("the same folders stand at too many paths")

// mostAgain bounds the entries of folders that are visited at a further path, all together: a few folders nested in one another
// can stand at billions of paths.
const mostAgain = 200_000

// Again visits folders that are Repeated, as far as somebody wants what is in them.
type Again struct {
	repository *Repository
	wanted     func(name string, blob ID) (bool, error)
	holds      map[ID]bool // whether a folder holds something that was wanted
	left       int
}

// Again returns a visitor of repeated folders. wanted says which of the files and links in them are worth a visit, by the name
// without the folders; it may become false, and not true.
func (r *Repository) Again(wanted func(name string, blob ID) (bool, error)) *Again {
	return &Again{repository: r, wanted: wanted, holds: map[ID]bool{}, left: mostAgain}
}

// Visit calls visit for the files and links in the folder that are wanted. It returns ErrTooOften where it comes by more of them,
// and of the folders that hold them, than can be visited, in all calls together.
func (a *Again) Visit(ctx context.Context, repeated Change, visit func(Change) error) error {
	return a.folder(ctx, repeated, visit, 0)
}

func (a *Again) folder(ctx context.Context, at Change, visit func(Change) error, depth int) error {
	holds, err := a.holding(ctx, at.Blob, depth)
	if err != nil || !holds {
		return err
	}
	if a.left--; a.left < 0 {
		return ErrTooOften
	}
	return a.each(at.Blob, func(next entry) error {
		inner := Change{Kind: kindOf(next.mode), Path: at.Path + string(next.name), Blob: next.id, Commit: at.Commit}
		if next.mode == filemode.Dir {
			inner.Path += "/"
			return a.folder(ctx, inner, visit, depth+1)
		}
		if inner.Kind == Submodule {
			return nil
		}
		wanted, err := a.wanted(string(next.name), next.id)
		if err != nil || !wanted {
			return err
		}
		if a.left--; a.left < 0 {
			return ErrTooOften
		}
		return visit(inner)
	})
}

// holding tells whether the folder holds something that is wanted.
func (a *Again) holding(ctx context.Context, id ID, depth int) (holds bool, err error) {
	if known, ok := a.holds[id]; ok || depth > maxDepth {
		return known, nil // of folders that nest too deep, the first visit has told
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	err = a.each(id, func(next entry) error {
		switch {
		case holds, next.mode == filemode.Submodule:
			return nil
		case next.mode == filemode.Dir:
			holds, err = a.holding(ctx, next.id, depth+1)
			return err
		}
		holds, err = a.wanted(string(next.name), next.id)
		return err
	})
	a.holds[id] = holds
	return holds, err
}

// each calls do for the entries of the folder, as far as it can be read: the first visit has told where it cannot.
func (a *Again) each(id ID, do func(entry) error) error {
	tree, err := a.repository.tree(id)
	for err == nil {
		var next entry
		var more bool
		if next, more, err = tree.next(); err != nil || !more {
			break
		}
		if err := do(next); err != nil {
			return err
		}
	}
	if errors.Is(err, errDamagedTree) || errors.Is(err, errTooLarge) {
		return nil
	}
	return err
}
