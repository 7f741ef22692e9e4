package scan

import (
	"context"
	"errors"
	"path/filepath"
	"slices"

	"github.com/scanjob-dev/scanjob/scanner/archive"
	"github.com/scanjob-dev/scanjob/scanner/detect"
)

// heldFile is the size in bytes up to which a file is read as a whole before it is scanned.
const heldFile = 1 << 20

// worker scans one file after the other.
type worker struct {
	*directory
	reader *reader
	buffer []byte
}

// work scans files until there are no more.
func (d *directory) work(ctx context.Context, result *part) error {
	w := &worker{directory: d, reader: &reader{detector: d.options.Engine.Detector(), limits: archive.DefaultLimits()}, buffer: make([]byte, heldFile)}
	for files := range d.files {
		for _, next := range files {
			if err := w.file(ctx, next, result); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *worker) file(ctx context.Context, next file, result *part) error {
	place := w.options.Engine.Place(w.shown(next.path))
	matches, size, err := w.scan(ctx, next, place)
	if err != nil {
		return err
	}
	inName, err := w.reader.detector.ScanPath(ctx, next.path)
	if err != nil {
		return err
	}
	for _, match := range slices.Concat(outside(w.reader.detector.ByPath(place)), outside(inName), matches) {
		if len(result.found) < MaxFindings+1 {
			result.found = append(result.found, numbered{next.number, w.shown(next.path), match})
		}
	}
	result.files++
	result.bytes += size
	w.progress.add(size)
	return nil
}

// scan returns what is in a file, and how many bytes it has. What cannot be read is one of the matches.
func (w *worker) scan(ctx context.Context, next file, place *detect.Place) (_ []found, size int64, err error) {
	if place.Allowed() {
		return nil, 0, nil
	}
	path := filepath.Join(w.root, filepath.FromSlash(next.path))
	n, rest, err := readFile(path, w.buffer, next.path == "")
	if err != nil {
		return []found{{Match: detect.NotScanned("it cannot be opened: " + reason(err))}}, 0, nil
	}
	if rest == nil {
		matches, err := w.reader.readBytes(ctx, w.buffer[:n], place)
		return matches, int64(n), err
	}
	if info, err := rest.Stat(); err == nil {
		size = info.Size()
	}
	var matches []found
	if size > MaxBlobSize {
		matches = []found{limits{blob: MaxBlobSize}.tooLarge(size)}
	} else {
		matches, err = w.reader.read(ctx, rest, size, place)
	}
	err = errors.Join(err, rest.Close())
	if err != nil && ctx.Err() == nil {
		return append(matches, found{Match: detect.NotScanned("it cannot be read: " + reason(err))}), size, nil
	}
	return matches, size, err
}
