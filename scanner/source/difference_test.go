package source_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/gittest"
	"github.com/scanjob-dev/scanjob/scanner/source"
)

// noise returns n bytes of text that do not compress well.
func noise(n int) string {
	raw := make([]byte, (n+1)/2)
	for i := range raw {
		raw[i] = byte(rand.Uint32())
	}
	return hex.EncodeToString(raw)[:n]
}

// eventful returns a repository whose branch topic did to main what branches do, and a base and a revision.
func eventful(t *testing.T) (r *gittest.Repository, base, revision string) {
	t.Helper()
	r = gittest.New(t)
	gone := noise(300)
	r.Write("gone", gone)
	r.Write("deep/a/b/c/file", noise(200))
	r.Commit("what was there once")
	r.Git("rm", "--quiet", "gone")
	for i := range 20 {
		r.Write(fmt.Sprintf("folder%d/sub/file", i), noise(500))
	}
	r.Write("link", "a file that becomes a link")
	r.Write("there-and-back", "there")
	r.Write("folder/there-and-back/file", "there")
	r.Commit("base")
	r.Git("switch", "--quiet", "--create", "topic")
	r.Write("deep/a/b/c/file", noise(200))
	r.Write("there-and-back", "back")
	r.Write("folder/there-and-back/file", "back")
	r.Commit("edits")
	r.Write("there-and-back", "there")
	r.Write("folder/there-and-back/file", "there")
	r.Write("again", gone)
	r.Write("new/folder/file", noise(100))
	r.Git("rm", "--quiet", "-r", "folder1", "link")
	r.Write("folder1", "a file in place of a folder")
	r.Commit("undoes, removes, and brings back what was there once")
	r.Git("mv", "folder2/sub/file", "folder2/moved")
	r.Commit("moves")
	r.Git("switch", "--quiet", "main")
	r.Write("folder3/sub/file", noise(500))
	r.Commit("main goes on")
	r.Git("switch", "--quiet", "topic")
	r.Git("merge", "--quiet", "--no-edit", "main")
	r.Write("last", noise(100))
	revision = r.Commit("last")
	r.Git("switch", "--quiet", "main")
	r.Write("folder4/sub/file", noise(500))
	base = r.Commit("main goes on further")
	r.Git("repack", "-adq", "--write-bitmap-index")
	return r, base, revision
}

// contents returns what a walk visits and what was there before, with the sizes of all contents.
func contents(t *testing.T, repository *source.Repository) []string {
	t.Helper()
	defer repository.Close()
	read := func(id source.ID) string {
		reader, err := repository.Read(id)
		if err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		defer reader.Close()
		size, err := io.Copy(io.Discard, reader)
		if err != nil {
			t.Fatal(err)
		}
		return " " + id.String()[:8] + ":" + strconv.FormatInt(size, 10)
	}
	var out []string
	_, err := repository.Changes(t.Context(), func(c source.Change) error {
		line := c.Commit[:8] + " " + c.Path
		if c.Kind == source.File || c.Kind == source.Symlink {
			line += read(c.Blob)
		}
		if err := repository.Ensure(t.Context(), c.Before...); err != nil {
			return err
		}
		for _, id := range c.Before {
			line += read(id)
		}
		out = append(out, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func TestChangesFetchedAloneAreThoseOfTheWholeRepository(t *testing.T) {
	r, base, revision := eventful(t)
	inPlace, err := source.OpenLocal(t.Context(), local(r.Dir, contract.ModeChanges, revision, base))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join(contents(t, inPlace), "\n")
	for _, row := range []struct {
		name, allow, filter, strategy string
		gate                          func() gittest.Gate
	}{
		{"any object and filters", "Any", "true", "difference", nil},
		{"any object", "Any", "false", "difference", nil},
		{"references only", "", "false", "references", nil},
		{"a server that fails at the first request for objects", "Any", "true", "commits", func() gittest.Gate { return failing(1) }},
		{"a server that fails at the second", "Any", "true", "commits", func() gittest.Gate { return failing(2) }},
		{"a server that does not give out folders and files by id, of which one is nowhere else", "Any", "true", "commits", func() gittest.Gate { return failing(3) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			r.AllowWants(row.allow)
			r.Git("config", "uploadpack.allowFilter", row.filter)
			var gate gittest.Gate
			if row.gate != nil {
				gate = row.gate()
			}
			var log bytes.Buffer
			asked := request(t, gittest.Serve(t, r, "demo", gate).URL+"/v1/repos/demo", contract.ModeChanges, revision)
			asked.BaseRevision, asked.Log = base, slog.New(slog.NewJSONHandler(&log, nil))
			repository, err := source.Open(t.Context(), asked)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(contents(t, repository), "\n"); got != want {
				t.Errorf("visited\n%s\nwant\n%s", got, want)
			}
			if !strings.Contains(log.String(), `"strategy":"`+row.strategy+`"`) {
				t.Errorf("another strategy was taken than %s:\n%s", row.strategy, log.String())
			}
		})
	}
}

// failing answers the requests for objects of these numbers with an error.
func failing(numbers ...int) gittest.Gate {
	posts := 0
	return func(q *http.Request) (int, string) {
		if q.Method != http.MethodPost {
			return 0, ""
		}
		if posts++; slices.Contains(numbers, posts) {
			return http.StatusInternalServerError, ""
		}
		return 0, ""
	}
}

func TestChangesOfALargeRepositoryTransferLittle(t *testing.T) {
	r := gittest.New(t)
	for i := range 300 {
		for j := range 3 {
			r.Write(fmt.Sprintf("service%d/module/package%d/file", i, j), noise(4000))
		}
	}
	base := r.Commit("base")
	var revision string
	for i := range 3 {
		r.Write(fmt.Sprintf("service%d/module/package1/file", 100*i), noise(4000))
		r.Write(fmt.Sprintf("service%d/module/new", 100*i), noise(4000))
		revision = r.Commit("change")
	}
	r.Git("repack", "-adq")
	total := 0
	for _, line := range strings.Split(r.Git("rev-list", "--objects", "--no-object-names", base+".."+revision), "\n") {
		size, err := strconv.Atoi(r.Git("cat-file", "-s", line))
		if err != nil {
			t.Fatal(err)
		}
		total += size
	}
	for name, filter := range map[string]string{"with a filter": "true", "without": "false"} {
		t.Run(name, func(t *testing.T) {
			r.AllowWants("Reachable")
			r.Git("config", "uploadpack.allowFilter", filter)
			server := gittest.Serve(t, r, "demo", nil)
			asked := request(t, server.URL+"/v1/repos/demo", contract.ModeChanges, revision)
			asked.BaseRevision = base
			if got := len(paths(t, asked)); got != 6 {
				t.Errorf("visited %d, want 6", got)
			}
			ratio := float64(server.Bytes()) / float64(total)
			t.Logf("%d bytes in %d requests for %d bytes of new objects: %.2f", server.Bytes(), len(server.Requests()), total, ratio)
			if ratio > 3 {
				t.Errorf("transferred %.1f times the new objects", ratio)
			}
		})
	}
}

func TestFilesOfATargetThatWasNotFetched(t *testing.T) {
	r, _, revision := eventful(t)
	r.Write(".settings", "of the target")
	base := r.Commit("settings")
	for name, filter := range map[string]string{"with a filter": "true", "without": "false"} {
		t.Run(name, func(t *testing.T) {
			r.AllowWants("Any")
			r.Git("config", "uploadpack.allowFilter", filter)
			asked := request(t, gittest.Serve(t, r, "demo", nil).URL+"/v1/repos/demo", contract.ModeChanges, revision)
			asked.BaseRevision = base
			repository, err := source.Open(t.Context(), asked)
			if err != nil {
				t.Fatal(err)
			}
			defer repository.Close()
			if got, err := repository.TargetFile(t.Context(), ".settings"); err != nil || string(got) != "of the target" {
				t.Errorf("got %q, %v", got, err)
			}
			if got, err := repository.RevisionFile(t.Context(), ".settings"); err != nil || got != nil {
				t.Errorf("got %q, %v of the revision", got, err)
			}
			if got, err := repository.RevisionFile(t.Context(), "last"); err != nil || len(got) != 100 {
				t.Errorf("got %d bytes, %v of the revision", len(got), err)
			}
		})
	}
}

func TestChangesThatTheBaseHoldsAlready(t *testing.T) {
	r, first, second, third, _ := threeCommits(t)
	r.AllowWants("Any")
	server := gittest.Serve(t, r, "demo", nil)
	for name, row := range map[string]struct{ revision, base string }{
		"merged long ago": {second, third}, "the base itself": {first, first},
	} {
		t.Run(name, func(t *testing.T) {
			asked := request(t, server.URL+"/v1/repos/demo", contract.ModeChanges, row.revision)
			asked.BaseRevision = row.base
			if got := paths(t, asked); len(got) != 0 {
				t.Errorf("visited %v", got)
			}
		})
	}
}

func TestTheFilesOfATargetComeWithTheChanges(t *testing.T) {
	r := gittest.New(t)
	for i := range 50 {
		r.Write(fmt.Sprintf("service%d/package/file", i), noise(4000))
	}
	names := []string{".gitleaks.toml", ".gitleaksignore", ".scanjobignore"}
	for _, name := range names {
		r.Write(name, "as it was")
	}
	before := r.Commit("where the changes begin")
	r.Git("switch", "--quiet", "--create", "topic")
	r.Write("service1/package/file", noise(4000))
	revision := r.Commit("changes")
	r.Git("switch", "--quiet", "main")
	r.Write("service2/package/file", noise(4000))
	r.Write(".scanjobignore", "as it is")
	after := r.Commit("main goes on")
	r.Git("repack", "-adq")
	for _, row := range []struct {
		name, allow, filter, base string
		gate                      gittest.Gate
		requests, bytes           int
	}{
		{"a server that filters", "Any", "true", before, nil, 4, 10_000},
		{"a server that filters, and a target that went on", "Any", "true", after, nil, 5, 10_000},
		{"a server that does not filter", "Any", "false", before, nil, 4, 20_000},
		{"a server that does not filter, and a target that went on", "Any", "false", after, nil, 5, 20_000},
		{"a server that gives out only what its branches reach", "Reachable", "false", after, nil, 5, 20_000},
		{"a server that gives out no files by id, so that all that stands there comes", "Any", "false", before, failing(3), 5, 300_000},
	} {
		t.Run(row.name, func(t *testing.T) {
			r.AllowWants(row.allow)
			r.Git("config", "uploadpack.allowFilter", row.filter)
			server := gittest.Serve(t, r, "demo", row.gate)
			asked := request(t, server.URL+"/v1/repos/demo", contract.ModeChanges, revision)
			asked.BaseRevision, asked.TargetFiles = row.base, names
			repository, err := source.Open(t.Context(), asked)
			if err != nil {
				t.Fatal(err)
			}
			defer repository.Close()
			for _, name := range names {
				want := "as it was"
				if name == ".scanjobignore" && row.base == after {
					want = "as it is"
				}
				if got, err := repository.TargetFile(t.Context(), name); err != nil || string(got) != want {
					t.Errorf("%s: got %q, %v", name, got, err)
				}
			}
			if got, err := repository.TargetFile(t.Context(), ".none"); err != nil || got != nil {
				t.Errorf("got %q, %v of what is not there", got, err)
			}
			var asks []string
			for _, request := range server.Requests() {
				asks = append(asks, request.Method+" "+request.URL.Path)
			}
			if len(asks) != row.requests {
				t.Errorf("%d requests, want %d: %v", len(asks), row.requests, asks)
			}
			if server.Bytes() > int64(row.bytes) {
				t.Errorf("%d bytes for a change of 4,000", server.Bytes())
			}
		})
	}
}
