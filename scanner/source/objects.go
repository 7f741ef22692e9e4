package source

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// largestHeld is the size in bytes up to which a folder, a commit, or the base of a delta is held in memory.
const largestHeld = 32 << 20

var errTooLarge = errors.New("the object is too large to be held in memory")

// objects reads the objects of a repository from its packs and loose files. It does not change and is safe for concurrent
// use; each goroutine has an objectReader.
type objects struct {
	folders    []string
	packs      []*pack
	sweptLoose map[ID]struct{}
}

// openObjects opens all packs in the folders with objects. One that cannot be opened is left out: whoever asks for an object of
// it is told that it is not there.
func openObjects(folders []string) (*objects, error) {
	o := &objects{folders: folders}
	for _, folder := range folders {
		indexes, err := filepath.Glob(filepath.Join(escapeGlob(folder), "pack", "*.idx"))
		if err != nil {
			return nil, errors.Join(err, o.close())
		}
		for _, index := range indexes {
			opened, err := openPack(index)
			if err != nil {
				continue
			}
			o.packs = append(o.packs, opened)
		}
	}
	return o, nil
}

func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

func (o *objects) close() error {
	var err error
	for _, p := range o.packs {
		err = errors.Join(err, p.release())
	}
	o.packs = nil
	return err
}

// objectReader reads one object after the other. It is not for concurrent use.
type objectReader struct {
	objects *objects
	inflater
	delta []byte
	bases baseCache
}

func (o *objects) reader() *objectReader {
	return &objectReader{objects: o, bases: baseCache{most: 24 << 20}}
}

// read returns an object. The caller must not change it.
func (r *objectReader) read(id ID) (plumbing.ObjectType, []byte, error) {
	for _, p := range r.objects.packs {
		if position := p.find(id); position >= 0 {
			return r.packed(p, p.offsets[position], 0)
		}
	}
	for _, folder := range r.objects.folders {
		kind, content, err := r.loose(folder, id)
		if !errors.Is(err, fs.ErrNotExist) {
			return kind, content, err
		}
	}
	return 0, nil, plumbing.ErrObjectNotFound
}

// packed returns the object at the offset, below so many deltas.
func (r *objectReader) packed(p *pack, offset int64, below int) (plumbing.ObjectType, []byte, error) {
	key := baseKey{p, offset}
	if base, ok := r.bases.get(key); ok {
		return base.kind, base.content, nil
	}
	s, err := p.at(offset)
	if err != nil {
		return 0, nil, err
	}
	if s.size > largestHeld {
		return 0, nil, errTooLarge
	}
	if !s.kind.IsDelta() {
		content, err := r.inflate(nil, p.data[s.data:], s.size)
		if err == nil {
			r.bases.put(key, s.kind, content)
		}
		return s.kind, content, err
	}
	if below > deepestDelta {
		return 0, nil, fmt.Errorf("%w: a chain of more than %d deltas", errDamagedPack, deepestDelta)
	}
	kind, base, err := r.base(p, s, below)
	if err != nil {
		return 0, nil, err
	}
	content, err := r.apply(nil, base, p, s)
	if err == nil {
		r.bases.put(key, kind, content)
	}
	return kind, content, err
}

func (r *objectReader) base(p *pack, s stored, below int) (plumbing.ObjectType, []byte, error) {
	if s.kind == plumbing.OFSDeltaObject {
		return r.packed(p, s.base, below+1)
	}
	if position := p.find(s.baseID); position >= 0 {
		return r.packed(p, p.offsets[position], below+1)
	}
	return 0, nil, fmt.Errorf("%w: the base of a delta is missing", errDamagedPack)
}

// apply makes the object of a delta, in the room of target if that is enough.
func (r *objectReader) apply(target, base []byte, p *pack, s stored) ([]byte, error) {
	var err error
	if r.delta, err = r.inflate(r.delta, p.data[s.data:], s.size); err != nil {
		return nil, err
	}
	size, instructions, err := deltaSize(r.delta, len(base))
	if err != nil {
		return nil, err
	}
	if size > largestHeld {
		return nil, errTooLarge
	}
	if int64(cap(target)) < size {
		target = make([]byte, 0, size)
	}
	return patch(target[:0], base, instructions, size)
}

// loose reads an object that has a file of its own.
func (r *objectReader) loose(folder string, id ID) (plumbing.ObjectType, []byte, error) {
	name := id.String()
	file := filepath.Join(folder, name[:2], name[2:])
	info, err := os.Stat(file)
	if err != nil {
		return 0, nil, err
	}
	if info.Size() > largestHeld {
		return 0, nil, errTooLarge
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return 0, nil, err
	}
	const longestHead = 32
	head, err := r.inflateBeginning(raw, longestHead)
	if err != nil {
		return 0, nil, err
	}
	word, rest, _ := strings.Cut(string(head), " ")
	digits, _, ok := strings.Cut(rest, "\x00")
	kind, err := plumbing.ParseObjectType(word)
	var size int64
	if _, scanErr := fmt.Sscanf(digits, "%d", &size); err != nil || scanErr != nil || !ok || size < 0 {
		return 0, nil, fmt.Errorf("%w: object %s has no head", errDamagedPack, id)
	}
	if size > largestHeld {
		return 0, nil, errTooLarge
	}
	skip := int64(len(word) + 1 + len(digits) + 1)
	content, err := r.inflate(nil, raw, skip+size)
	if err != nil {
		return 0, nil, err
	}
	return kind, content[skip:], nil
}

// baseCache holds what was read last: the newer half of what it may hold, and what is left of the half before.
type baseCache struct {
	most, size int
	newer      map[baseKey]base
	older      map[baseKey]base
}

type baseKey struct {
	pack   *pack
	offset int64
}

type base struct {
	kind    plumbing.ObjectType
	content []byte
}

func (c *baseCache) get(key baseKey) (base, bool) {
	if found, ok := c.newer[key]; ok {
		return found, true
	}
	found, ok := c.older[key]
	if ok {
		c.put(key, found.kind, found.content)
	}
	return found, ok
}

func (c *baseCache) put(key baseKey, kind plumbing.ObjectType, content []byte) {
	if len(content) > c.most/4 {
		return
	}
	if c.newer == nil || c.size+len(content) > c.most/2 {
		c.older, c.newer, c.size = c.newer, map[baseKey]base{}, 0
	}
	c.newer[key] = base{kind, content}
	c.size += len(content)
}
