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

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/archive"
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
	files   chan file
	// One of results for each worker, so that none waits for another.
	results []part
	progress
}

// file is a file to scan. number is its place in the order of the walk.
type file struct {
	number int
	// path is as in a repository: relative to the folder, with slashes.
	path string
	size int64
}

// part is what one worker found.
type part struct {
	findings []numbered
	files    int
	bytes    int64
}

type numbered struct {
	number  int
	finding contract.Finding
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
	d := &directory{root: root, options: options, files: make(chan file, 1024), results: make([]part, options.Workers)}
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
	d.join(&result)
	options.Log.InfoContext(ctx, "scanned", "files", result.Files, "bytes", result.Bytes, "symlinksNotFollowed", result.Symlinks,
		"findings", len(result.Findings), "duration", time.Since(begin).Round(time.Millisecond).String())
	return result, nil
}

// walk sends the files to the workers, in the order of their names.
func (d *directory) walk(ctx context.Context, result *Result) error {
	number := 0
	info, err := os.Stat(d.root)
	if err != nil {
		return failure.Request(err, "%q cannot be read: %s", d.root, reason(err))
	}
	if !info.IsDir() {
		d.files <- file{path: "", size: info.Size()}
		return nil
	}
	return filepath.WalkDir(d.root, func(path string, entry fs.DirEntry, err error) error {
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
		relative, relativeErr := filepath.Rel(d.root, path)
		if relativeErr != nil {
			return relativeErr
		}
		next := file{number: number, path: filepath.ToSlash(relative), size: sizeOf(entry)}
		number++
		select {
		case d.files <- next:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

// sizeOf is 0 for what is gone meanwhile; opening it tells.
func sizeOf(entry fs.DirEntry) int64 {
	if info, err := entry.Info(); err == nil {
		return info.Size()
	}
	return 0
}

// work scans files until there are no more.
func (d *directory) work(ctx context.Context, result *part) error {
	detector := d.options.Engine.Detector()
	r := &reader{detector: detector, limits: archive.DefaultLimits()}
	for next := range d.files {
		place := d.options.Engine.Place(d.shown(next.path))
		matches, err := d.scan(ctx, r, next, place)
		if err != nil {
			return err
		}
		inName, err := detector.ScanPath(ctx, next.path)
		if err != nil {
			return err
		}
		for _, match := range slices.Concat(outside(detector.ByPath(place)), outside(inName), matches) {
			finding, err := detector.Finding(ctx, match.Match, match.at(d.shown(next.path)), "")
			if err != nil {
				return err
			}
			if len(result.findings) < MaxFindings {
				result.findings = append(result.findings, numbered{next.number, finding})
			}
		}
		result.files++
		result.bytes += next.size
		d.progress.add(next.size)
	}
	return nil
}

// shown is the path of a finding: for a single file, its name.
func (d *directory) shown(path string) string {
	if path == "" {
		return filepath.Base(d.root)
	}
	return path
}

// scan returns what is in a file. What cannot be read is one of the matches.
func (d *directory) scan(ctx context.Context, r *reader, next file, place *detect.Place) (_ []found, err error) {
	if place.Allowed() {
		return nil, nil
	}
	if next.size > MaxBlobSize {
		return []found{tooLarge(next.size)}, nil
	}
	opened, err := os.Open(filepath.Join(d.root, filepath.FromSlash(next.path)))
	if err != nil {
		return []found{{Match: detect.NotScanned("it cannot be opened: " + reason(err))}}, nil
	}
	matches, err := r.read(ctx, opened, next.size, place)
	err = errors.Join(err, opened.Close())
	if err != nil && ctx.Err() == nil {
		return append(matches, found{Match: detect.NotScanned("it cannot be read: " + reason(err))}), nil
	}
	return matches, err
}

// reason is an error of the file system without the path, which may hold a secret.
func reason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return "unknown error"
}

// join puts the parts together, in the order of the walk.
func (d *directory) join(result *Result) {
	var all []numbered
	for _, p := range d.results {
		all = append(all, p.findings...)
		result.Files += p.files
		result.Bytes += p.bytes
	}
	slices.SortStableFunc(all, func(a, b numbered) int { return a.number - b.number })
	for _, one := range all {
		if len(result.Findings) == MaxFindings {
			result.Findings = append(result.Findings, contract.Finding{
				Rule: contract.RuleNotScanned, Severity: contract.SeverityMedium,
				Description: fmt.Sprintf("more than %d findings, the rest is not listed", MaxFindings),
			})
			break
		}
		result.Findings = append(result.Findings, one.finding)
	}
	slices.SortStableFunc(result.Findings, worstFirst)
}
