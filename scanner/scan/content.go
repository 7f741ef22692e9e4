package scan

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/scanjob-dev/scanjob/scanner/archive"
	"github.com/scanjob-dev/scanjob/scanner/detect"
)

// found is a match in a content, or in a file of the archive that the content is.
type found struct {
	detect.Match
	// inner is the path within the archive; empty outside of one.
	inner string
}

// at returns where the match is, for a content at path.
func (f found) at(path string) string {
	if f.inner == "" {
		return path
	}
	return path + archive.Separator + f.inner
}

// headSize is how much of a content tells whether it is an archive or a pointer of Git LFS, which has less than 1,024 bytes.
const headSize = 1024

// mostInArchive bounds the matches in all files of an archive together: each file alone may have detect.MaxMatches, and an archive
// any number of files.
const mostInArchive = MaxFindings

// reader reads one content after the other. It is not for concurrent use.
type reader struct {
	detector *detect.Detector
	limits   archive.Limits
	// tail is memory for the end of a content.
	tail []byte
}

// read returns what is found in a content of so many bytes at the place, and where that is an archive, in what is in it. Its error
// is one of content or of ctx.
func (r *reader) read(ctx context.Context, content io.Reader, size int64, place *detect.Place) ([]found, error) {
	if place.Allowed() {
		return nil, nil
	}
	head, whole, err := begin(content)
	if err != nil {
		return nil, err
	}
	if archive.Is(head) {
		return r.unpack(ctx, whole, size, place)
	}
	end := archive.NewEnd(whole, r.tail)
	matches, err := r.detector.ScanPlace(ctx, end, place)
	all := outside(withPointer(matches, head))
	r.tail = end.Tail()
	if err != nil || !archive.EndsAsZip(r.tail) {
		return all, err
	}
	file, ok := content.(io.ReaderAt)
	if !ok {
		return append(all, found{Match: detect.NotScanned("a zip stands behind its beginning, and it is too large to be opened")}), nil
	}
	return r.withZip(ctx, all, file, size, place)
}

// readBytes is read for a content that is in memory.
func (r *reader) readBytes(ctx context.Context, content []byte, place *detect.Place) ([]found, error) {
	if place.Allowed() {
		return nil, nil
	}
	head := content[:min(len(content), headSize)]
	if archive.Is(head) {
		return r.unpack(ctx, bytes.NewReader(content), int64(len(content)), place)
	}
	matches, err := r.detector.ScanBytes(ctx, content, place)
	all := outside(withPointer(matches, head))
	if err != nil || !archive.EndsAsZip(content) {
		return all, err
	}
	return r.withZip(ctx, all, bytes.NewReader(content), int64(len(content)), place)
}

// withZip adds what is in the zip that stands at the end of the content. What is stored there as it is was found without opening it.
func (r *reader) withZip(ctx context.Context, all []found, content io.ReaderAt, size int64, place *detect.Place) ([]found, error) {
	known := map[string]struct{}{}
	for _, one := range all {
		known[keyOf(one.Match)] = struct{}{}
	}
	within, err := r.visited(ctx, place, func(visit func(archive.File) error) ([]archive.LeftOut, error) {
		return archive.WalkZip(ctx, content, size, r.limits, visit)
	})
	for _, one := range within {
		if _, ok := known[keyOf(one.Match)]; !ok {
			all = append(all, one)
		}
	}
	return all, err
}

// withPointer adds what a content that begins with head points to.
func withPointer(matches []detect.Match, head []byte) []detect.Match {
	if elsewhere, ok := pointer(head); ok {
		return append(matches, elsewhere)
	}
	return matches
}

// unpack returns what is found in the files of an archive of so many bytes.
func (r *reader) unpack(ctx context.Context, content io.Reader, size int64, place *detect.Place) ([]found, error) {
	return r.visited(ctx, place, func(visit func(archive.File) error) ([]archive.LeftOut, error) {
		return archive.Walk(ctx, content, size, r.limits, visit)
	})
}

// visited returns what is found in the files that walk visits, and between them.
func (r *reader) visited(ctx context.Context, place *detect.Place, walk func(visit func(archive.File) error) ([]archive.LeftOut, error)) ([]found, error) {
	var all []found
	full := false
	left, err := walk(func(file archive.File) error {
		within := place
		if file.Path != "" || !file.Between {
			within = place.Within(file.Path)
		}
		matches, err := r.detector.ScanPlace(ctx, file.Content, within)
		if file.Between {
			for i := range matches {
				// It has lines by chance.
				matches[i].Line, matches[i].EndLine, matches[i].Column, matches[i].EndColumn, matches[i].Partner = 0, 0, 0, 0, 0
				matches[i].Excerpt = ""
			}
		} else {
			matches = append(r.detector.ByPath(within), matches...)
		}
		for _, match := range matches {
			if full = len(all) >= mostInArchive; full {
				break
			}
			all = append(all, found{match, file.Path})
		}
		return err
	})
	if full {
		all = append(all, found{Match: detect.NotScanned(fmt.Sprintf("more than %d matches in the files of this archive", mostInArchive))})
	}
	for _, part := range left {
		all = append(all, found{detect.NotScanned(part.Reason), part.Path})
	}
	return all, err
}

// begin returns the first bytes of a content, and a reader of all of it. A file stays one, so that it can be read at any place.
func begin(content io.Reader) (head []byte, whole io.Reader, err error) {
	if file, ok := content.(io.ReaderAt); ok {
		head = make([]byte, headSize)
		n, err := file.ReadAt(head, 0)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, nil, err
		}
		return head[:n], content, nil
	}
	buffered := bufio.NewReaderSize(content, headSize)
	head, err = buffered.Peek(headSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	return slices.Clone(head), buffered, nil
}

func outside(matches []detect.Match) []found {
	if len(matches) == 0 {
		return nil
	}
	all := make([]found, len(matches))
	for i, match := range matches {
		all[i] = found{Match: match}
	}
	return all
}
