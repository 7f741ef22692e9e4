package delta_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/delta"
)

var now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// digest is a fingerprint; another digit is another value.
func digest(digit string) string { return strings.Repeat(digit, 64) }

const commit = "0123456789abcdef0123456789abcdef01234567"

func finding(rule, path string, line int, digit string) contract.Finding {
	return contract.Finding{Rule: rule, Path: path, Line: line, Commit: commit, Fingerprint: digest(digit), Severity: contract.SeverityHigh}
}

func TestIgnoreFilesSuppressWhatTheyName(t *testing.T) {
	jwt := finding("jwt", "src/a b.go", 7, "a")
	key := finding("aws-access-key-id", "src/a b.go", 7, "b")
	unread := finding(contract.RuleNotScanned, "src/a b.go", 0, "c")
	for _, test := range []struct {
		name, file, line string
		finding          contract.Finding
		suppressed       bool
	}{
		{"file, rule and line", delta.FileGitleaks, "src/a b.go:jwt:7", jwt, true},
		{"file, rule and line in the commit", delta.FileGitleaks, commit + ":src/a b.go:jwt:7", jwt, true},
		{"another commit", delta.FileGitleaks, strings.Repeat("f", 40) + ":src/a b.go:jwt:7", jwt, false},
		{"another line", delta.FileGitleaks, "src/a b.go:jwt:8", jwt, false},
		{"line 0 is no line, not any", delta.FileGitleaks, "src/a b.go:jwt:0", jwt, false},
		{"another rule", delta.FileGitleaks, "src/a b.go:private-key:7", jwt, false},
		{"the end of a path is not the path", delta.FileGitleaks, "a b.go:jwt:7", jwt, false},
		{"a path with backslashes", delta.FileGitleaks, `src\a b.go:jwt:7`, jwt, true},
		{"a path with a colon", delta.FileGitleaks, "src/a:b.go:jwt:7", finding("jwt", "src/a:b.go", 7, "a"), true},
		{"gitleaks' name of the rule", delta.FileGitleaks, "src/a b.go:aws-access-token:7", key, true},
		{"a fingerprint of ours", delta.FileGitleaks, digest("a"), jwt, true},
		{"a comment", delta.FileGitleaks, "# src/a b.go:jwt:7", jwt, false},
		{"a fingerprint with a reason", delta.FileScanJob, strings.ToUpper(digest("a")) + " # made up", jwt, true},
		{"another fingerprint", delta.FileScanJob, digest("b") + " # made up", jwt, false},
		{"folders and a rule", delta.FileScanJob, "path:src/** rule:jwt\t# made up", jwt, true},
		{"folders and another rule", delta.FileScanJob, "path:src/** rule:private-key # made up", jwt, false},
		{"other folders", delta.FileScanJob, "path:test/** # made up", jwt, false},
		{"a star stays in its folder", delta.FileScanJob, "path:* # made up", jwt, false},
		{"a rule", delta.FileScanJob, "rule:jwt # made up", jwt, true},
		{"what was not read, in a folder", delta.FileScanJob, "path:src/** # made up", unread, false},
		{"what was not read, by its rule", delta.FileScanJob, "path:src/** rule:not-scanned # made up", unread, true},
		{"what was not read, by its fingerprint", delta.FileScanJob, digest("c") + " # made up", unread, true},
		{"the last day", delta.FileScanJob, "rule:jwt until 2026-11-25 # made up", jwt, true},
		{"the day after", delta.FileScanJob, "rule:jwt until 2026-11-24 # made up", jwt, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			read := delta.ReadGitleaks
			if test.file == delta.FileScanJob {
				read = delta.ReadScanJob
			}
			entries, problems, err := read(strings.NewReader("\n"+test.line+"\r\n"), test.file)
			if err != nil || len(problems) > 0 {
				t.Fatalf("problems %q, error %v", problems, err)
			}
			got := delta.Apply([]contract.Finding{test.finding}, delta.Suppressions{Entries: entries, Now: now})
			if len(got.Kept)+len(got.Suppressed) != 1 || (len(got.Suppressed) == 1) != test.suppressed {
				t.Fatalf("%d kept, %d suppressed", len(got.Kept), len(got.Suppressed))
			}
			if test.suppressed && got.Suppressed[0].Suppression.Where != test.file+":2" {
				t.Errorf("it says %+v", got.Suppressed[0].Suppression)
			}
		})
	}
}

func TestLinesThatMeanNothingAreToldAndDoNotCount(t *testing.T) {
	for _, test := range []struct{ file, line, want string }{
		{delta.FileGitleaks, "src/a.go", "neither"},
		{delta.FileGitleaks, "src/a.go:jwt:x", "neither"},
		{delta.FileGitleaks, ":jwt:7", "neither"},
		{delta.FileScanJob, "rule:jwt", "reason"},
		{delta.FileScanJob, "rule:jwt # ", "reason"},
		{delta.FileScanJob, "until 2027-01-01 # why", "names neither"},
		{delta.FileScanJob, "rule:jwt until tomorrow # why", "date"},
		{delta.FileScanJob, "rule:jwt until # why", "word 2"},
		{delta.FileScanJob, "rule:jwt rule:other # why", "word 2"},
		{delta.FileScanJob, "rule: # why", "word 1"},
		{delta.FileScanJob, "path:[ # why", "pattern"},
		{delta.FileScanJob, "hunter2 # why", "word 1"},
	} {
		read := delta.ReadGitleaks
		if test.file == delta.FileScanJob {
			read = delta.ReadScanJob
		}
		entries, problems, err := read(strings.NewReader(test.line), test.file)
		if err != nil || len(entries) > 0 || len(problems) != 1 || !strings.Contains(problems[0], test.want) {
			t.Errorf("%q: entries %v, problems %q, error %v", test.line, entries, problems, err)
		}
		if strings.Contains(strings.Join(problems, ""), "hunter2") {
			t.Errorf("the problem repeats the line: %q", problems)
		}
	}
	_, problems, err := delta.ReadGitleaks(strings.NewReader(strings.Repeat("nothing\n", 1000)), delta.FileGitleaks)
	if err != nil || len(problems) != 21 || !strings.Contains(problems[20], "980 more") {
		t.Errorf("%d problems, error %v", len(problems), err)
	}
}

func TestExpiredEntriesAreTold(t *testing.T) {
	entries, _, err := delta.ReadScanJob(strings.NewReader("rule:jwt until 2026-11-24 # the key is gone by then"), delta.FileScanJob)
	if err != nil {
		t.Fatal(err)
	}
	got := delta.Apply(nil, delta.Suppressions{Entries: entries, Now: now})
	want := []string{".scanjobignore:1 expired on 2026-11-24 and no longer counts: remove it, or give it another date (the key is gone by then)"}
	if diff := cmp.Diff(want, got.Problems); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestReasonsAreMaskedAndKept(t *testing.T) {
	entries, _, err := delta.ReadScanJob(strings.NewReader("rule:jwt until 2027-01-01 # of account 1234"+"98765432"), delta.FileScanJob)
	if err != nil {
		t.Fatal(err)
	}
	got := delta.Apply([]contract.Finding{finding("jwt", "a", 1, "a")}, delta.Suppressions{Entries: entries, Now: now})
	want := &contract.Suppression{By: contract.SuppressedByIgnoreFile, Where: ".scanjobignore:1", Reason: "of account ****5432", Until: "2027-01-01"}
	if diff := cmp.Diff(want, got.Suppressed[0].Suppression); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestCommentsCountOnlyWhereTheyMay(t *testing.T) {
	marked := finding("jwt", "a", 1, "a")
	marked.AllowComment = "scanjob:allow"
	leftOut := marked
	leftOut.Rule = contract.RuleNotScanned
	all := []contract.Finding{marked, leftOut, finding("jwt", "a", 2, "b")}
	if got := delta.Apply(all, delta.Suppressions{Now: now}); len(got.Kept) != 3 {
		t.Errorf("%d kept where comments do not count", len(got.Kept))
	}
	got := delta.Apply(all, delta.Suppressions{Comments: true, Now: now})
	if len(got.Kept) != 2 || len(got.Suppressed) != 1 || got.Suppressed[0].Suppression.By != contract.SuppressedByComment {
		t.Errorf("%+v", got)
	}
	if all[0].Suppression != nil {
		t.Error("the argument was changed")
	}
}

func TestFindingsAreComparedByValueNotByLine(t *testing.T) {
	valued := func(rule, path string, line int, digit, value string) delta.Valued {
		return delta.Valued{Finding: finding(rule, path, line, digit), Value: value}
	}
	unread := delta.Valued{Finding: contract.Finding{Rule: contract.RuleNotScanned, Path: "big"}}
	head := []delta.Valued{
		valued("jwt", "moved.go", 90, "a", "A"), valued("jwt", "a.go", 7, "b", "B"), unread,
		// The first stands in the place of another, the second has moved down.
		valued("weak", "weak.go", 1, "d", "F"), valued("weak", "weak.go", 2, "e", "E"),
	}
	target := []delta.Valued{
		valued("jwt", "a.go", 7, "a", "A"), valued("jwt", "a.go", 9, "c", "C"), valued("jwt", "b.go", 9, "c", "C"), unread,
		valued("weak", "weak.go", 1, "e", "D"), valued("weak", "weak.go", 0, "d", "E"),
	}
	compared, resolved := delta.Compare(head, target)
	var got []string
	for _, one := range slices.Concat(compared, resolved) {
		got = append(got, fmt.Sprintf("%s:%d %s", one.Path, one.Line, one.State))
	}
	want := []string{"moved.go:90 existing", "a.go:7 new", "big:0 new", "weak.go:1 new", "weak.go:2 existing", "a.go:9 resolved", "weak.go:1 resolved"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if head[0].State != "" || target[1].State != "" {
		t.Error("an argument was changed")
	}
}
