package source

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/scanjob-dev/scanjob/api/contract"
)

// difference is what is known of a repository of which only the changes were fetched.
type difference struct {
	server *server
	// edge are the commits that the history of the base has in common with that of the revision and where the new commits
	// begin. Of these, only the folders on the way to something that changed are here.
	edge []ID
	// snapshot tells whether all that the edge holds was asked for.
	snapshot bool
}

// explain says in the log what was asked for.
func (d *difference) explain() slog.Attr {
	if d == nil {
		return slog.Attr{}
	}
	return slog.Group("difference", "edge", len(d.edge), "filter", d.server.filters(),
		"requests", d.server.requests, "packBytes", d.server.bytes)
}

// byDifference fetches the commits between the base and the revision with what they brought, whatever the size of the
// repository. It says that it has the base, so that the server leaves out what the base has; and then, the other way round,
// asks for the commits where the new ones begin, and says that it has the revision: what comes are the folders that
// changed, as they were before, and the files in them, unless the server can leave these out.
func (r *Repository) byDifference(ctx context.Context) error {
	if r.request.Mode != contract.ModeChanges {
		return errNotGivenOut
	}
	err := r.fetchDifference(ctx)
	if err == nil || lasting(ctx, err) {
		return err
	}
	if !errors.Is(err, errNotGivenOut) {
		// The text of the server is left out: it may repeat the request.
		r.request.Log.InfoContext(ctx, "the server does not give out the changes alone; asking for the history", "error", fmt.Sprintf("%T", err))
	}
	r.partial = nil
	return errNotGivenOut
}

func (r *Repository) fetchDifference(ctx context.Context) error {
	server, err := r.dial(ctx)
	if err != nil {
		return err
	}
	if r.impliesBase() {
		if r.base, err = r.defaultBranch(server.tips); err != nil {
			return errors.Join(err, server.close())
		}
	}
	if !server.gives(r.revision) || !server.gives(r.base) {
		return errors.Join(errNotGivenOut, server.close())
	}
	if err = r.fetchNew(ctx, server); err == nil {
		err = r.fetchOld(ctx)
	}
	if err != nil {
		return errors.Join(err, server.close())
	}
	return nil // what the changes replaced may be asked for in the same session
}

// fetchNew brings the commits that the base does not reach, with their folders and files as far as they are new.
func (r *Repository) fetchNew(ctx context.Context, server *server) error {
	objects := uint32(0)
	if r.revision != r.base {
		got, err := server.fetch(ctx, order{wants: []ID{r.revision}, haves: []ID{r.base}})
		if err != nil {
			return err
		}
		if !got.common {
			return errNotGivenOut
		}
		objects = got.objects
	}
	r.partial = &difference{server: server}
	if objects > 0 {
		edge, err := r.findEdge(ctx)
		if err != nil || len(edge) == 0 {
			return errors.Join(err, errNotGivenOut)
		}
		r.partial.edge = edge
		return nil
	}
	// The base holds the revision.
	if r.impliesBase() {
		return errNotGivenOut
	}
	r.partial.edge = []ID{r.revision}
	if _, err := server.fetch(ctx, order{wants: r.partial.edge, alone: true, withoutBlobs: true}); err != nil {
		return err
	}
	return nil
}

// findEdge returns the parents of the commits that came which did not come themselves.
func (r *Repository) findEdge(ctx context.Context) ([]ID, error) {
	var edge []ID
	done := map[ID]struct{}{r.revision: {}}
	next := []ID{r.revision}
	for len(next) > 0 {
		id := next[len(next)-1]
		next = next[:len(next)-1]
		commit, err := object.GetCommit(r.storage, id)
		if errors.Is(err, plumbing.ErrObjectNotFound) && id != r.revision {
			edge = append(edge, id)
			continue
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return nil, err
		}
		for _, parent := range commit.ParentHashes {
			if _, ok := done[parent]; !ok {
				done[parent] = struct{}{}
				next = append(next, parent)
			}
		}
	}
	return edge, nil
}

// fetchOld brings what stood where something changed, and then what is still lacking.
func (r *Repository) fetchOld(ctx context.Context) error {
	edge := r.partial.edge
	if !slices.ContainsFunc(edge, func(id ID) bool { return id != r.revision }) {
		return nil
	}
	for _, id := range edge {
		if !r.partial.server.gives(id) {
			return errNotGivenOut
		}
	}
	_, err := r.partial.server.fetch(ctx, order{
		wants: edge, alone: true, haves: []ID{r.revision}, cut: []ID{r.revision}, thin: true, withoutBlobs: true,
	})
	if err != nil {
		return err
	}
	// A folder that was changed and changed back is in the revision as before, so it did not come; each round finds what is
	// below the folders that the last one brought.
	const rounds = 16
	for round := range rounds {
		if err := r.forgetObjects(); err != nil {
			return err
		}
		lacking, err := r.lacking(ctx)
		if err != nil {
			return err
		}
		var files []ID
		if round == 0 {
			if files, err = r.lackingTargetFiles(ctx); err != nil {
				return err
			}
		}
		if len(lacking) == 0 {
			return r.alsoFetch(ctx, files)
		}
		if err := r.complete(ctx, lacking, true, files...); err != nil {
			return err
		}
	}
	return errNotGivenOut
}

// lacking returns the folders and files that a walk of the changes needs and that are not here.
func (r *Repository) lacking(ctx context.Context) ([]ID, error) {
	missing := map[ID]struct{}{}
	w := &walk{ctx: ctx, repository: r, whole: map[ID]string{}, missing: func(id ID) { missing[id] = struct{}{} }}
	w.visit = func(c Change) error {
		if (c.Kind == File || c.Kind == Symlink) && !r.Has(c.Blob) {
			w.missing(c.Blob)
		}
		return nil
	}
	commits, err := r.commits(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range commits {
		if err := w.oneCommit(id); err != nil {
			return nil, err
		}
	}
	ids := make([]ID, 0, len(missing))
	for id := range missing {
		ids = append(ids, id)
	}
	plumbing.HashesSort(ids)
	return ids, nil
}

// complete brings the objects: by their ids, which not every server allows; else all that stands where the new commits
// begin. What is wanted also comes with them where it may be named.
func (r *Repository) complete(ctx context.Context, ids []ID, withoutBlobs bool, also ...ID) error {
	server := r.partial.server
	if !r.partial.snapshot {
		_, err := server.fetch(ctx, order{wants: slices.Concat(ids, also)})
		if err == nil && r.hasAll(ids) {
			return nil
		}
		if err != nil && lasting(ctx, err) && statusOf(err) == 0 {
			return err
		}
	}
	r.partial.snapshot = true
	if _, err := server.fetch(ctx, order{wants: append([]ID{r.base}, r.partial.edge...), alone: true, withoutBlobs: withoutBlobs}); err != nil {
		return err
	}
	if withoutBlobs && !r.hasAll(ids) {
		return r.complete(ctx, ids, false)
	}
	if !r.hasAll(ids) {
		return errNotGivenOut
	}
	return nil
}

func (r *Repository) hasAll(ids []ID) bool { return len(r.absent(ids)) == 0 }

// absent returns those of the objects that are not here.
func (r *Repository) absent(ids []ID) (absent []ID) {
	for _, id := range ids {
		if !r.Has(id) {
			absent = append(absent, id)
		}
	}
	return absent
}

// Ensure fetches those contents that Open left on the server because only few scans ask for what was there before.
func (r *Repository) Ensure(ctx context.Context, ids ...ID) error {
	if r.partial == nil {
		return nil
	}
	absent := r.absent(ids)
	if len(absent) == 0 {
		return nil
	}
	return r.fetchMore(func() error {
		return r.complete(ctx, absent, false)
	})
}

func (r *Repository) fetchMore(fetch func() error) error {
	err := r.storage.Close()
	r.storage = openStorage(r.folder, false)
	if err == nil {
		err = fetch()
	}
	if err = errors.Join(err, r.reopen()); err != nil {
		return r.explain("fetch what the changes replaced from", err)
	}
	return nil
}
