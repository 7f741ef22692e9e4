package scan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/gittest"
	"github.com/scanjob-dev/scanjob/scanner/scan"
)

func TestPointersOfGitLFSAreToldAsNotScanned(t *testing.T) {
	pointer := "version https://git-lfs.github.com/spec/v1\noid sha256:" + strings.Repeat("4d7a2146", 8) + "\nsize 12345\n"
	r := gittest.New(t)
	r.Write("README", "nothing\n")
	base := r.Commit("base")
	r.Write("model.bin", pointer)
	r.Write("mentions", "see "+pointer)
	r.Write("half", strings.SplitAfter(pointer, "\n")[0])
	head := r.Commit("large file")
	check := func(name string, result scan.Result) {
		t.Helper()
		if got := rulesAndPaths(result); !slices.Equal(got, []string{contract.RuleNotScanned + " model.bin"}) {
			t.Errorf("%s: %q", name, got)
		} else if text := result.Findings[0].Description; !strings.Contains(text, "12345 bytes is in Git LFS") {
			t.Errorf("%s: %q", name, text)
		}
	}
	check("Tree", run(t, request(t, r, contract.ModeTree, head, "")))
	check("Changes", run(t, request(t, r, contract.ModeChanges, head, base)))
	inFolder, err := scan.Directory(t.Context(), r.Dir, scan.DirectoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	check("Directory", inFolder)

	r.Write("model.bin", strings.Replace(pointer, "4d7a2146", "00000000", 1)[:len(pointer)-6]+"99999\n")
	replaced := run(t, request(t, r, contract.ModeChanges, r.Commit("another content"), head))
	if got := replaced.Findings; len(got) != 1 || got[0].State != contract.StateNew {
		t.Errorf("another content behind the pointer: %+v", got)
	}
}

func TestPointersOfEveryAge(t *testing.T) {
	object := "\noid sha256:" + strings.Repeat("4d7a2146", 8) + "\nsize 12345\n"
	folder := t.TempDir()
	var want []string
	for name, content := range map[string]string{
		"a": "version https://hawser.github.com/spec/v1" + object,
		"b": "version http://git-media.io/v/2" + object,
		"c": "version https://git-media.io/v/2" + object,
		"d": strings.ReplaceAll("version https://git-lfs.github.com/spec/v1"+object, "\n", "\r\n"),
		"e": "version https://git-lfs.github.com/spec/v1\next-0-zip sha256:" + strings.Repeat("00", 32) + object,
	} {
		write(t, folder, name, content)
		want = append(want, contract.RuleNotScanned+" "+name)
	}
	write(t, folder, "other", "version https://example.com/spec/v1"+object)
	result, err := scan.Directory(t.Context(), folder, scan.DirectoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	if got := rulesAndPaths(result); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
