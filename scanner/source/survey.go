package source

import (
	"cmp"
	"context"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/scanjob-dev/scanjob/api/contract"
)

// Visit is called with a content. It is valid during the call only. left is true of one that is not given, because it is too
// large to be held in memory, or damaged.
type Visit func(id ID, content []byte, left bool) error

// Survey reads the contents that Changes will name, each once and in the order in which they are stored, and calls one visit
// in each of as many goroutines as there are visits. It may read others of the repository too. Surveyed tells later which it
// has read.
func (r *Repository) Survey(ctx context.Context, visits []Visit) error {
	// Of what was fetched for a snapshot, all belongs to it.
	whole := r.request.Mode == contract.ModeHistory && r.request.BaseRevision == "" || r.request.Mode == contract.ModeTree && r.folder != ""
	if err := r.openObjects(); err != nil {
		return err
	}
	if whole {
		return r.objects.sweep(ctx, visits)
	}
	wanted := map[ID]struct{}{}
	if _, err := r.Changes(ctx, func(c Change) error {
		if c.Kind == File || c.Kind == Symlink {
			wanted[c.Blob] = struct{}{}
		}
		return nil
	}); err != nil {
		return err
	}
	left, err := r.objects.readAll(ctx, wanted, visits)
	for _, id := range left {
		delete(wanted, id)
	}
	r.surveyed = wanted
	return err
}

// Surveyed tells whether a survey has visited the content.
func (r *Repository) Surveyed(id ID) bool {
	if _, ok := r.surveyed[id]; ok {
		return true
	}
	return r.objects != nil && r.objects.wasSwept(id)
}

// place is where an object is stored.
type place struct {
	pack   int
	offset int64
	id     ID
}

// readAll reads the wanted contents that are in packs, those that are near each other together, and returns the others, which
// are few.
func (o *objects) readAll(ctx context.Context, wanted map[ID]struct{}, visits []Visit) (loose []ID, err error) {
	places := make([]place, 0, len(wanted))
	for id := range wanted {
		at := place{pack: len(o.packs), id: id}
		for number, p := range o.packs {
			if position := p.find(id); position >= 0 {
				at.pack, at.offset = number, p.offsets[position]
				break
			}
		}
		if at.pack == len(o.packs) {
			loose = append(loose, id)
			continue
		}
		places = append(places, at)
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.pack, b.pack), cmp.Compare(a.offset, b.offset), slices.Compare(a.id[:], b.id[:]))
	})
	const together = 32
	return loose, parallel(ctx, visits, (len(places)+together-1)/together, func(ctx context.Context, visit Visit, next func() int) error {
		reader := o.reader()
		for chunk := next(); chunk >= 0; chunk = next() {
			for _, at := range places[chunk*together : min(len(places), (chunk+1)*together)] {
				kind, content, err := reader.packed(o.packs[at.pack], at.offset, 0)
				left := err != nil || kind != plumbing.BlobObject
				if left {
					content = nil
				}
				if err := cmp.Or(visit(at.id, content, left), ctx.Err()); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
