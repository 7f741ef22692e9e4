package source

import (
	"bufio"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/memfs"
	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
)

var errNoRepository = errors.New("no Git repository")

// gitDir is where a repository on this disk keeps its things.
type gitDir struct {
	// own is the folder of this working copy: HEAD and the index. common holds what all working copies of the repository
	// share: objects, references and configuration. They differ in a linked working copy only.
	own, common string
}

// findGitDir looks for the repository that path is in, from there upwards, as git does: a folder with a .git folder, a
// linked working copy or submodule with a .git file, or a bare repository.
func findGitDir(path string) (gitDir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return gitDir{}, err
	}
	if _, err := os.Stat(path); err != nil {
		return gitDir{}, err
	}
	for {
		dir, err := gitDirAt(path)
		if err == nil || !errors.Is(err, errNoRepository) {
			return dir, err
		}
		parent := filepath.Dir(path)
		if parent == path {
			return gitDir{}, errNoRepository
		}
		path = parent
	}
}

func gitDirAt(path string) (gitDir, error) {
	dot := filepath.Join(path, ".git")
	info, err := os.Stat(dot)
	switch {
	case err == nil && info.IsDir():
		return openGitDir(dot)
	case err == nil && info.Mode().IsRegular():
		text, err := os.ReadFile(dot)
		if err != nil {
			return gitDir{}, err
		}
		target, ok := strings.CutPrefix(strings.TrimRight(string(text), "\r\n"), "gitdir: ")
		if !ok {
			return gitDir{}, errNoRepository
		}
		return openGitDir(absolute(path, target))
	case err != nil && !errors.Is(err, fs.ErrNotExist) && !isNotDir(path):
		return gitDir{}, err
	}
	return openGitDir(path)
}

func isNotDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

// openGitDir tells whether the folder is one of Git's own: it has a HEAD, and objects there or where commondir points.
func openGitDir(folder string) (gitDir, error) {
	own := os.DirFS(folder)
	if _, err := fs.Lstat(own, "HEAD"); err != nil {
		return gitDir{}, errNoRepository
	}
	dir := gitDir{own: folder, common: folder}
	if text, err := fs.ReadFile(own, "commondir"); err == nil {
		dir.common = absolute(folder, strings.TrimRight(string(text), "\r\n"))
	}
	if info, err := fs.Stat(os.DirFS(dir.common), "objects"); err != nil || !info.IsDir() {
		return gitDir{}, errNoRepository
	}
	return dir, nil
}

func absolute(from, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(from, path)
}

// objectFolders returns the folders with objects: the repository's own, then those that it borrows from, and those borrow
// from. Ones that are gone are left out, as git does.
func (d gitDir) objectFolders() []string {
	const deepest = 5 // as deep as git follows them
	folders := []string{filepath.Join(d.common, "objects")}
	level := folders
	for range deepest {
		var next []string
		for _, folder := range level {
			for _, borrowed := range alternatesOf(folder) {
				info, err := os.Stat(borrowed)
				if err == nil && info.IsDir() && !slices.Contains(folders, borrowed) {
					folders = append(folders, borrowed)
					next = append(next, borrowed)
				}
			}
		}
		level = next
	}
	return folders
}

func alternatesOf(folder string) []string {
	text, err := os.ReadFile(filepath.Join(folder, "info", "alternates"))
	if err != nil {
		return nil
	}
	var alternates []string
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		if line := lines.Text(); line != "" && !strings.HasPrefix(line, "#") {
			alternates = append(alternates, absolute(folder, line))
		}
	}
	return alternates
}

// open opens the storage, which writes nothing.
func (d gitDir) open() (*filesystem.Storage, error) {
	root := osfs.New(d.own)
	if d.common != d.own {
		root = dotgit.NewRepositoryFilesystem(root, osfs.New(d.common))
	}
	if borrowed := d.objectFolders()[1:]; len(borrowed) > 0 {
		list := memfs.New()
		file, err := list.Create(alternatesFile)
		if err != nil {
			return nil, err
		}
		if _, err := file.Write([]byte(strings.Join(borrowed, "\n") + "\n")); err != nil {
			return nil, err
		}
		root = borrowingFilesystem{root, list}
	}
	return filesystem.NewStorageWithOptions(root, cache.NewObjectLRU(objectCacheSize), filesystem.Options{
		ExclusiveAccess: true, KeepDescriptors: true, LargeObjectThreshold: largeObject, AlternatesFS: osfs.New("/"),
	}), nil
}

const alternatesFile = "objects/info/alternates"

// borrowingFilesystem answers the list of borrowed objects with absolute paths of all of them. The library takes relative
// ones to be below the repository, and does not follow those of the folders that it borrows from.
type borrowingFilesystem struct {
	billy.Filesystem
	list billy.Filesystem
}

func (f borrowingFilesystem) Open(name string) (billy.File, error) {
	if filepath.ToSlash(filepath.Clean(name)) == alternatesFile {
		return f.list.Open(alternatesFile)
	}
	return f.Filesystem.Open(name)
}
