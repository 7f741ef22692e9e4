package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
)

// compressionLevel is a level of gzip. The highest makes the images one percent smaller, and takes three times as long.
const compressionLevel = 6

// newLayer packs a program, and the folders that it needs, into a layer whose bytes depend on nothing else than on them and
// on the time given.
func newLayer(p program, binary string, created time.Time) (v1.Layer, error) {
	content, err := os.ReadFile(binary)
	if err != nil {
		return nil, fmt.Errorf("read the program: %w", err)
	}
	var packed bytes.Buffer
	compressed, err := gzip.NewWriterLevel(&packed, compressionLevel)
	if err != nil {
		return nil, fmt.Errorf("pack %s: %w", p.name, err)
	}
	archive := tar.NewWriter(compressed)
	for _, folder := range p.folders {
		header := tar.Header{
			Typeflag: tar.TypeDir, Name: strings.TrimPrefix(folder, "/") + "/", Mode: 0o755,
			Uid: nonRoot, Gid: nonRoot, ModTime: created, Format: tar.FormatPAX,
		}
		if err := archive.WriteHeader(&header); err != nil {
			return nil, fmt.Errorf("pack %s: %w", folder, err)
		}
	}
	header := tar.Header{
		Typeflag: tar.TypeReg, Name: p.name, Mode: 0o555, Size: int64(len(content)), ModTime: created, Format: tar.FormatPAX,
	}
	if err := archive.WriteHeader(&header); err != nil {
		return nil, fmt.Errorf("pack %s: %w", p.name, err)
	}
	if _, err := archive.Write(content); err != nil {
		return nil, fmt.Errorf("pack %s: %w", p.name, err)
	}
	if err := archive.Close(); err != nil {
		return nil, fmt.Errorf("pack %s: %w", p.name, err)
	}
	if err := compressed.Close(); err != nil {
		return nil, fmt.Errorf("pack %s: %w", p.name, err)
	}
	opener := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed.Bytes())), nil }
	return tarball.LayerFromOpener(opener, tarball.WithMediaType(types.OCILayer))
}
