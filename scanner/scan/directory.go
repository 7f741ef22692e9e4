package scan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/failure"
)

// DirectoryOptions say how a folder is scanned. All may be left out.
type DirectoryOptions struct {
	// Engine finds. Default: one with the rules for AWS.
	Engine *detect.Engine
	// Workers is how many files are scanned at once. Default: one for each processor.
	Workers int
	// Progress is called for each file that was scanned, by one goroutine at a time.
	Progress func(files int, bytes int64)
	Log      *slog.Logger
}

// directory is one scan of a folder.
type directory struct {
	root    string
	options DirectoryOptions
	files   chan []file
	// One of results for each worker, so that none waits for another.
	results []part
	progress
}

// file is a file to scan. number is its place in the order of the walk.
type file struct {
	number int
	// path is as in a repository: relative to the folder, with slashes.
	path string
}

// batch is how many files go to a worker at once: waking it costs as much as scanning a small file.
const batch = 32

// part is what one worker found.
type part struct {
	found []numbered
	files int
	bytes int64
}

// numbered is what was found in the file of the number, at path.
type numbered struct {
	number int
	path   string
	found  found
}

// Directory scans the files in a folder, without the folders .git in it, and without following symbolic links. root may be a
// single file too. The findings have their paths relative to root, and are the same whatever the number of workers. It stops
// with an error when ctx ends; a file that cannot be read gets a finding of the rule contract.RuleNotScanned.
func Directory(ctx context.Context, root string, options DirectoryOptions) (Result, error) {
	begin := time.Now()
	if options.Workers <= 0 {
		options.Workers = runtime.GOMAXPROCS(0)
	}
	if options.Engine == nil {
		detector, err := detect.New()
		if err != nil {
			return Result{}, err
		}
		options.Engine = detector.Engine()
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	d := &directory{root: root, options: options, files: make(chan []file, 1024/batch), results: make([]part, options.Workers)}
	d.progress.tell = options.Progress
	group, working := errgroup.WithContext(ctx)
	result := Result{}
	group.Go(func() error {
		defer close(d.files)
		return d.walk(working, &result)
	})
	for i := range d.results {
		group.Go(func() error { return d.work(working, &d.results[i]) })
	}
	if err := group.Wait(); err != nil {
		if ctx.Err() != nil {
			return Result{}, context.Cause(ctx)
		}
		return Result{}, err
	}
	if err := d.join(ctx, &result); err != nil {
		return Result{}, err
	}
	options.Log.InfoContext(ctx, "scanned", "files", result.Files, "bytes", result.Bytes, "symlinksNotFollowed", result.Symlinks,
		"findings", len(result.Findings), "duration", time.Since(begin).Round(time.Millisecond).String())
	return result, nil
}

// walk sends the files to the workers, in the order of their names.
func (d *directory) walk(ctx context.Context, result *Result) error {
	info, err := os.Stat(d.root)
	if err != nil {
		return failure.Request(err, "%q cannot be read: %s", d.root, reason(err))
	}
	if !info.IsDir() {
		d.files <- []file{{path: ""}}
		return nil
	}
	number := 0
	next := make([]file, 0, batch)
	send := func() error {
		select {
		case d.files <- next:
			next = make([]file, 0, batch)
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	err = filepath.WalkDir(d.root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil && path == d.root:
			return failure.Request(err, "%q cannot be read: %s", d.root, reason(err))
		case ctx.Err() != nil:
			return ctx.Err()
		case entry.IsDir() && entry.Name() == ".git" && path != d.root && err == nil:
			return filepath.SkipDir
		case entry.Type()&fs.ModeSymlink != 0:
			result.Symlinks++
			return nil
		}
		if err == nil && !entry.Type().IsRegular() {
			return nil
		}
		relative, err := filepath.Rel(d.root, path)
		if err != nil {
			return err
		}
		next = append(next, file{number: number, path: filepath.ToSlash(relative)})
		number++
		if len(next) < batch {
			return nil
		}
		return send()
	})
	if err != nil {
		return err
	}
	return send()
}

// shown is the path of a finding: for a single file, its name.
func (d *directory) shown(path string) string {
	if path == "" {
		return filepath.Base(d.root)
	}
	return path
}

// reason is an error of the file system without the path, which may hold a secret.
func reason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return "unknown error"
}

// join puts the parts together, in the order of the walk. The findings are made here, since the fingerprint of one may depend on
// how many there are before it.
func (d *directory) join(ctx context.Context, result *Result) error {
	var all []numbered
	for _, p := range d.results {
		all = append(all, p.found...)
		result.Files += p.files
		result.Bytes += p.bytes
	}
	slices.SortStableFunc(all, func(a, b numbered) int { return a.number - b.number })
	detector := d.options.Engine.Detector()
	for _, one := range all {
		if len(result.Findings) == MaxFindings {
			result.Findings = append(result.Findings, ofWhole(fmt.Sprintf("more than %d findings, the rest is not listed", MaxFindings)))
			break
		}
		finding, err := detector.Finding(ctx, one.found.Match, one.found.at(one.path), "")
		if err != nil {
			return err
		}
		result.Findings = append(result.Findings, finding)
	}
	slices.SortStableFunc(result.Findings, worstFirst)
	return nil
}
