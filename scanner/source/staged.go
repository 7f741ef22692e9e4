package source

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/index"

	"github.com/scanjob-dev/scanjob/scanner/failure"
)

// Staged calls visit for what the index holds and HEAD does not, in the order of the paths: what the next commit would
// bring. Before there is a commit, that is everything in the index.
func (r *Repository) Staged(ctx context.Context, visit func(Change) error) error {
	staged, err := r.index()
	if err != nil {
		return err
	}
	head := &headTree{repository: r, folders: map[string]headFolder{}}
	if !r.revision.IsZero() {
		commit, err := r.commit(r.revision)
		if err != nil {
			return err
		}
		head.root = commit.tree
	}
	for _, entry := range staged.Entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		// A file with conflicts has the common ancestor as its first stage; that is in the history already.
		if entry.Stage == index.AncestorMode {
			continue
		}
		if err := r.stagedEntry(head, entry, visit); err != nil {
			return err
		}
	}
	return nil
}

func (r *Repository) stagedEntry(head *headTree, entry *index.Entry, visit func(Change) error) error {
	folder, err := head.folder(path.Dir(entry.Name))
	if err != nil {
		return err
	}
	change := Change{Kind: kindOf(entry.Mode), Path: entry.Name, Blob: entry.Hash}
	if old, ok := folder[path.Base(entry.Name)]; ok {
		if old.id == entry.Hash && kindOf(old.mode) == change.Kind {
			return nil
		}
		if old.mode != filemode.Dir && kindOf(old.mode) != Submodule {
			change.Before = []ID{old.id}
		}
	}
	return visit(change)
}

func (r *Repository) index() (*index.Index, error) {
	staged := &index.Index{}
	file, err := r.openIndex()
	if errors.Is(err, fs.ErrNotExist) {
		return staged, nil // nothing was ever added
	}
	if err != nil {
		return nil, failure.Request(err, "the index of the repository cannot be read")
	}
	err = index.NewDecoder(file).Decode(staged)
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, failure.Request(err, "the index of the repository is damaged, or has a form that is not supported (a sparse or split index)")
	}
	return staged, nil
}

func (r *Repository) openIndex() (io.ReadCloser, error) {
	if r.indexFile != "" {
		return os.Open(r.indexFile)
	}
	return r.storage.Filesystem().Open("index")
}

// headTree reads the folders of HEAD's tree as they are asked for.
type headTree struct {
	repository *Repository
	root       ID // zero before there is a commit
	folders    map[string]headFolder
}

// headFolder are the entries of a folder by name.
type headFolder map[string]entry

// folder returns the folder of HEAD at the path; one that HEAD does not have is empty.
func (t *headTree) folder(name string) (headFolder, error) {
	if known, ok := t.folders[name]; ok {
		return known, nil
	}
	id := t.root
	if name != "." {
		parent, err := t.folder(path.Dir(name))
		if err != nil {
			return nil, err
		}
		entry := parent[path.Base(name)]
		if id = entry.id; entry.mode != filemode.Dir {
			id = ID{}
		}
	}
	var folder headFolder
	if !id.IsZero() {
		tree, err := t.repository.tree(id)
		if err != nil {
			return nil, err
		}
		folder = headFolder{}
		for {
			next, more, err := tree.next()
			if err != nil {
				return nil, err
			}
			if !more {
				break
			}
			folder[string(next.name)] = next
		}
	}
	t.folders[name] = folder
	return folder, nil
}
