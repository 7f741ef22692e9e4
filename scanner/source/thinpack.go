package source

import (
	"crypto/sha1" //nolint:gosec // Git's checksum of packs.
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/klauspost/compress/zlib"
)

// errThinPack says that a pack holds deltas on objects that are not in it.
type errThinPack struct{ bases []ID }

func (errThinPack) Error() string { return "the base of a delta is missing" }

func (errThinPack) Unwrap() error { return errDamagedPack }

// thicken appends the objects from the storage to the pack, so that all its deltas have their base in it.
func thicken(pack *os.File, bases []ID, from storer.EncodedObjectStorer) error {
	if _, err := pack.Seek(-sha1.Size, io.SeekEnd); err != nil {
		return err
	}
	count := make([]byte, 4)
	if _, err := pack.ReadAt(count, 8); err != nil {
		return err
	}
	binary.BigEndian.PutUint32(count, binary.BigEndian.Uint32(count)+uint32(len(bases)))
	if _, err := pack.WriteAt(count, 8); err != nil {
		return err
	}
	for _, id := range bases {
		base, err := from.EncodedObject(plumbing.AnyObject, id)
		if err != nil {
			return fmt.Errorf("%w: %s, the base of a delta, is nowhere", errDamagedPack, id)
		}
		if err := appendObject(pack, base); err != nil {
			return err
		}
	}
	end, err := pack.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	sum := sha1.New() //nolint:gosec // See above.
	if _, err := io.Copy(sum, io.NewSectionReader(pack, 0, end)); err != nil {
		return err
	}
	if _, err := pack.Write(sum.Sum(nil)); err != nil {
		return err
	}
	return nil
}

// appendObject writes an object in the form that packs have for whole ones.
func appendObject(pack io.Writer, object plumbing.EncodedObject) error {
	size := uint64(object.Size())
	head := []byte{byte(object.Type())<<4 | byte(size&0xf)}
	for rest := size >> 4; rest > 0; rest >>= 7 {
		head[len(head)-1] |= 0x80
		head = append(head, byte(rest&0x7f))
	}
	if _, err := pack.Write(head); err != nil {
		return err
	}
	reader, err := object.Reader()
	if err != nil {
		return err
	}
	writer := zlib.NewWriter(pack)
	_, err = io.Copy(writer, reader)
	return errors.Join(err, writer.Close(), reader.Close())
}
