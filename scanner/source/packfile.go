package source

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"sort"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// pack is a pack with its index, in the form that git keeps it on the disk. It is safe for concurrent use.
type pack struct {
	data    []byte
	release func() error
	// ids are the ids of the objects in their order, 20 bytes each; first[b] is how many of them begin with less than b.
	ids     []byte
	first   [257]int32
	offsets []int64 // of the objects, in the order of the ids
	swept   []bool  // which of them a sweep has visited, in the same order
}

const (
	idSize       = len(plumbing.ZeroHash)
	packHeadSize = 12
)

// openPack opens the pack of an index. Only indexes of version 2 are read, which git writes since 2007.
func openPack(index string) (*pack, error) {
	raw, err := os.ReadFile(index)
	if err != nil {
		return nil, err
	}
	p := &pack{}
	if err := p.readIndex(raw); err != nil {
		return nil, fmt.Errorf("%s: %w", index, err)
	}
	file, err := os.Open(strings.TrimSuffix(index, ".idx") + ".pack")
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && (info.Size() < packHeadSize+int64(idSize) || info.Size() > math.MaxInt) {
		err = errDamagedPack
	}
	if err == nil {
		p.data, p.release, err = mapFile(file, info.Size())
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	if string(p.data[:4]) != "PACK" {
		return nil, errors.Join(errDamagedPack, p.release())
	}
	p.data = p.data[:len(p.data)-idSize] // the rest is the checksum
	for _, offset := range p.offsets {
		if offset < packHeadSize || offset >= int64(len(p.data)) {
			return nil, errors.Join(errDamagedPack, p.release())
		}
	}
	return p, nil
}

// readIndex reads an index (https://git-scm.com/docs/gitformat-pack#_version_2_pack_idx_files_support_packs_larger_than_4_gib_and).
func (p *pack) readIndex(raw []byte) error {
	const head, fan = 8, 256 * 4
	if len(raw) < head+fan || !bytes.Equal(raw[:head], []byte("\xfftOc\x00\x00\x00\x02")) {
		return fmt.Errorf("%w: its index has another form than version 2", errDamagedPack)
	}
	for i := range 256 {
		count := binary.BigEndian.Uint32(raw[head+4*i:])
		if count > math.MaxInt32 || int32(count) < p.first[i] {
			return errDamagedPack
		}
		p.first[i+1] = int32(count)
	}
	count := int(p.first[256])
	rest := raw[head+fan:]
	if len(rest) < count*(idSize+4+4) {
		return errDamagedPack
	}
	p.ids = slices.Clone(rest[:count*idSize])
	short := rest[count*(idSize+4):]
	long := short[4*count:]
	p.offsets = make([]int64, count)
	for i := range p.offsets {
		offset := binary.BigEndian.Uint32(short[4*i:])
		p.offsets[i] = int64(offset)
		if offset&0x80000000 == 0 {
			continue
		}
		at := 8 * int(offset&0x7fffffff)
		if at+8 > len(long) {
			return errDamagedPack
		}
		if p.offsets[i] = int64(binary.BigEndian.Uint64(long[at:])); p.offsets[i] < 0 {
			return errDamagedPack
		}
	}
	return nil
}

// id returns the id of the object at a position in the order of the ids.
func (p *pack) id(position int32) ID {
	return ID(p.ids[int(position)*idSize : (int(position)+1)*idSize])
}

// find returns the position of an object, or a negative number.
func (p *pack) find(id ID) int32 {
	low, high := int(p.first[id[0]]), int(p.first[int(id[0])+1])
	at := low + sort.Search(high-low, func(i int) bool {
		return bytes.Compare(p.ids[(low+i)*idSize:(low+i+1)*idSize], id[:]) >= 0
	})
	if at < high && p.id(int32(at)) == id {
		return int32(at)
	}
	return -1
}

// stored is an object as it stands in a pack.
type stored struct {
	kind plumbing.ObjectType
	size int64 // inflated; of a delta, that of the delta
	// data is where the compressed bytes begin.
	data int64
	// base is the offset of what a delta by offset builds on; baseID that of one by id.
	base   int64
	baseID ID
}

// at reads the head of the object at the offset.
func (p *pack) at(offset int64) (stored, error) {
	rest := p.data[offset:]
	size, used := binary.Uvarint(rest) // the same form but for the first byte, which has the kind in it
	if used <= 0 {
		return stored{}, errDamagedPack
	}
	s := stored{kind: plumbing.ObjectType(rest[0] >> 4 & 7), size: int64(size>>7<<4 | uint64(rest[0]&0xf)), data: offset + int64(used)}
	if s.size < 0 {
		return stored{}, errDamagedPack
	}
	rest = rest[used:]
	switch s.kind {
	case plumbing.OFSDeltaObject:
		back, used := readBack(rest)
		s.base, s.data = offset-back, s.data+int64(used)
		if used == 0 || back <= 0 || s.base < packHeadSize {
			return stored{}, errDamagedPack
		}
	case plumbing.REFDeltaObject:
		if len(rest) < idSize {
			return stored{}, errDamagedPack
		}
		copy(s.baseID[:], rest)
		s.data += int64(idSize)
	case plumbing.CommitObject, plumbing.TreeObject, plumbing.BlobObject, plumbing.TagObject:
	default:
		return stored{}, errDamagedPack
	}
	return s, nil
}

// readBack reads how far before a delta its base is, and how many bytes say so; none where they are damaged.
func readBack(data []byte) (back int64, used int) {
	const longest = 8
	for i := 0; i < min(len(data), longest); i++ {
		back = back<<7 | int64(data[i]&0x7f)
		if data[i]&0x80 == 0 {
			return back, i + 1
		}
		back++
	}
	return 0, 0
}
