package archive

import (
	"archive/zip"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
)

func (w *walker) zip(outer string, s source, depth int) error {
	content, size, err := s.at(w.limits.Spool)
	if errors.Is(err, errTooLarge) {
		w.leave(outer, "a zip of more than %d MiB in another archive is not read", w.limits.Spool>>20)
		return nil
	}
	if err != nil {
		return err
	}
	// The library reads the whole directory, whatever number of files it is said to have.
	directory := &bounded{content: content, left: int64(w.limits.Entries)*recordBytes + zipTail}
	archive, err := zip.NewReader(directory, size)
	if directory.left < 0 {
		return &stop{LeftOut{Path: outer, Reason: "the list of the files in the zip is too long"}}
	}
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return err
	}
	directory.left = 1 << 62
	var known []extent
	for _, file := range archive.File {
		path := join(outer, clean(file.Name))
		if file.FileInfo().IsDir() && file.UncompressedSize64 == 0 {
			if file.CompressedSize64 > emptyDeflated && strings.HasSuffix(file.Name, "/") {
				w.leave(path, "it is a folder, and has a content")
			}
			continue
		}
		if at, err := file.DataOffset(); err == nil && file.CompressedSize64 <= uint64(size) {
			known = append(known, extent{at, at + int64(file.CompressedSize64)})
		}
		if err := w.zipped(path, file, depth); err != nil {
			return err
		}
	}
	return w.between(outer, outside(content, size, known))
}

const (
	// recordBytes is how much of the directory of a zip is read for each of the files that may be in it: a record has 46 bytes
	// with names and times behind them.
	recordBytes = 256
	// emptyDeflated is the size of nothing, as some programs pack it for a folder.
	emptyDeflated = 2
	// zipTail is where the end record of a zip stands at the latest, with its comment (APPNOTE.TXT 4.3.16), and somewhat more
	// that the library looks at.
	zipTail = 128 << 10
)

// bounded fails once more was read of its content than is left.
type bounded struct {
	content io.ReaderAt
	left    int64
}

func (b *bounded) ReadAt(p []byte, at int64) (int, error) {
	b.left -= int64(len(p))
	if b.left < 0 {
		return 0, errTooLarge
	}
	return b.content.ReadAt(p, at)
}

// extent is a part of a content, without its end.
type extent struct{ start, end int64 }

// outside returns what of the content is in none of the extents, with a line break for each.
func outside(content io.ReaderAt, size int64, known []extent) io.Reader {
	slices.SortFunc(known, func(a, b extent) int { return cmp.Compare(a.start, b.start) })
	var parts []io.Reader
	done := int64(0)
	for _, next := range append(known, extent{size, size}) {
		if next.start > done {
			parts = append(parts, io.NewSectionReader(content, done, min(next.start, size)-done), strings.NewReader("\n"))
		}
		done = max(done, next.end)
	}
	return io.MultiReader(parts...)
}

// between visits what stands between the files of the archive, such as their names and comments.
func (w *walker) between(path string, content io.Reader) error {
	if err := w.visit(File{Path: path, Content: content, Between: true}); err != nil {
		return visitError{err}
	}
	return nil
}

const (
	endRecord    = "PK\x05\x06"
	endRecordLen = 22
	recordLen    = 46
	endTail      = endRecordLen + 1<<16
)

// EndsAsZip tells whether tail, which is all of a content or its last 64 KiB and more, ends with the end record of a zip. Such a zip
// may stand behind anything, as behind a program that unpacks it.
func EndsAsZip(tail []byte) bool {
	tail = tail[max(0, len(tail)-endTail):]
	for at := 0; ; at++ {
		next := bytes.Index(tail[at:], []byte(endRecord))
		if next < 0 {
			return false
		}
		at += next
		if isEndRecord(tail, at) {
			return true
		}
	}
}

func isEndRecord(tail []byte, at int) bool {
	record := tail[at:]
	if len(record) < endRecordLen {
		return false
	}
	files, length := int(binary.LittleEndian.Uint16(record[10:])), int(binary.LittleEndian.Uint32(record[12:]))
	comment := int(binary.LittleEndian.Uint16(record[20:]))
	if comment > len(record)-endRecordLen || files == 0 || length < recordLen {
		return false
	}
	return length > at || bytes.HasPrefix(tail[at-length:], []byte("PK\x01\x02")) || bytes.Contains(tail[:at], []byte("PK\x06\x07"))
}

// End is a reader that keeps the end of what is read from its content.
type End struct {
	content io.Reader
	tail    []byte
}

// NewEnd returns a reader of the content that keeps its end in the memory.
func NewEnd(content io.Reader, memory []byte) *End { return &End{content, memory[:0]} }

// Tail is the end of what was read so far, in the memory.
func (e *End) Tail() []byte { return e.tail }

func (e *End) Read(p []byte) (int, error) {
	n, err := e.content.Read(p)
	if n >= endTail {
		e.tail = append(e.tail[:0], p[n-endTail:n]...)
		return n, err
	}
	if len(e.tail)+n > 2*endTail {
		e.tail = append(e.tail[:0], e.tail[len(e.tail)-endTail:]...)
	}
	e.tail = append(e.tail, p[:n]...)
	return n, err
}
