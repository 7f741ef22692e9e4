package corpus

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"
	"strings"
	"unicode/utf16"
)

// coding is how a file, or in it the values of the secrets, are encoded.
type coding struct {
	name  string
	value func(string) string
	apply func(string) []byte
	// breaks is true where apply puts line breaks of its own between.
	breaks bool
}

func codings() []coding {
	plain := func(text string) []byte { return []byte(text) }
	return []coding{
		{name: "UTF-16, little endian", apply: func(text string) []byte { return utf16Of(text, false) }},
		{name: "UTF-16, big endian", apply: func(text string) []byte { return utf16Of(text, true) }},
		{name: "UTF-16 without a byte order mark", apply: func(text string) []byte { return utf16Of(text, false)[2:] }},
		{name: "UTF-32", apply: utf32Of},
		{name: "quoted-printable", apply: quotedPrintable, breaks: true},
		{name: "Latin-1", apply: func(text string) []byte { return append([]byte(text), []byte("\n# Gr\xfc\xdfe aus M\xfcnchen\n")...) }},
		{name: "UTF-8 with a byte order mark", apply: func(text string) []byte { return append([]byte("\xef\xbb\xbf"), text...) }},
		{name: "with zero bytes behind", apply: func(text string) []byte { return append([]byte(text), 0, 0, 1, 2) }},
		{name: "base64", apply: plain, value: func(v string) string { return base64.StdEncoding.EncodeToString([]byte(v)) }},
		{name: "hexadecimal", apply: plain, value: func(v string) string { return hex.EncodeToString([]byte(v)) }},
		{name: "percent", apply: plain, value: func(v string) string {
			return strings.NewReplacer("%", "%25", "/", "%2F", "+", "%2B", "=", "%3D", "_", "%5F", "-", "%2D", "A", "%41").Replace(v)
		}},
		{name: "JSON escapes", apply: plain, value: func(v string) string {
			var out strings.Builder
			for _, c := range []byte(v) {
				fmt.Fprintf(&out, `\u%04x`, c)
			}
			return out.String()
		}},
	}
}

func utf16Of(text string, big bool) []byte {
	var out []byte
	for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
		if big {
			out = append(out, byte(unit>>8), byte(unit))
		} else {
			out = append(out, byte(unit), byte(unit>>8))
		}
	}
	return out
}

func utf32Of(text string) []byte {
	var out []byte
	for _, c := range "\ufeff" + text {
		out = binary.LittleEndian.AppendUint32(out, uint32(c))
	}
	return out
}

// quotedPrintable is the text as mails carry it: with = escaped, and lines broken behind 76 characters.
func quotedPrintable(text string) []byte {
	var out bytes.Buffer
	w := quotedprintable.NewWriter(&out)
	_, err := io.WriteString(w, text)
	if err = errors.Join(err, w.Close()); err != nil {
		panic(err) // a buffer takes everything
	}
	return bytes.ReplaceAll(out.Bytes(), []byte("\r\n"), []byte("\n"))
}

type archive struct {
	suffix string
	pack   func(path string, content []byte) ([]byte, error)
}

func archives() []archive {
	return []archive{{".zip", packZip}, {".jar", packZip}, {".tar.gz", packTar}, {".nested.zip", packNested}}
}

// packNested packs the file into a zip in a zip. Its path is that of the inner one.
func packNested(path string, content []byte) ([]byte, error) {
	outer, inner, _ := strings.Cut(path, "!")
	packed, err := packZip(inner, content)
	if err != nil {
		return nil, err
	}
	return packZip(outer, packed)
}

func packZip(path string, content []byte) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	entry, err := w.Create(path)
	if err != nil {
		return nil, err
	}
	if _, err := entry.Write(content); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}

func packTar(path string, content []byte) ([]byte, error) {
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	w := tar.NewWriter(zipped)
	if err := w.WriteHeader(&tar.Header{Name: path, Mode: 0o644, Size: int64(len(content))}); err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	err := zipped.Close()
	return out.Bytes(), err
}
