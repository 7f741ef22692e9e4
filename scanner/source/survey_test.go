package source_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/gittest"
	"github.com/scanjob-dev/scanjob/scanner/source"
)

// surveyed returns the contents that a survey with two goroutines reads, by their ids.
func surveyed(t *testing.T, repository *source.Repository) map[string]string {
	t.Helper()
	parts := []map[string]string{{}, {}}
	var visits []source.Visit
	for _, part := range parts {
		visits = append(visits, func(id source.ID, content []byte, left bool) error {
			if _, ok := part[id.String()]; ok || left {
				t.Errorf("%s was visited again or left out (%v)", id, left)
			}
			part[id.String()] = string(content)
			return nil
		})
	}
	if err := repository.Survey(t.Context(), visits); err != nil {
		t.Fatal(err)
	}
	for id := range parts[0] {
		if _, ok := parts[1][id]; ok {
			t.Errorf("%s was visited by both", id)
		}
	}
	maps.Copy(parts[0], parts[1])
	return parts[0]
}

func TestSurveyReadsEveryContentOnce(t *testing.T) {
	r, base, revision := eventful(t)
	r.Write("loose", "not in a pack")
	revision2 := r.Commit("loose")
	borrowing := filepath.Join(filepath.Dir(r.Dir), "borrowing")
	r.Git("clone", "--quiet", "--shared", r.Dir, borrowing)
	for name, request := range map[string]source.LocalRequest{
		"a history":            local(r.Dir, contract.ModeHistory, revision2, ""),
		"a borrowed history":   local(borrowing, contract.ModeHistory, revision2, ""),
		"changes":              local(r.Dir, contract.ModeChanges, revision, base),
		"a history since":      local(r.Dir, contract.ModeHistory, revision, base),
		"the tree of a commit": local(r.Dir, contract.ModeTree, revision, ""),
	} {
		t.Run(name, func(t *testing.T) {
			repository, err := source.OpenLocal(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			defer repository.Close()
			read := surveyed(t, repository)
			named := 0
			if _, err := repository.Changes(t.Context(), func(c source.Change) error {
				if c.Kind != source.File && c.Kind != source.Symlink {
					return nil
				}
				named++
				content, ok := read[c.Blob.String()]
				if repository.Surveyed(c.Blob) != ok {
					t.Errorf("%s: surveyed is %v", c.Path, !ok)
				}
				if want := r.Git("cat-file", "blob", c.Blob.String()); ok && content != want {
					t.Errorf("%s is %q, want %q", c.Path, content, want)
				}
				if !ok && c.Path != "loose" {
					t.Errorf("%s was not read", c.Path)
				}
				return nil
			}); err != nil || named < 10 {
				t.Errorf("named %d: %v", named, err)
			}
		})
	}
}

func TestDamagedContentsAreNamedAndTheOthersRead(t *testing.T) {
	r := gittest.New(t)
	r.Write("damaged", noise(5000))
	r.Write("whole", noise(5000))
	r.Commit("first")
	damaged, whole := r.Git("rev-parse", "HEAD:damaged"), r.Git("rev-parse", "HEAD:whole")
	name := filepath.Join(r.Dir, ".git/objects", damaged[:2], damaged[2:])
	if err := os.Chmod(name, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte("\x78\x01"+strings.Repeat("no deflate", 20)), 0o600); err != nil {
		t.Fatal(err)
	}
	repository, err := source.OpenLocal(t.Context(), local(r.Dir, contract.ModeHistory, "", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer repository.Close()
	var read, left []string
	if err := repository.Survey(t.Context(), []source.Visit{func(id source.ID, _ []byte, skipped bool) error {
		if skipped {
			left = append(left, id.String())
		} else {
			read = append(read, id.String())
		}
		return nil
	}}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(left, []string{damaged}) || !slices.Equal(read, []string{whole}) {
		t.Errorf("left %v and read %v, want %s and %s", left, read, damaged, whole)
	}
}
