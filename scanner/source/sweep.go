package source

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"

	"github.com/go-git/go-git/v5/plumbing"
	"golang.org/x/sync/errgroup"
)

// sweepRoom bounds the bytes of the objects that wait for the deltas on them, in all goroutines together.
const sweepRoom = 96 << 20

// sweep reads every blob of the repository once, each pack along its deltas, so that nothing is inflated twice. It calls one
// visit of each goroutine; there are as many as visits. A content is valid during the call only. Those that are too large to
// be held, or are damaged, are named without content.
func (o *objects) sweep(ctx context.Context, visits []Visit) error {
	for number, p := range o.packs {
		tree, err := growTree(p)
		if err != nil {
			continue // what is in it is read one by one then, and the error told there
		}
		p.swept = make([]bool, len(p.offsets))
		earlier := o.packs[:number]
		if err := parallel(ctx, visits, len(tree.roots), func(ctx context.Context, visit Visit, next func() int) error {
			s := &packSweep{ctx: ctx, pack: p, tree: tree, reader: o.reader(), visit: visit, earlier: earlier, most: sweepRoom / len(visits)}
			for root := next(); root >= 0; root = next() {
				if err := s.from(tree.roots[root]); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	loose, err := o.looseIDs()
	if err != nil {
		return err
	}
	err = parallel(ctx, visits, len(loose), func(_ context.Context, visit Visit, next func() int) error {
		reader := o.reader()
		for at := next(); at >= 0; at = next() {
			kind, content, err := reader.loose(loose[at].folder, loose[at].id)
			if kind != plumbing.BlobObject && err == nil {
				continue
			}
			loose[at].swept = true
			if err := visit(loose[at].id, content, err != nil); err != nil {
				return err
			}
		}
		return nil
	})
	o.sweptLoose = map[ID]struct{}{}
	for _, one := range loose {
		if one.swept {
			o.sweptLoose[one.id] = struct{}{}
		}
	}
	return err
}

// wasSwept tells whether a sweep has visited the object.
func (o *objects) wasSwept(id ID) bool {
	for _, p := range o.packs {
		if at := p.find(id); at >= 0 && p.swept != nil && p.swept[at] {
			return true
		}
	}
	_, ok := o.sweptLoose[id]
	return ok
}

// parallel shares out the numbers below count.
func parallel(ctx context.Context, visits []Visit, count int, work func(context.Context, Visit, func() int) error) error {
	var taken atomic.Int64
	group, working := errgroup.WithContext(ctx)
	next := func() int {
		at := int(taken.Add(1)) - 1
		if at >= count || working.Err() != nil {
			return -1
		}
		return at
	}
	for _, visit := range visits {
		group.Go(func() error { return work(working, visit, next) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

type looseID struct {
	folder string
	id     ID
	swept  bool
}

// looseIDs returns the objects with files of their own that are in no pack, in the order of their ids.
func (o *objects) looseIDs() ([]looseID, error) {
	var found []looseID
	for _, folder := range o.folders {
		subfolders, err := os.ReadDir(folder)
		if err != nil {
			return nil, err
		}
		for _, subfolder := range subfolders {
			if len(subfolder.Name()) != 2 || !subfolder.IsDir() {
				continue
			}
			files, err := os.ReadDir(filepath.Join(folder, subfolder.Name()))
			if err != nil {
				return nil, err
			}
			for _, file := range files {
				name := subfolder.Name() + file.Name()
				if !plumbing.IsHash(name) {
					continue
				}
				id := plumbing.NewHash(name)
				if !slices.ContainsFunc(o.packs, func(p *pack) bool { return p.find(id) >= 0 }) {
					found = append(found, looseID{folder: folder, id: id})
				}
			}
		}
	}
	return found, nil
}

// deltaTree says of a pack which deltas build on which object. Objects are numbered in the order of their ids.
type deltaTree struct {
	roots []int32 // blobs that are no deltas, in the order in which they are stored
	// firstChild and nextChild are numbers plus one, so that zero means none.
	firstChild, nextChild []int32
}

// growTree reads the heads of all objects of a pack.
func growTree(p *pack) (*deltaTree, error) {
	count := len(p.offsets)
	order := make([]int32, count)
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return int(min(1, max(-1, p.offsets[a]-p.offsets[b]))) })
	tree := &deltaTree{firstChild: make([]int32, count), nextChild: make([]int32, count)}
	for _, position := range order {
		s, err := p.at(p.offsets[position])
		if err != nil {
			return nil, err
		}
		parent := int32(-1)
		switch s.kind {
		case plumbing.BlobObject:
			tree.roots = append(tree.roots, position)
			continue
		case plumbing.OFSDeltaObject:
			at, ok := slices.BinarySearchFunc(order, s.base, func(other int32, offset int64) int {
				return int(min(1, max(-1, p.offsets[other]-offset)))
			})
			if ok {
				parent = order[at]
			}
		case plumbing.REFDeltaObject:
			parent = p.find(s.baseID)
		default:
			continue
		}
		if parent < 0 {
			return nil, errDamagedPack
		}
		tree.nextChild[position] = tree.firstChild[parent]
		tree.firstChild[parent] = position + 1
	}
	return tree, nil
}

// packSweep goes through one pack.
type packSweep struct {
	ctx     context.Context //nolint:containedctx // Lives for one sweep.
	pack    *pack
	tree    *deltaTree
	reader  *objectReader
	visit   Visit
	earlier []*pack
	most    int
	spare   [][]byte
}

// waiting is an object with the next of the deltas on it.
type waiting struct {
	content []byte
	next    int32
}

// from visits the object, which is no delta, and all that build on it.
func (s *packSweep) from(root int32) error {
	head, err := s.pack.at(s.pack.offsets[root])
	if err != nil {
		return err
	}
	if head.size > int64(s.most/2) {
		return s.leave(root)
	}
	content, err := s.reader.inflate(s.room(), s.pack.data[head.data:], head.size)
	if err != nil {
		return s.leave(root)
	}
	if err := s.emit(root, content); err != nil {
		return err
	}
	chain := []waiting{{content, s.tree.firstChild[root]}}
	held := len(content)
	for len(chain) > 0 {
		top := &chain[len(chain)-1]
		if top.next == 0 {
			held -= len(top.content)
			s.spare = append(s.spare, top.content)
			chain = chain[:len(chain)-1]
			continue
		}
		child := top.next - 1
		top.next = s.tree.nextChild[child]
		if err := s.ctx.Err(); err != nil {
			return err
		}
		head, err := s.pack.at(s.pack.offsets[child])
		if err != nil {
			return err
		}
		if head.size > int64(s.most/2) || held > s.most || len(chain) > deepestDelta {
			err = errTooLarge
		} else {
			content, err = s.reader.apply(s.room(), top.content, s.pack, head)
		}
		if err != nil {
			if err := s.leave(child); err != nil {
				return err
			}
			continue
		}
		if err := s.emit(child, content); err != nil {
			return err
		}
		if s.tree.firstChild[child] == 0 {
			s.spare = append(s.spare, content)
			continue
		}
		held += len(content)
		chain = append(chain, waiting{content, s.tree.firstChild[child]})
	}
	return nil
}

// room returns memory that is no longer used.
func (s *packSweep) room() []byte {
	const most = 4
	if len(s.spare) > most {
		s.spare = s.spare[:most]
	}
	if len(s.spare) == 0 {
		return nil
	}
	last := s.spare[len(s.spare)-1]
	s.spare = s.spare[:len(s.spare)-1]
	return last
}

func (s *packSweep) emit(position int32, content []byte) error {
	id := s.pack.id(position)
	for _, other := range s.earlier {
		if other.find(id) >= 0 {
			return nil
		}
	}
	s.pack.swept[position] = true
	return s.visit(id, content, false)
}

// leave names the object and all that build on it.
func (s *packSweep) leave(position int32) error {
	left := []int32{position}
	for len(left) > 0 {
		at := left[len(left)-1]
		left = left[:len(left)-1]
		s.pack.swept[at] = true
		if err := errors.Join(s.visit(s.pack.id(at), nil, true), s.ctx.Err()); err != nil {
			return err
		}
		for next := s.tree.firstChild[at]; next != 0; next = s.tree.nextChild[next-1] {
			left = append(left, next-1)
		}
	}
	return nil
}
