package archive

import (
	"archive/zip"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/xi2/xz"
)

// memoryOfDecoders bounds the window that a zstd or xz file may ask for.
const memoryOfDecoders = 64 << 20

func (w *walker) unpack(what kind, path string, s source, depth int) error {
	switch what {
	case kindZip:
		return w.zip(path, s, depth)
	case kindTar:
		return w.tar(path, s.buffered, depth)
	case kindGzip:
		return w.gzip(path, s.buffered, depth)
	case kindBzip2:
		return w.stream(path, "", bzip2.NewReader(s.buffered), depth)
	case kindXz:
		decoder, err := xz.NewReader(s.buffered, memoryOfDecoders)
		if err != nil {
			return err
		}
		return w.stream(path, "", decoder, depth)
	case kindZstd:
		return w.zstd(path, s.buffered, depth)
	}
	return nil
}

// stream goes into a compressed file, whose content has the name that the file gives it, if any.
func (w *walker) stream(outer, name string, content io.Reader, depth int) error {
	return w.open(join(outer, clean(name)), &counting{w, content}, unknownSize, depth)
}

// unknownSize is the size of what is unpacked on the way.
const unknownSize = -1

// encrypted is the bit of a zip's flags that says so (APPNOTE.TXT 4.4.4).
const encrypted = 1

func (w *walker) zipped(path string, file *zip.File, depth int) error {
	if file.Flags&encrypted != 0 {
		w.leave(path, "it is encrypted")
		return nil
	}
	content, err := file.Open()
	if err != nil {
		w.leave(path, "it cannot be unpacked: it is damaged or packed in a way that is not known")
		return nil
	}
	err = w.open(path, &counting{w, content}, unknownSize, depth)
	closed := content.Close()
	var stopped *stop
	var visited visitError
	switch {
	case errors.As(err, &stopped), errors.As(err, &visited):
		return err
	case err != nil || closed != nil:
		// The other files have places of their own.
		w.leave(path, "it cannot be unpacked to its end: it is damaged")
	}
	return nil
}

// join puts a name behind the path of the archive that it is in.
func join(outer, name string) string {
	switch {
	case outer == "":
		return name
	case name == "":
		return outer
	}
	return outer + Separator + name
}

// clean returns a name in an archive as a path that leads nowhere else.
func clean(name string) string {
	if name == "" {
		return ""
	}
	return strings.TrimPrefix(path.Clean("/"+strings.ReplaceAll(name, `\`, "/")), "/")
}

// String is for messages.
func (l LeftOut) String() string {
	if l.Path == "" {
		return l.Reason
	}
	return fmt.Sprintf("%s: %s", l.Path, l.Reason)
}
