package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
)

// headersHeld is how many bytes of headers are kept before they are visited.
const headersHeld = 1 << 20

func (w *walker) tar(outer string, content *bufio.Reader, depth int) error {
	headers := &copying{content: content}
	archive := tar.NewReader(headers)
	for {
		headers.on = true
		header, err := archive.Next()
		headers.on = false
		if headers.kept.Len() > headersHeld || err != nil {
			if err := w.between(outer, bytes.NewReader(headers.kept.Bytes())); err != nil {
				return err
			}
			headers.kept.Reset()
		}
		if errors.Is(err, io.EOF) {
			return w.behind(outer, content, depth)
		}
		if err != nil {
			return err
		}
		// A file of a kind that is not known is one for those who unpack it.
		if header.Size == 0 {
			continue
		}
		var file io.Reader = archive
		if isSparse(header) {
			file = &counting{w, archive} // a byte may stand for any number of zeros
		}
		if err := w.open(join(outer, clean(header.Name)), file, header.Size, depth); err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, file); err != nil {
			return err
		}
	}
}

func isSparse(header *tar.Header) bool {
	for name := range header.PAXRecords {
		if strings.HasPrefix(name, "GNU.sparse.") {
			return true
		}
	}
	return header.Typeflag == tar.TypeGNUSparse
}

// behind goes into what stands behind the end of a tar, where there is more than zeros.
func (w *walker) behind(outer string, content *bufio.Reader, depth int) error {
	for {
		next, err := content.Peek(1)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if next[0] != 0 {
			return w.open(outer, content, unknownSize, depth)
		}
		if _, err := content.Discard(1); err != nil {
			return err
		}
	}
}

// copying keeps what is read from its content while it is on.
type copying struct {
	content io.Reader
	on      bool
	kept    bytes.Buffer
}

func (c *copying) Read(p []byte) (int, error) {
	n, err := c.content.Read(p)
	if c.on {
		c.kept.Write(p[:n])
	}
	return n, err
}
