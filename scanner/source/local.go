package source

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/failure"
)

// ModeStaged scans what the index of a working copy holds and its HEAD does not. Only local repositories know it.
const ModeStaged = "Staged"

// LocalRequest says what to read of a repository on this disk.
type LocalRequest struct {
	// Path is a working copy, any folder in it, or a bare repository.
	Path string
	// Mode is one of the modes of the contract, or ModeStaged.
	Mode string
	// Revision names the commit to scan: a branch, a tag, an id or its beginning, HEAD~2. Empty means HEAD.
	Revision string
	// BaseRevision names the commit whose history is left out, in the same way; what both have in common is left out. In mode
	// Changes, empty means the default branch: the one of the remote origin, else main, else master. In mode History it means
	// that nothing is left out.
	BaseRevision string
	// IndexFile is the index that mode Staged reads; empty means the one of the working copy. Git names another in the
	// variable GIT_INDEX_FILE of a hook while it commits single files.
	IndexFile string
	Log       *slog.Logger
}

// OpenLocal opens a repository in place. It fetches nothing and writes nothing, and Close removes nothing.
func OpenLocal(ctx context.Context, request LocalRequest) (*Repository, error) {
	dir, err := findGitDir(request.Path)
	switch {
	case errors.Is(err, errNoRepository):
		return nil, failure.Request(err, "%s is not in a Git repository: name a working copy or a bare repository", request.Path)
	case errors.Is(err, fs.ErrNotExist):
		return nil, failure.Request(err, "%s does not exist", request.Path)
	case err != nil:
		return nil, failure.Request(err, "%s cannot be read", request.Path)
	}
	storage, err := dir.open()
	if err != nil {
		return nil, err
	}
	repository := &Repository{
		request: Request{Name: filepath.Base(strings.TrimSuffix(dir.common, "/.git")), Mode: request.Mode, Log: request.Log},
		storage: storage, indexFile: request.IndexFile, borrowed: dir.objectFolders(),
	}
	if err := repository.resolveLocal(ctx, request); err != nil {
		return nil, errors.Join(err, repository.Close())
	}
	return repository, nil
}

// resolveLocal finds the commits that the request names.
func (r *Repository) resolveLocal(ctx context.Context, request LocalRequest) error {
	if err := r.readable(); err != nil {
		return err
	}
	repository, err := git.Open(lenientStorage{r.storage}, nil)
	if err != nil {
		return failure.Request(err, "the repository of %s has no HEAD that can be read", request.Path)
	}
	name := request.Revision
	if name == "" || request.Mode == ModeStaged {
		name = "HEAD"
	}
	r.revision, err = resolve(repository, name)
	if err != nil {
		head, headErr := r.storage.Reference(plumbing.HEAD)
		if unborn := headErr == nil && head.Type() == plumbing.SymbolicReference && name == "HEAD"; unborn {
			if request.Mode == ModeStaged {
				return nil
			}
			return failure.Request(err, "the repository of %s has no commit yet", request.Path)
		}
		return err
	}
	switch {
	case request.Mode == contract.ModeTree, request.Mode == ModeStaged:
		return nil
	case request.BaseRevision != "":
		base, err := resolve(repository, request.BaseRevision)
		if err != nil {
			return err
		}
		r.request.BaseRevision = base.String()
		if request.Mode == contract.ModeChanges {
			r.base = base
		}
	case request.Mode == contract.ModeChanges:
		if r.base, err = localDefaultBranch(ctx, repository, r.request.Log); err != nil {
			return err
		}
	}
	return nil
}

func resolve(repository *git.Repository, name string) (ID, error) {
	id, err := repository.ResolveRevision(plumbing.Revision(name))
	if err != nil {
		return ID{}, failure.Request(err, "%q is no commit of the repository: name a branch, a tag or a commit", name)
	}
	return *id, nil
}

// localDefaultBranch returns the commit of the branch that others are merged into.
func localDefaultBranch(ctx context.Context, repository *git.Repository, log *slog.Logger) (ID, error) {
	for _, name := range []string{
		"refs/remotes/origin/HEAD", "refs/remotes/origin/main", "refs/remotes/origin/master", "refs/heads/main", "refs/heads/master",
	} {
		if id, err := repository.ResolveRevision(plumbing.Revision(name)); err == nil {
			log.InfoContext(ctx, "comparing with the default branch", "reference", name, "base", id.String())
			return *id, nil
		}
	}
	return ID{}, failure.Request(nil, "the repository has no default branch to compare with: name a base revision")
}

// readable refuses the forms of a repository that the library would misread.
func (r *Repository) readable() error {
	settings, err := r.storage.Config()
	if err != nil {
		return failure.Request(err, "the configuration of the repository cannot be read")
	}
	for _, option := range settings.Raw.Section("extensions").Options {
		switch name, value := strings.ToLower(option.Key), strings.ToLower(option.Value); {
		case name == "objectformat" && value != "sha1":
			return failure.Request(nil, "repositories with object ids of %s cannot be read", strings.ToUpper(value))
		case name == "refstorage" && value != "files":
			return failure.Request(nil, "repositories with references in a %s cannot be read: scan a clone with --ref-format=files", value)
		}
	}
	return nil
}

// lenientStorage hides extensions of the configuration from the library, which refuses all that it does not know, also
// those that make no difference to who only reads commits, as worktreeConfig.
type lenientStorage struct{ *filesystem.Storage }

func (lenientStorage) Config() (*config.Config, error) { return config.NewConfig(), nil }
