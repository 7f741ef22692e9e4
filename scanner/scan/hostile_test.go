package scan_test

import (
	"archive/zip"
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/delta"
	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/gittest"
	"github.com/scanjob-dev/scanjob/scanner/scan"
	"github.com/scanjob-dev/scanjob/scanner/source"
)

// runWithin is run with limits of so many bytes for a file and for all together.
func runWithin(t *testing.T, request source.Request, blob, total int64) scan.Result {
	t.Helper()
	return runLimited(t, request, scan.Limits(blob, total, scan.MaxFindings))
}

// runLimited is run with other limits.
func runLimited(t *testing.T, request source.Request, most scan.Limited) scan.Result {
	t.Helper()
	repository, err := source.Open(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := repository.Close(); err != nil {
			t.Error(err)
		}
	}()
	detector, err := detect.New()
	if err != nil {
		t.Fatal(err)
	}
	result, err := scan.RunLimited(t.Context(), repository, detector, request.Log, most)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// notScanned are the descriptions of what was left out, with the number of the other findings.
func notScanned(result scan.Result) (reasons []string, others int) {
	for _, finding := range result.Findings {
		if finding.Rule != contract.RuleNotScanned {
			others++
			continue
		}
		reasons = append(reasons, finding.Description)
	}
	return reasons, others
}

// versions is a repository of many versions of a text, which are small as deltas and large together.
func versions(t *testing.T, count, size int) (r *gittest.Repository, base string) {
	t.Helper()
	r = gittest.New(t)
	r.Write("README", "nothing\n")
	base = r.Commit("base")
	line := "all work and no play makes a dull text of so many versions\n"
	text := strings.Repeat(line, size/len(line))
	var script strings.Builder
	for i := range count {
		from := ""
		if i == 0 {
			from = "from " + base + "\n"
		}
		content := fmt.Sprintf("version %d\n%s", i, text)
		fmt.Fprintf(&script, "commit refs/heads/bomb\ncommitter Test <test@example.com> 1768478400 +0000\ndata 0\n%sM 100644 inline big.txt\ndata %d\n%s\n", from, len(content), content)
	}
	r.FastImport(script.String())
	return r, base
}

func TestContentsThatComeToTooMuchTogetherAreToldOnce(t *testing.T) {
	const count, size = 60, 64 << 10
	r, base := versions(t, count, size)
	pair := newPair(t)
	r.Git("switch", "--quiet", "bomb")
	r.Write("a.env", text(pair))
	head := r.Commit("leak")
	for _, row := range []struct {
		mode, base string
		contents   int64
	}{{contract.ModeHistory, "", count}, {contract.ModeChanges, base, count}, {contract.ModeTree, "", 1}} {
		t.Run(row.mode, func(t *testing.T) {
			reasons, others := notScanned(runWithin(t, request(t, r, row.mode, head, row.base), scan.MaxBlobSize, 1<<30))
			if len(reasons) > 0 || others != 2 {
				t.Fatalf("with room for all: %d findings, left out %v", others, reasons)
			}
			result := runWithin(t, request(t, r, row.mode, head, row.base), scan.MaxBlobSize, row.contents*size/4)
			reasons, _ = notScanned(result)
			if len(reasons) != 1 || !strings.Contains(reasons[0], "the contents come to more than") {
				t.Errorf("left out %v, want one message", reasons)
			}
			if result.Bytes > row.contents*size/4 {
				t.Errorf("%d bytes were read", result.Bytes)
			}
			if state := result.Findings[len(result.Findings)-1].State; state == contract.StateExisting {
				t.Error("what was not read is taken for known")
			}
		})
	}
}

// Who ignores a folder must not lose what its findings leave no room for.
func TestFindingsThatAreNotListedCountWhateverFolderIsIgnored(t *testing.T) {
	r := gittest.New(t)
	r.Write("README", "nothing\n")
	base := r.Commit("base")
	for i := range 2 {
		r.Write(fmt.Sprintf("testdata/%d.env", i), text(newPair(t)))
	}
	r.Commit("fill the list")
	r.Write("real.env", text(newPair(t)))
	result := runLimited(t, request(t, r, contract.ModeChanges, r.Commit("leak"), base), scan.Limits(scan.MaxBlobSize, 0, 3))
	entries, problems, err := delta.ReadScanJob(strings.NewReader("path:testdata/** # made up"), delta.FileScanJob)
	if err != nil || len(problems) > 0 {
		t.Fatal(problems, err)
	}
	outcome := delta.Apply(result.Findings, delta.Suppressions{Entries: entries})
	if len(outcome.Suppressed) != 3 || len(outcome.Kept) != 1 || outcome.Kept[0].Rule != contract.RuleNotScanned || outcome.Kept[0].State != contract.StateNew {
		t.Errorf("kept %+v", outcome.Kept)
	}
}

// That the target branch holds something that is not read, either, does not make a change of it clean.
func TestAnotherContentThatIsTooLargeIsNew(t *testing.T) {
	r := gittest.New(t)
	r.Write("large", strings.Repeat("a\n", 1000))
	r.Write("model", "version https://git-lfs.github.com/spec/v1\noid sha256:"+strings.Repeat("a", 64)+"\nsize 12345\n")
	base := r.Commit("base")
	r.Git("switch", "--quiet", "--create", "topic")
	r.Write("large", strings.Repeat("b\n", 1000))
	r.Write("model", "version https://git-lfs.github.com/spec/v1\noid sha256:"+strings.Repeat("b", 64)+"\nsize 12345\n")
	result := runWithin(t, request(t, r, contract.ModeChanges, r.Commit("change"), base), 1000, 1<<30)
	if len(result.Findings) != 2 {
		t.Fatalf("%d findings, want one for each file", len(result.Findings))
	}
	for _, finding := range result.Findings {
		if finding.Rule != contract.RuleNotScanned || finding.State != contract.StateNew {
			t.Errorf("%s: %s is %q", finding.Path, finding.Description, finding.State)
		}
	}
}

// treeOf writes a tree as it stands, with names that git does not write.
func treeOf(t *testing.T, r *gittest.Repository, entries ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), "git", "-C", r.Dir, "hash-object", "-t", "tree", "-w", "--literally", "--stdin")
	c.Stdin = strings.NewReader(strings.Join(entries, ""))
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

func entryOf(t *testing.T, mode, name, id string) string {
	t.Helper()
	raw, err := hex.DecodeString(id)
	if err != nil {
		t.Fatal(err)
	}
	return mode + " " + name + "\x00" + string(raw)
}

func TestNamesInTreesLeadNowhereAndHideNothing(t *testing.T) {
	names := []string{
		"..", ".", ".git", ".GIT", "../../etc/passwd", "/etc/passwd", "a/b", "C:", "con", `a\..\b`, "\xff\xfe", "\u202egnp.exe", strings.Repeat("n", 5000),
	}
	r := gittest.New(t)
	r.Write("leak", text(newPair(t)))
	r.Commit("leak")
	blob := r.Git("rev-parse", "HEAD:leak")
	entries := []string{entryOf(t, "100644", "zz", blob)}
	for _, name := range names {
		entries = append(entries, entryOf(t, "40000", name, treeOf(t, r, entryOf(t, "100644", name, blob))))
	}
	head := r.Git("commit-tree", "-m", "odd", treeOf(t, r, entries...))
	r.Git("update-ref", "refs/heads/odd", head)
	for _, mode := range []string{contract.ModeTree, contract.ModeHistory} {
		result := run(t, request(t, r, mode, head, "")) // it tells if anything is left in the work folder
		paths := map[string]bool{}
		for _, finding := range result.Findings {
			paths[finding.Path] = true
			if strings.ContainsAny(finding.Path, "\x00\n\x1b\u202e") {
				t.Errorf("%s: the path %q is shown as it is", mode, finding.Path)
			}
		}
		if len(paths) != len(names)+1 {
			t.Errorf("%s: found in %d paths, want %d: %.1000v", mode, len(paths), len(names)+1, paths)
		}
	}
}

func TestNamesThatDifferInCaseAloneAreTwoFiles(t *testing.T) {
	r := gittest.New(t)
	r.Write("config.env", text(newPair(t)))
	r.Write("CONFIG.env", text(newPair(t)))
	result := run(t, request(t, r, contract.ModeTree, r.Commit("both"), ""))
	expect(t, places(result, nil), append(both("config.env", ""), both("CONFIG.env", "")...)...)
}

func TestNamesInArchivesLeadNowhereAndHideNothing(t *testing.T) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	names := []string{
		"../../outside.env", "/etc/absolute.env", `..\..\windows.env`, "a/../../b.env", ".git/config", "nul\x00byte.env", "case.env", "CASE.env",
		strings.Repeat("d/", 2000) + "deep.env", strings.Repeat("n", 40_000) + ".env", "", "red\x1b[31m.env",
	}
	for _, name := range names {
		file, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write([]byte(text(newPair(t)))); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	inside := filepath.Join(folder, "a", "b", "c")
	if err := os.MkdirAll(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, inside, "odd.zip", out.String())
	result, err := scan.Directory(t.Context(), inside, scan.DirectoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	reasons, others := notScanned(result)
	if others != 2*len(names) || len(reasons) > 0 {
		t.Errorf("%d findings, want %d; left out %v", others, 2*len(names), reasons)
	}
	for _, finding := range result.Findings {
		if !strings.HasPrefix(finding.Path, "odd.zip") || strings.Contains(finding.Path, "..") || strings.ContainsAny(finding.Path, "\x00\x1b") {
			t.Errorf("a path is shown as %.100q", finding.Path)
		}
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
		t.Errorf("the folder above holds %v", left)
	}
}

func TestLinksInFoldersThatLeadInACircleOrOutside(t *testing.T) {
	folder, outside := t.TempDir(), t.TempDir()
	write(t, outside, "secret.env", pairText(t))
	write(t, folder, "own.env", pairText(t))
	write(t, folder, "sub/.git/config", pairText(t))
	for link, target := range map[string]string{"loop": ".", "sub/up": "..", "self": "self", "out": outside, "file": filepath.Join(outside, "secret.env")} {
		if err := os.Symlink(target, filepath.Join(folder, link)); err != nil {
			t.Fatal(err)
		}
	}
	result, err := scan.Directory(t.Context(), folder, scan.DirectoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Findings) != 2 || result.Findings[0].Path != "own.env" || result.Symlinks != 5 {
		t.Errorf("%d links not followed, found %v", result.Symlinks, places(result, nil))
	}
}

// A file of 2 GiB without a line break takes no place on the disk, and no time: it is beyond what is scanned, and told.
func TestFileOfTwoGibibytesIsToldAndTheRestIsScanned(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, "own.env", pairText(t))
	file, err := os.Create(filepath.Join(folder, "line"))
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Truncate(2 << 30); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	result, err := scan.Directory(t.Context(), folder, scan.DirectoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if reasons, others := notScanned(result); others != 2 || len(reasons) != 1 || !strings.Contains(reasons[0], "the file has 2048 MiB, the limit is 512 MiB") {
		t.Errorf("%d findings, left out %v", others, reasons)
	}
}
