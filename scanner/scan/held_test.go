package scan_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/gittest"
	"github.com/scanjob-dev/scanjob/scanner/scan"
)

// accounts is a text with so many account numbers from the first on, which are found.
func accounts(first, count int) string {
	var out strings.Builder
	for i := range count {
		fmt.Fprintf(&out, "role: arn:aws:iam::%012d:role/deploy\n", 200_000_000_000+int64(first+i)*104_729)
	}
	return out.String()
}

// versionsOfAccounts is a repository of many versions of one file of account numbers, of which each adds one, with a copy of the
// folder at another path in the end.
func versionsOfAccounts(t *testing.T, count, numbers int) (r *gittest.Repository, head string) {
	t.Helper()
	r = gittest.New(t)
	r.Write("README", "nothing\n")
	base := r.Commit("base")
	var script strings.Builder
	for i := range count {
		from := ""
		if i == 0 {
			from = "from " + base + "\n"
		}
		content := accounts(0, numbers+i)
		fmt.Fprintf(&script, "commit refs/heads/many\ncommitter Test <test@example.com> 1768478400 +0000\ndata 0\n%sM 100644 inline a/accounts.yaml\ndata %d\n%s\n", from, len(content), content)
	}
	r.FastImport(script.String())
	r.Git("switch", "--quiet", "many")
	r.Write("copy/accounts.yaml", accounts(0, numbers+count-1))
	return r, r.Commit("copy")
}

func TestWhatIsHeldOfContentsIsBoundedAndNothingIsLost(t *testing.T) {
	const count, numbers = 40, 100
	r, head := versionsOfAccounts(t, count, numbers)
	for _, mode := range []string{contract.ModeHistory, contract.ModeTree} {
		t.Run(mode, func(t *testing.T) {
			want := runLimited(t, request(t, r, mode, head, ""), scan.Limits(scan.MaxBlobSize, 0, scan.MaxFindings))
			if len(want.Findings) < numbers+count-1 {
				t.Fatalf("%d findings", len(want.Findings))
			}
			for _, most := range []int{1, 2 * numbers, 10 * numbers} {
				got := runLimited(t, request(t, r, mode, head, ""), scan.Holding(scan.Limits(scan.MaxBlobSize, 0, scan.MaxFindings), most))
				// What is not noted as seen is told at the further path, too.
				got.Findings = slices.DeleteFunc(got.Findings, func(f contract.Finding) bool { return strings.HasPrefix(f.Path, "copy/") })
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("with %d matches held: %s", most, diff)
				}
			}
		})
	}
}

// What has to be read again counts, so that a repository which is made for it does not take for ever; what is missing then is told.
func TestReadingAgainIsBoundedAndTold(t *testing.T) {
	const count, numbers = 40, 100
	size := int64(len(accounts(0, numbers+count)))
	r, head := versionsOfAccounts(t, count, numbers)
	most := scan.Holding(scan.Limits(scan.MaxBlobSize, (count+2)*size, scan.MaxFindings), 4*numbers)
	if reasons, others := notScanned(runLimited(t, request(t, r, contract.ModeHistory, head, ""), most)); len(reasons) != 0 || others < numbers+count-1 {
		t.Errorf("versions that follow one another: %d findings, left out %v", others, reasons)
	}
	// One content in turns with new ones at further paths: it is always forgotten.
	r = gittest.New(t)
	for i := range 8 {
		for name := range 4 {
			r.Write(fmt.Sprintf("%d/%d.yaml", i, name), accounts(name*1000, numbers))
		}
		r.Write(fmt.Sprintf("%d/own", i), fmt.Sprint(i))
		r.Commit("turn")
	}
	head = r.Git("rev-parse", "HEAD")
	most = scan.Holding(scan.Limits(scan.MaxBlobSize, 6*size, scan.MaxFindings), 1)
	if reasons, _ := notScanned(runLimited(t, request(t, r, contract.ModeHistory, head, ""), most)); len(reasons) != 1 || !strings.Contains(reasons[0], "were not read") {
		t.Errorf("left out %v", reasons)
	}
}

func TestMatchesInAnArchiveAreBoundedAndTold(t *testing.T) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for i := range 4 {
		file, err := w.Create(fmt.Sprint(i, ".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write([]byte(accounts(i*detect.MaxMatches, detect.MaxMatches-1))); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	write(t, folder, "many.zip", out.String())
	result, err := scan.Directory(t.Context(), folder, scan.DirectoryOptions{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if reasons, others := notScanned(result); others != scan.MaxFindings || !strings.Contains(strings.Join(reasons, "\n"), "not listed") {
		t.Errorf("%d findings, left out %v", others, reasons)
	}
}
