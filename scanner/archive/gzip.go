package archive

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
)

// gzip goes into a compressed file. Such a file is one of any number of members, each with a header of its own, which may hold texts.
func (w *walker) gzip(path string, content *bufio.Reader, depth int) error {
	decoder, err := gzip.NewReader(content)
	if err != nil {
		return err
	}
	decoder.Multistream(false)
	all := &members{decoder: decoder, content: content}
	all.keep()
	err = w.stream(path, decoder.Name, all, depth)
	if all.lost {
		w.leave(path, "the headers in it have more than %d KiB", headersHeld>>10)
	}
	return errors.Join(err, w.between(path, bytes.NewReader(all.headers.Bytes())))
}

// members reads the members of a gzip as one, and keeps what their headers say.
type members struct {
	decoder *gzip.Reader
	content *bufio.Reader
	headers bytes.Buffer
	// lost tells that there was more in the headers than is kept.
	lost bool
}

func (m *members) keep() {
	for _, text := range []string{m.decoder.Name, m.decoder.Comment, string(m.decoder.Extra)} {
		switch {
		case text == "":
		case m.headers.Len()+len(text) > headersHeld:
			m.lost = true
		default:
			m.headers.WriteString(text)
			m.headers.WriteByte('\n')
		}
	}
}

func (m *members) Read(p []byte) (int, error) {
	for {
		n, err := m.decoder.Read(p)
		if !errors.Is(err, io.EOF) || n > 0 {
			if errors.Is(err, io.EOF) {
				err = nil // it says so again
			}
			return n, err
		}
		if err := m.decoder.Reset(m.content); err != nil {
			return 0, err // that of the end, where there are no more
		}
		m.decoder.Multistream(false)
		m.keep()
	}
}
