package source

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"sort"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

var errDamagedPack = errors.New("the pack is damaged")

// deepestDelta bounds a chain of deltas, as the library does when it reads them; Git itself makes chains of 50.
const deepestDelta = 4095

// packEntry is what the index has to know of one object of the pack.
type packEntry struct {
	offset int64
	size   int64 // of what is stored: the object, or the delta
	hash   plumbing.Hash
	base   plumbing.Hash // of a delta that names its base by id
	crc    uint32
	// children are the deltas that build on this object by its offset: the first of them, and the next of the same base.
	// Both are positions plus one, so that zero means none.
	firstChild, nextChild int32
	kind                  plumbing.ObjectType
	stored                plumbing.ObjectType
}

// packIndexer computes the ids of all objects of a pack in one pass over it and one walk along its deltas.
type packIndexer struct {
	ctx     context.Context //nolint:containedctx // Lives for one call of indexPack.
	scanner *packfile.Scanner
	entries []packEntry
	// waiting are the deltas whose base is named by id, as positions in entries.
	waiting map[plumbing.Hash][]int32
	scratch *scratch
	// inflation bounds what is made of deltas.
	inflation inflation
}

// indexPack reads the pack from its start and returns its index and checksum. Objects that do not fit into a small budget
// of memory are kept in files below folder while deltas that build on them are resolved.
func indexPack(ctx context.Context, pack *os.File, folder string) (*idxfile.MemoryIndex, plumbing.Hash, error) {
	info, err := pack.Stat()
	if err != nil {
		return nil, plumbing.ZeroHash, err
	}
	return indexPackWithin(ctx, pack, &scratch{folder: folder, free: scratchMemory}, MostInflated(info.Size()))
}

func indexPackWithin(ctx context.Context, pack *os.File, room *scratch, most int64) (*idxfile.MemoryIndex, plumbing.Hash, error) {
	if _, err := pack.Seek(0, io.SeekStart); err != nil {
		return nil, plumbing.ZeroHash, err
	}
	x := &packIndexer{ctx: ctx, scanner: packfile.NewScanner(pack), waiting: map[plumbing.Hash][]int32{}, scratch: room, inflation: inflation{most: most}}
	checksum, err := x.readEntries()
	if err != nil {
		return nil, plumbing.ZeroHash, err
	}
	if err := x.resolve(); err != nil {
		return nil, plumbing.ZeroHash, err
	}
	writer := new(idxfile.Writer)
	for i := range x.entries {
		e := &x.entries[i]
		if e.hash.IsZero() {
			return nil, plumbing.ZeroHash, errThinPack{bases: slices.Collect(maps.Keys(x.waiting))}
		}
		writer.Add(e.hash, uint64(e.offset), e.crc)
	}
	if err := writer.OnFooter(checksum); err != nil {
		return nil, plumbing.ZeroHash, err
	}
	index, err := writer.Index()
	return index, checksum, err
}

// readEntries reads the pack once: places, kinds and checksums of all entries, and the ids of those that are no deltas.
func (x *packIndexer) readEntries() (plumbing.Hash, error) {
	_, count, err := x.scanner.Header()
	if err != nil {
		return plumbing.ZeroHash, err
	}
	for range count {
		if err := x.ctx.Err(); err != nil {
			return plumbing.ZeroHash, err
		}
		header, err := x.scanner.NextObjectHeader()
		if err != nil {
			return plumbing.ZeroHash, err
		}
		if err := x.readEntry(header); err != nil {
			return plumbing.ZeroHash, err
		}
	}
	return x.scanner.Checksum()
}

func (x *packIndexer) readEntry(header *packfile.ObjectHeader) error {
	position := int32(len(x.entries))
	entry := packEntry{offset: header.Offset, size: header.Length, kind: header.Type, stored: header.Type}
	target := io.Discard
	var hasher plumbing.Hasher
	switch header.Type {
	case plumbing.OFSDeltaObject:
		base := sort.Search(len(x.entries), func(i int) bool { return x.entries[i].offset >= header.OffsetReference })
		if base == len(x.entries) || x.entries[base].offset != header.OffsetReference {
			return fmt.Errorf("%w: a delta refers to no object", errDamagedPack)
		}
		entry.nextChild = x.entries[base].firstChild
		x.entries[base].firstChild = position + 1
	case plumbing.REFDeltaObject:
		entry.base = header.Reference
		x.waiting[header.Reference] = append(x.waiting[header.Reference], position)
	case plumbing.CommitObject, plumbing.TreeObject, plumbing.BlobObject, plumbing.TagObject:
		hasher = plumbing.NewHasher(header.Type, header.Length)
		target = hasher
	default:
		return fmt.Errorf("%w: an object of unknown type %d", errDamagedPack, header.Type)
	}
	written, crc, err := x.scanner.NextObject(target)
	if err != nil {
		return err
	}
	if written != header.Length {
		return fmt.Errorf("%w: an object is shorter than it says", errDamagedPack)
	}
	entry.crc = crc
	if hasher.Hash != nil {
		entry.hash = hasher.Sum()
	}
	x.entries = append(x.entries, entry)
	return nil
}

// pending is an object on the way down a chain of deltas, with the deltas on it that are still to resolve.
type pending struct {
	content  *content
	kind     plumbing.ObjectType
	children []int32
}

// resolve computes the ids of the deltas, base by base.
func (x *packIndexer) resolve() error {
	for i := range x.entries {
		if x.entries[i].stored.IsDelta() {
			continue
		}
		children := x.children(int32(i))
		if len(children) == 0 {
			continue
		}
		if err := x.resolveFrom(int32(i), children); err != nil {
			return err
		}
	}
	return nil
}

// children returns the deltas on an object whose id is known, and forgets those that named it by id.
func (x *packIndexer) children(position int32) []int32 {
	entry := &x.entries[position]
	children := x.waiting[entry.hash]
	delete(x.waiting, entry.hash)
	for next := entry.firstChild; next != 0; next = x.entries[next-1].nextChild {
		children = append(children, next-1)
	}
	return children
}

func (x *packIndexer) resolveFrom(base int32, children []int32) (err error) {
	root, err := x.load(base)
	if err != nil {
		return err
	}
	chain := []pending{{content: root, kind: x.entries[base].kind, children: children}}
	defer func() {
		for _, left := range chain {
			err = errors.Join(err, left.content.release())
		}
	}()
	for len(chain) > 0 {
		top := &chain[len(chain)-1]
		if len(top.children) == 0 {
			if err := top.content.release(); err != nil {
				return err
			}
			chain = chain[:len(chain)-1]
			continue
		}
		child := top.children[len(top.children)-1]
		top.children = top.children[:len(top.children)-1]
		made, err := x.patch(child, top)
		if err != nil {
			return err
		}
		if below := x.children(child); len(below) > 0 {
			if len(chain) > deepestDelta {
				return errors.Join(fmt.Errorf("%w: a chain of more than %d deltas", errDamagedPack, deepestDelta), made.release())
			}
			chain = append(chain, pending{content: made, kind: top.kind, children: below})
			continue
		}
		if err := made.release(); err != nil {
			return err
		}
	}
	return nil
}

// load reads an object that is no delta.
func (x *packIndexer) load(position int32) (*content, error) {
	entry := &x.entries[position]
	if _, err := x.scanner.SeekObjectHeader(entry.offset); err != nil {
		return nil, err
	}
	loaded, err := x.scratch.create(entry.size)
	if err != nil {
		return nil, err
	}
	if _, _, err := x.scanner.NextObject(loaded); err != nil {
		return nil, errors.Join(err, loaded.release())
	}
	return loaded, nil
}

// patch makes the object of a delta and notes its id.
func (x *packIndexer) patch(position int32, base *pending) (made *content, err error) {
	if err := x.ctx.Err(); err != nil {
		return nil, err
	}
	entry := &x.entries[position]
	if _, err := x.scanner.SeekObjectHeader(entry.offset); err != nil {
		return nil, err
	}
	stored, err := x.scanner.ReadObject()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stored.Close()) }()
	delta := bufio.NewReader(stored)
	size, err := deltaSizes(delta, base.content.size)
	if err != nil {
		return nil, err
	}
	if err := x.inflation.add(size); err != nil {
		return nil, err
	}
	made, err = x.scratch.create(size)
	if err != nil {
		return nil, err
	}
	hasher := plumbing.NewHasher(base.kind, size)
	if err := applyDelta(delta, base.content, size, io.MultiWriter(hasher, made)); err != nil {
		return nil, errors.Join(err, made.release())
	}
	entry.hash, entry.kind = hasher.Sum(), base.kind
	return made, nil
}
