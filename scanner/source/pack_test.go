package source

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/scanner/gittest"
)

// deltified returns a repository of many versions of a file, so that its pack is full of deltas.
func deltified(t *testing.T) *gittest.Repository {
	t.Helper()
	r := gittest.New(t)
	var text, script strings.Builder
	file := func(path, content string) {
		fmt.Fprintf(&script, "M 100644 inline %s\ndata %d\n%s\n", path, len(content), content)
	}
	for i := range 60 {
		for j := range 40 {
			fmt.Fprintf(&text, "line %d of version %d: %x\n", j, i, i*j*7919)
		}
		fmt.Fprintf(&script, "commit refs/heads/main\ncommitter Test <test@example.com> 1768478400 +0000\ndata 0\n")
		file("big.txt", text.String())
		file("folder/small.txt", fmt.Sprint(i))
	}
	r.FastImport(script.String())
	return r
}

// packOf packs all objects of the repository with git and returns the name of the pack without its ending.
func packOf(t *testing.T, r *gittest.Repository, options ...string) string {
	t.Helper()
	prefix := filepath.Join(t.TempDir(), "p")
	arguments := append([]string{"pack-objects", "--quiet", "--no-reuse-delta", "--depth=50", "--window=50"}, append(options, prefix)...)
	command := exec.CommandContext(t.Context(), "git", arguments...)
	command.Dir = r.Dir
	command.Stdin = strings.NewReader(r.Git("rev-list", "--objects", "--all", "--no-object-names") + "\n")
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return prefix + "-" + strings.TrimSpace(string(output))
}

func TestIndexIsTheOneOfGit(t *testing.T) {
	r := deltified(t)
	for name, options := range map[string][]string{
		"deltas by offset": {"--delta-base-offset"},
		"deltas by id":     {},
	} {
		t.Run(name, func(t *testing.T) {
			pack := packOf(t, r, options...)
			file, err := os.Open(pack + ".pack")
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			index, checksum, err := indexPack(t.Context(), file, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(pack, checksum.String()) {
				t.Errorf("checksum %s, want that of %s", checksum, pack)
			}
			ours := filepath.Join(t.TempDir(), "ours.idx")
			if err := writeIndex(ours, index); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(ours)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(pack + ".idx")
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Error("the index differs from the one that git wrote")
			}
			if deltas := strings.Count(r.Git("verify-pack", "-v", pack+".idx"), "chain length"); deltas == 0 {
				t.Error("the pack of the test holds no deltas")
			}
		})
	}
}

func TestBasesThatDoNotFitIntoMemoryGoToFiles(t *testing.T) {
	pack := packOf(t, deltified(t))
	file, err := os.Open(pack + ".pack")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	folder := t.TempDir()
	withMemory, _, err := indexPack(t.Context(), file, folder)
	if err != nil {
		t.Fatal(err)
	}
	withFiles, _, err := indexPackWithin(t.Context(), file, &scratch{folder: folder, free: 1 << 10}, inflationSlack)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(withMemory.Names) != fmt.Sprint(withFiles.Names) {
		t.Error("another index comes out with files")
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) != 0 {
		t.Errorf("files are left over: %v %v", left, err)
	}
}

func TestDamagedPacks(t *testing.T) {
	whole, err := os.ReadFile(packOf(t, deltified(t)) + ".pack")
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 0x55
	rows := []struct {
		name string
		pack []byte
	}{
		{"nothing", nil},
		{"no pack at all", []byte("<html>not found</html>")},
		{"half of it", whole[:len(whole)/2]},
		{"without its checksum", whole[:len(whole)-20]},
		{"one byte changed", flipped},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "pack")
			if err := os.WriteFile(name, row.pack, 0o600); err != nil {
				t.Fatal(err)
			}
			file, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			if _, _, err := indexPack(t.Context(), file, t.TempDir()); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestDamagedDeltas(t *testing.T) {
	base := &content{scratch: &scratch{}, size: 4, memory: []byte("base")}
	rows := []struct {
		name  string
		delta []byte
	}{
		{"nothing", nil},
		{"for a base of another size", []byte{5, 4, 0x90, 4}},
		{"a size without an end", bytes.Repeat([]byte{0xff}, 12)},
		{"no instruction", []byte{4, 4}},
		{"an instruction that does not exist", []byte{4, 4, 0}},
		{"a copy from behind the end", []byte{4, 4, 0x91, 2, 4}},
		{"more than it says", []byte{4, 1, 2, 'a', 'b'}},
		{"a piece that ends early", []byte{4, 4, 4, 'a'}},
		{"a copy without its length", []byte{4, 4, 0x90}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			delta := bufio.NewReader(bytes.NewReader(row.delta))
			size, err := deltaSizes(delta, base.size)
			if err == nil {
				err = applyDelta(delta, base, size, &bytes.Buffer{})
			}
			if !errors.Is(err, errDamagedPack) {
				t.Errorf("got %v, want %v", err, errDamagedPack)
			}
		})
	}
}
