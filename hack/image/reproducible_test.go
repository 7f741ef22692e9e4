package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// checkSecondBuild builds from a copy of the sources at another path, with another setup of Go, and compares digests, which
// cover every byte. The copy has the repository's Git folder, because the commit is part of the programs. One program and
// one platform are enough: the index adds nothing but the digests of the others.
func checkSecondBuild(t *testing.T, s shelf) {
	copied := copyRepository(t)
	t.Setenv("GOFLAGS", "-buildvcs=false")
	t.Setenv("GOAMD64", "v3")
	t.Setenv("CGO_ENABLED", "1")
	t.Setenv("TZ", "Asia/Tokyo")
	platform := v1.Platform{OS: "linux", Architecture: "amd64"}
	p := programs()[1]
	made, err := build(t.Context(), p, copied, []v1.Platform{platform})
	if err != nil {
		t.Fatal(err)
	}
	got, err := made.images[0].image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	_, image := s.pull(t, p.name, platform)
	want, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("the image of the %s is %s, it was %s", p.name, got, want)
	}
	t.Logf("%s for %s: %s twice", p.name, platform, got)
	file := filepath.Join(s.folder, p.name+"-linux-amd64.cdx.json")
	if first, err := os.ReadFile(file); err != nil || string(first) != string(made.images[0].sbom) {
		t.Errorf("the SBOM of the %s is another one: %v", p.name, err)
	}
}

// copyRepository copies the sources, committed or not, and Git's own folder.
func copyRepository(t *testing.T) string {
	t.Helper()
	source, target := repository(t), filepath.Join(t.TempDir(), "elsewhere")
	listed, err := exec.CommandContext(t.Context(), "git", "-C", source, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Fatal(err)
	}
	for file := range strings.SplitSeq(strings.TrimSuffix(string(listed), "\x00"), "\x00") {
		if err := copyFile(filepath.Join(source, file), filepath.Join(target, file)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	folder, err := exec.CommandContext(t.Context(), "git", "-C", source, "rev-parse", "--path-format=absolute", "--git-common-dir").Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(target, ".git"), os.DirFS(strings.TrimSpace(string(folder)))); err != nil {
		t.Fatal(err)
	}
	return target
}

func copyFile(source, target string) error {
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	from, err := os.Open(source)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(target, os.O_CREATE|os.O_WRONLY, info.Mode().Perm())
	if err != nil {
		return err
	}
	if _, err := io.Copy(to, from); err != nil {
		return err
	}
	return to.Close()
}
