package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// packStore is go-git's storage with another way in for packs. The library's own indexer holds every object in memory as
// a whole, so that one file of 2 GiB needs several times that; packIndexer streams.
type packStore struct {
	*filesystem.Storage
	ctx context.Context //nolint:containedctx // The library calls PackfileWriter without one.
	// create makes the file in the folder that the pack is written to.
	create func(folder string) (*os.File, error)
	// stop ends the transfer, and failed is why it was called.
	stop   context.CancelFunc
	failed error
}

func createPack(folder string) (*os.File, error) { return os.CreateTemp(folder, "incoming-") }

// PackfileWriter returns a writer that stores the pack when it is closed.
func (s *packStore) PackfileWriter() (io.WriteCloser, error) {
	folder := filepath.Join(s.Filesystem().Root(), "objects", "pack")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	file, err := s.create(folder)
	if err != nil {
		return nil, err
	}
	return &packWriter{store: s, folder: folder, file: file}, nil
}

type packWriter struct {
	store  *packStore
	folder string
	file   *os.File
	size   int64
}

// Write appends to the pack. A failure ends the transfer, and is not returned: the library would close the transfer before
// it is stopped, and then wait for a sender that waits for a reader.
func (w *packWriter) Write(p []byte) (int, error) {
	if w.store.failed != nil {
		return len(p), nil
	}
	n, err := 0, w.store.ctx.Err()
	if err == nil {
		n, err = w.file.Write(p)
	}
	w.size += int64(n)
	if err != nil {
		w.store.failed = err
		w.store.stop()
	}
	return len(p), nil
}

// Close indexes the pack and makes it part of the storage; a pack that did not come in whole is removed.
func (w *packWriter) Close() error {
	if w.store.failed != nil || w.size == 0 {
		return errors.Join(w.store.failed, w.file.Close(), os.Remove(w.file.Name()))
	}
	if err := w.install(); err != nil {
		return errors.Join(err, w.file.Close())
	}
	w.store.Reindex()
	return w.file.Close()
}

func (w *packWriter) install() error {
	index, checksum, err := indexPack(w.store.ctx, w.file, w.folder)
	if thin := (errThinPack{}); errors.As(err, &thin) {
		if err := thicken(w.file, thin.bases, w.store); err != nil {
			return fmt.Errorf("complete the pack: %w", err)
		}
		index, checksum, err = indexPack(w.store.ctx, w.file, w.folder)
	}
	if err != nil {
		return fmt.Errorf("index the pack: %w", err)
	}
	name := filepath.Join(w.folder, "pack-"+checksum.String())
	if err := writeIndex(name+".idx", index); err != nil {
		return fmt.Errorf("write the index of the pack: %w", err)
	}
	return os.Rename(w.file.Name(), name+".pack")
}

func writeIndex(name string, index *idxfile.MemoryIndex) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = idxfile.NewEncoder(file).Encode(index)
	return errors.Join(err, file.Close())
}
