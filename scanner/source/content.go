package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// Size returns the size of a file's content in bytes.
func (r *Repository) Size(id ID) (int64, error) {
	return r.storage.EncodedObjectSize(id)
}

// Read returns a file's content as a stream, which is an io.ReaderAt too where the content is not large.
func (r *Repository) Read(id ID) (io.ReadCloser, error) {
	kind, content, err := r.object(id)
	switch {
	case err == nil && kind == plumbing.BlobObject:
		return inMemory{bytes.NewReader(content)}, nil
	case err == nil:
		return nil, fmt.Errorf("%w: %s is no file", errDamagedPack, id)
	}
	blob, err := object.GetBlob(r.storage, id)
	if err != nil {
		return nil, err
	}
	return blob.Reader()
}

type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

// object returns an object that is not large.
func (r *Repository) object(id ID) (plumbing.ObjectType, []byte, error) {
	if err := r.openObjects(); err != nil {
		return 0, nil, err
	}
	kind, content, err := r.reader.read(id)
	if !errors.Is(err, plumbing.ErrObjectNotFound) {
		return kind, content, err
	}
	// The library reads forms of packs that git no longer writes.
	found, err := r.storage.EncodedObject(plumbing.AnyObject, id)
	if err != nil {
		return 0, nil, err
	}
	if found.Size() > largestHeld {
		return 0, nil, errTooLarge
	}
	stream, err := found.Reader()
	if err != nil {
		return 0, nil, err
	}
	content, err = io.ReadAll(stream)
	return found.Type(), content, errors.Join(err, stream.Close())
}

func (r *Repository) openObjects() error {
	if r.objects != nil {
		return nil
	}
	folders := r.borrowed
	if r.folder != "" {
		folders = []string{filepath.Join(r.folder, "objects")}
	}
	opened, err := openObjects(folders)
	if err != nil {
		return err
	}
	r.objects, r.reader = opened, opened.reader()
	return nil
}

// Damaged tells whether the error says of an object that it is there and cannot be read, which does not change.
func Damaged(err error) bool { return errors.Is(err, errDamagedPack) }

// forgetObjects has what is read next look for packs anew.
func (r *Repository) forgetObjects() error {
	if r.objects == nil {
		return nil
	}
	err := r.objects.close()
	r.objects, r.reader = nil, nil
	return err
}
