package source

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/failure"
)

// commit is what a walk needs to know of a commit.
type commit struct {
	tree    ID
	parents []ID
}

func (r *Repository) commit(id ID) (commit, error) {
	kind, content, err := r.object(id)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return commit{}, failure.Request(err, "repository %s lacks commit %s of its history: it is a shallow copy; scan the repository it "+
			"was copied from, or use mode %s", r.request.Name, id, contract.ModeTree)
	}
	if err != nil {
		return commit{}, err
	}
	found, ok := parseCommit(content)
	if !ok || kind != plumbing.CommitObject {
		return commit{}, fmt.Errorf("%w: %s is no commit", errDamagedPack, id)
	}
	return found, nil
}

// parseCommit reads the lines that a commit begins with.
func parseCommit(content []byte) (c commit, ok bool) {
	for {
		line, rest, _ := bytes.Cut(content, []byte("\n"))
		word, id, _ := bytes.Cut(line, []byte(" "))
		switch {
		case !plumbing.IsHash(string(id)):
			return c, ok
		case string(word) == "tree" && !ok:
			c.tree, ok = plumbing.NewHash(string(id)), true
		case string(word) == "parent" && ok:
			c.parents = append(c.parents, plumbing.NewHash(string(id)))
		default:
			return c, ok
		}
		content = rest
	}
}

var errDamagedTree = errors.New("a folder is damaged")

// tree returns the content of a tree.
func (r *Repository) tree(id ID) (entries, error) {
	kind, content, err := r.object(id)
	if err == nil && kind != plumbing.TreeObject {
		err = errDamagedTree
	}
	return content, err
}

// entries are what is left to read of the content of a tree, which is in the order of the names.
type entries []byte

// entry is one thing in a folder.
type entry struct {
	name []byte
	mode filemode.FileMode
	id   ID
}

// next takes the next entry. ok is false at the end.
func (e *entries) next() (next entry, ok bool, err error) {
	if len(*e) == 0 {
		return entry{}, false, nil
	}
	mode, rest, hasMode := bytes.Cut(*e, []byte(" "))
	name, rest, hasName := bytes.Cut(rest, []byte("\x00"))
	if !hasMode || !hasName || len(rest) < idSize || len(mode) > 6 {
		return entry{}, false, errDamagedTree
	}
	for _, digit := range mode {
		if digit < '0' || digit > '7' {
			return entry{}, false, errDamagedTree
		}
		next.mode = next.mode<<3 | filemode.FileMode(digit-'0')
	}
	next.name, next.id = name, ID(rest[:idSize])
	*e = rest[idSize:]
	return next, true, nil
}

// folder finds the entries of a tree by their names, for names that are asked for in their order. Names out of order, which
// git does not write, are not found.
type folder struct {
	rest    entries
	current entry
	held    bool
}

// find returns the entry that stands for the same path as other, if there is one of the same kind: folder or not.
func (f *folder) find(other entry) (entry, bool, error) {
	for {
		if !f.held {
			var err error
			if f.current, f.held, err = f.rest.next(); err != nil || !f.held {
				return entry{}, false, err
			}
		}
		switch order := compareEntries(f.current, other); {
		case order == 0:
			return f.current, true, nil
		case order > 0:
			return entry{}, false, nil
		}
		f.held = false
	}
}

// compareEntries compares names as git orders them: that of a folder as if it ended in a slash.
func compareEntries(a, b entry) int {
	common := min(len(a.name), len(b.name))
	if order := bytes.Compare(a.name[:common], b.name[:common]); order != 0 {
		return order
	}
	return int(a.after(common)) - int(b.after(common))
}

// after returns the byte at a place of the name, or the one that counts as being behind its end.
func (e entry) after(at int) byte {
	switch {
	case at < len(e.name):
		return e.name[at]
	case e.mode == filemode.Dir:
		return '/'
	}
	return 0
}
