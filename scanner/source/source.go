// Package source brings a Git repository to the local disk and says which files a scan has to read. It never checks files
// out: what a repository holds only ever is data in Git's own storage.
package source

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/failure"
)

// ID is the id of a Git object.
type ID = plumbing.Hash

const (
	// objectCacheSize bounds the objects that stay in memory for the deltas that build on them.
	objectCacheSize = 64 * cache.MiByte
	// largeObject is the size from which an object is streamed from the pack instead of being held in memory.
	largeObject = 32 << 20
)

// Request says what to fetch.
type Request struct {
	// URL is the Git URL, without credentials: http, https, git or file.
	URL string
	// Auth is contract.AuthCodeCommit or empty.
	Auth string
	// Name is the repository's name for messages.
	Name string
	// Revision is the commit to scan.
	Revision string
	// BaseRevision is the commit whose history is left out. In mode Changes, empty means the default branch, or nothing where
	// that holds the revision. In mode History, empty means that nothing is left out, and so does a commit that is no
	// ancestor of the revision.
	BaseRevision string
	// Mode is one of the modes of the contract.
	Mode string
	// TargetFiles are names of files that TargetFile will be asked for. Where only the changes are fetched, they come with them.
	TargetFiles []string
	// Credentials and Region sign the access to CodeCommit.
	Credentials aws.CredentialsProvider
	Region      string
	// WorkDir is the folder in which the repository gets a temporary folder of its own.
	WorkDir string
	Log     *slog.Logger
}

// Repository is a repository that was fetched, or one on this disk. It is not for concurrent use.
type Repository struct {
	request  Request
	folder   string
	storage  *filesystem.Storage
	revision ID
	base     ID // zero where nothing is left out
	parents  parentBlobs
	// indexFile is the index that mode Staged reads, where it is not the one of the working copy.
	indexFile string
	// borrowed are the folders with objects of a repository on this disk.
	borrowed []string
	objects  *objects // nil until something is read
	reader   *objectReader
	surveyed map[ID]struct{}
	order    *[]ID       // the commits of the first walk; nil before it
	partial  *difference // nil where whole histories or snapshots are here
	// createPack makes the file in the folder that a pack is written to.
	createPack func(folder string) (*os.File, error)
}

// Open fetches what the request needs into a new folder below WorkDir. Its errors are *failure.Error where their class is
// known. The caller closes the repository.
func Open(ctx context.Context, request Request) (*Repository, error) {
	if err := request.validate(); err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp(request.WorkDir, "scan-")
	if err != nil {
		return nil, failure.Request(err, "the work folder %s cannot be written: mount a volume there that user 65532 may write, "+
			"or name another folder in SCANJOB_WORKDIR", request.WorkDir)
	}
	repository := &Repository{
		request: request, folder: folder, storage: openStorage(folder, false), createPack: createPack,
		revision: plumbing.NewHash(request.Revision),
	}
	if request.Mode == contract.ModeChanges {
		repository.base = plumbing.NewHash(request.BaseRevision)
	}
	err = repository.fetch(ctx)
	if err == nil {
		err = repository.reopen()
	}
	if err != nil {
		return nil, errors.Join(err, repository.Close())
	}
	return repository, nil
}

// reopen opens the storage of a fetched repository as one that is complete.
func (r *Repository) reopen() error {
	err := errors.Join(r.storage.Close(), r.forgetObjects())
	r.storage = openStorage(r.folder, true)
	return err
}

// openStorage opens the storage in the folder. One that is complete is faster, because it lists the packs once.
func openStorage(folder string, complete bool) *filesystem.Storage {
	return filesystem.NewStorageWithOptions(osfs.New(folder), cache.NewObjectLRU(objectCacheSize),
		filesystem.Options{ExclusiveAccess: complete, KeepDescriptors: true, LargeObjectThreshold: largeObject})
}

// Close removes the repository from the disk, if it was fetched.
func (r *Repository) Close() error {
	err := errors.Join(r.storage.Close(), r.forgetObjects())
	if r.folder == "" {
		return err
	}
	return errors.Join(err, os.RemoveAll(r.folder))
}

// Base returns the commit whose history a scan left out, or an empty text. It is known once Changes has begun to visit.
func (r *Repository) Base() string {
	if r.base.IsZero() {
		return ""
	}
	return r.base.String()
}
