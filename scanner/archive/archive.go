// Package archive opens archives and compressed files, also ones in others, in bounded time and memory: zip (jar, whl, docx
// and all that is one), tar, gzip, bzip2, xz and zstd. Names in an archive are only ever told, never opened.
package archive

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/xi2/xz"
)

// Separator stands between the path of an archive and that of what is in it.
const Separator = "!"

// Limits bound what is read of one archive with all that is in it.
type Limits struct {
	// Depth is how many archives may nest.
	Depth int
	// Entries bounds the files.
	Entries int
	// Bytes bounds what they hold, unpacked.
	Bytes int64
	// Ratio bounds the unpacked bytes for each packed one, beyond Slack bytes.
	Ratio int64
	// Slack is how much may be unpacked whatever the ratio.
	Slack int64
	// Spool is how much of a zip that is in another archive is kept in memory, since a zip is read from its end. A larger one is
	// left out.
	Spool int64
}

// DefaultLimits let through what people put into repositories: deflate cannot do better than 1,032 to 1
// (https://zlib.net/zlib_tech.html), and text that is not made to be a bomb comes to some 20 to 1. Images of empty disks are
// worse; the slack is for them.
func DefaultLimits() Limits {
	return Limits{Depth: 5, Entries: 100_000, Bytes: 2 << 30, Ratio: 100, Slack: 256 << 20, Spool: 128 << 20}
}

// File is a file in an archive.
type File struct {
	// Path leads to the file within the outermost archive, with Separator between archives. It is empty for the content of a
	// compressed file without a name.
	Path    string
	Content io.Reader
	// Between tells that it is no file: what stands between the files of the archive at Path, such as their names and comments.
	Between bool
}

// LeftOut is what could not be read, and why.
type LeftOut struct {
	// Path is as in File; empty for the whole.
	Path   string
	Reason string
}

// Is says whether content that begins with head, of which up to 512 bytes count, can be opened.
func Is(head []byte) bool { return sniff(head) != none }

// Walk opens the content, which has so many bytes, and calls visit for each file in it, in the order of the archive. What
// is in an archive in it is visited too. It returns what was left out for a limit, or because it is damaged or encrypted;
// its error is one of visit or of ctx.
func Walk(ctx context.Context, content io.Reader, size int64, limits Limits, visit func(File) error) ([]LeftOut, error) {
	return walk(ctx, size, limits, visit, func(w *walker) error { return w.open("", content, size, 0) })
}

// WalkZip is Walk for a zip that stands at the end of the content, whatever that begins with.
func WalkZip(ctx context.Context, content io.ReaderAt, size int64, limits Limits, visit func(File) error) ([]LeftOut, error) {
	return walk(ctx, size, limits, visit, func(w *walker) error {
		err := w.zip("", source{io.NewSectionReader(content, 0, size), nil, size}, 1)
		return w.tellDamage("", err)
	})
}

func walk(ctx context.Context, size int64, limits Limits, visit func(File) error, open func(w *walker) error) ([]LeftOut, error) {
	w := &walker{ctx: ctx, limits: limits, visit: visit, entries: limits.Entries}
	w.bytes = min(limits.Bytes, max(limits.Slack, saturated(size, limits.Ratio)))
	err := open(w)
	var stopped *stop
	if errors.As(err, &stopped) {
		return append(w.leftOut, stopped.leftOut), nil
	}
	return w.leftOut, err
}

func saturated(size, ratio int64) int64 {
	const most = 1 << 62
	if size > most/max(ratio, 1) {
		return most
	}
	return size * ratio
}

// stop ends the walk because a limit of the whole is reached.
type stop struct{ leftOut LeftOut }

func (s *stop) Error() string { return s.leftOut.Reason }

// visitError tells an error of visit from one of an archive.
type visitError struct{ error }

func (e visitError) Unwrap() error { return e.error }

type walker struct {
	ctx     context.Context //nolint:containedctx // Lives for one call of Walk.
	limits  Limits
	visit   func(File) error
	leftOut []LeftOut
	// entries and bytes are what is left of the limits.
	entries int
	bytes   int64
	// tail is memory for the end of a file.
	tail []byte
}

func (w *walker) leave(path, format string, arguments ...any) {
	const most = 100
	if len(w.leftOut) < most {
		w.leftOut = append(w.leftOut, LeftOut{Path: path, Reason: fmt.Sprintf(format, arguments...)})
	}
}

// open goes into content, which is at path and may be an archive.
func (w *walker) open(path string, content io.Reader, size int64, depth int) error {
	if err := w.ctx.Err(); err != nil {
		return visitError{context.Cause(w.ctx)}
	}
	if w.entries == 0 {
		return &stop{LeftOut{Path: path, Reason: fmt.Sprintf("there are more than %d files in the archive", w.limits.Entries)}}
	}
	w.entries--
	buffered := bufio.NewReaderSize(content, 4<<10)
	head, err := buffered.Peek(sniffed)
	if err != nil && !errors.Is(err, io.EOF) && len(head) == 0 {
		return err
	}
	what := sniff(head)
	if what == none {
		return w.file(path, buffered)
	}
	if depth == w.limits.Depth {
		w.leave(path, "archives nest deeper than %d", w.limits.Depth)
		return nil
	}
	return w.tellDamage(path, w.unpack(what, path, source{content, buffered, size}, depth+1))
}

// tellDamage notes an error of the archive at path, and returns one that ends the walk.
func (w *walker) tellDamage(path string, err error) error {
	var stopped *stop
	var visited visitError
	switch {
	case err == nil:
	case errors.As(err, &stopped), errors.As(err, &visited):
		return err
	case errors.Is(err, xz.ErrMemlimit), errors.Is(err, zstd.ErrWindowSizeExceeded):
		w.leave(path, "it asks for more memory to be unpacked than %d MiB", memoryOfDecoders>>20)
	default:
		w.leave(path, "the archive cannot be read to its end: it is damaged, encrypted or of a form that is not known")
	}
	return nil
}

// file visits a file that is no archive.
func (w *walker) file(path string, content io.Reader) error {
	end := NewEnd(content, w.tail)
	reader := &lenient{content: end}
	if err := w.visit(File{Path: path, Content: reader}); err != nil {
		return visitError{err}
	}
	w.tail = end.Tail()
	if EndsAsZip(w.tail) {
		w.leave(path, "a zip stands behind its beginning, in another archive")
	}
	var stopped *stop
	if errors.As(reader.err, &stopped) && stopped.leftOut.Path == "" {
		stopped.leftOut.Path = path
	}
	return reader.err
}

// lenient ends where its content fails, and keeps the error: what came until then is scanned, and that it was not all is told.
type lenient struct {
	content io.Reader
	err     error
}

func (l *lenient) Read(p []byte) (int, error) {
	if l.err != nil {
		return 0, io.EOF
	}
	n, err := l.content.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		l.err = err
		err = io.EOF
	}
	return n, err
}

// counting counts what is unpacked, at every level, so that nested bombs do not get through.
type counting struct {
	w       *walker
	content io.Reader
}

func (c *counting) Read(p []byte) (int, error) {
	if c.w.ctx.Err() != nil {
		return 0, visitError{context.Cause(c.w.ctx)}
	}
	if c.w.bytes <= 0 {
		return 0, &stop{LeftOut{Reason: "the archive unpacks to more than is read of one of its size"}}
	}
	if int64(len(p)) > c.w.bytes {
		p = p[:c.w.bytes]
	}
	n, err := c.content.Read(p)
	c.w.bytes -= int64(n)
	return n, err
}

// source is the content of an archive: whole, where it can be read at any place, and from its beginning.
type source struct {
	content  io.Reader
	buffered *bufio.Reader
	size     int64
}

// at returns the content for reading at any place, and its size. What is no file is read into memory.
func (s source) at(limit int64) (io.ReaderAt, int64, error) {
	if file, ok := s.content.(io.ReaderAt); ok {
		return file, s.size, nil
	}
	data, err := io.ReadAll(io.LimitReader(s.buffered, limit+1))
	if err != nil {
		return nil, 0, err
	}
	if int64(len(data)) > limit {
		return nil, 0, errTooLarge
	}
	return bytes.NewReader(data), int64(len(data)), nil
}

var errTooLarge = errors.New("the archive is too large to be kept in memory")
