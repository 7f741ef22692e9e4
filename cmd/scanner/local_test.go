package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/report"
)

// folderWith writes files into a new folder.
func folderWith(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for path, content := range files {
		full := filepath.Join(folder, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func leaking(t *testing.T) (folder string, secrets canaries) {
	t.Helper()
	secrets = newCanaries(t)
	return folderWith(t, map[string]string{
		"app.env":  "aws_access_key_id=" + secrets["key id"] + "\naws_secret_access_key=" + secrets["secret key"] + "\n",
		"main.tf":  `role = "arn:aws:iam::` + secrets["account"] + `:role/admin"` + "\n",
		"good.txt": "nothing here\n",
	}), secrets
}

func TestAReportIntoAPipeLeavesThePipeThere(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(pipe, os.O_RDWR, 0) // which need not wait for the other side
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	got := start(t, nil, "dir", "--format", "json", "--output", pipe, t.TempDir())
	if got.exit != contract.ExitClean {
		t.Fatalf("exit %d\n%s", got.exit, got.stderr)
	}
	if info, err := os.Stat(pipe); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Fatalf("the pipe is %v, %v", info.Mode(), err)
	}
	first := make([]byte, 1)
	if _, err := reader.Read(first); err != nil || first[0] != '{' {
		t.Errorf("the report begins with %q, %v", first, err)
	}
}

func TestAReportThroughALinkGoesWhereTheLinkLeads(t *testing.T) {
	folder := folderWith(t, map[string]string{"report.json": strings.Repeat("an earlier report that is longer\n", 1000)})
	target, link := filepath.Join(folder, "report.json"), filepath.Join(folder, "latest")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if got := start(t, nil, "dir", "--format", "json", "--output", link, t.TempDir()); got.exit != contract.ExitClean {
		t.Fatalf("exit %d\n%s", got.exit, got.stderr)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is replaced: %v, %v", info.Mode(), err)
	}
	if content, err := os.ReadFile(target); err != nil || !json.Valid(content) {
		t.Errorf("no report behind the link: %.80q, %v", content, err)
	}
}

func TestAReportThatCannotBeWrittenSaysWhy(t *testing.T) {
	folder := t.TempDir()
	full := filepath.Join(folder, "full")
	if err := os.Symlink("/dev/full", full); err != nil {
		t.Fatal(err)
	}
	device, err := os.OpenFile(full, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	for to, want := range map[string]string{
		full:                            "no space left on device",
		folder:                          "is a folder; name a file in it",
		folder + "/":                    "is a folder; name a file in it",
		filepath.Join(folder, "x", "y"): "no such file or directory",
	} {
		got := start(t, nil, "dir", "--output", to, t.TempDir())
		if got.exit != contract.ExitRequest || !strings.HasPrefix(got.stderr, "scanner: the report cannot be written: ") || !strings.Contains(got.stderr, want) {
			t.Errorf("to %s: exit %d, %s, want %q", to, got.exit, got.stderr, want)
		}
	}
	var stderr strings.Builder
	c := command(t, nil, "dir", t.TempDir())
	c.Stdout, c.Stderr = device, &stderr
	if err := c.Run(); c.ProcessState.ExitCode() != contract.ExitRequest || !strings.Contains(stderr.String(), "the report cannot be written: ") {
		t.Errorf("to a full standard output: %v, %s", err, stderr.String())
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestDirReportsInEveryFormatAndNoneHoldsASecret(t *testing.T) {
	folder, secrets := leaking(t)
	for _, format := range report.Formats() {
		got := start(t, nil, "dir", "--format", format, folder)
		if got.exit != contract.ExitFindings || !strings.Contains(got.stdout, "app.env") || got.stderr != "" {
			t.Errorf("%s: exit %d, %s%s", format, got.exit, got.stdout, got.stderr)
		}
		secrets.missingFrom(t, format, got.stdout+got.stderr)
		if strings.Contains(got.stdout, "\x1b") {
			t.Errorf("%s is colored though it goes to no terminal", format)
		}
	}
}

func TestDirOfACleanFolder(t *testing.T) {
	got := start(t, nil, "dir", folderWith(t, map[string]string{"a.txt": "nothing"}))
	if got.exit != contract.ExitClean || !strings.Contains(got.stdout, "Nothing found") {
		t.Errorf("exit %d, %s%s", got.exit, got.stdout, got.stderr)
	}
}

func TestDirWritesSeveralReports(t *testing.T) {
	folder, _ := leaking(t)
	out := t.TempDir()
	json1, sarif := filepath.Join(out, "scan.json"), filepath.Join(out, "scan.sarif")
	got := start(t, nil, "dir", "-f", "json", "-o", json1, "--report", "sarif="+sarif, "--severity", "high", folder)
	if got.exit != contract.ExitFindings || got.stdout != "" {
		t.Errorf("exit %d, %s%s", got.exit, got.stdout, got.stderr)
	}
	var document contract.Result
	content, err := os.ReadFile(json1)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &document); err != nil || document.Total != 2 {
		t.Errorf("%d findings of high severity or worse, want 2 (%v)", document.Total, err)
	}
	if content, err = os.ReadFile(sarif); err != nil || !json.Valid(content) {
		t.Errorf("no SARIF: %v", err)
	}
	if left, err := os.ReadDir(out); err != nil || len(left) != 2 {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestWhatWasNotScannedIsToldWhateverTheSeverity(t *testing.T) {
	folder := folderWith(t, map[string]string{"broken.zip": "PK\x03\x04 and nothing behind it"})
	got := start(t, nil, "dir", "--severity", "critical", folder)
	if got.exit != contract.ExitFindings || !strings.Contains(got.stdout, contract.RuleNotScanned) || !strings.Contains(got.stdout, "broken.zip") {
		t.Errorf("exit %d, %s%s", got.exit, got.stdout, got.stderr)
	}
}

func TestWrongArgumentsSayWhatToGive(t *testing.T) {
	folder := t.TempDir()
	for want, arguments := range map[string][]string{
		"the formats are text, json, sarif":              {"dir", "--format", "pdf", folder},
		"the severities are critical, high":              {"dir", "--severity", "bad", folder},
		"is not FORMAT=FILE":                             {"dir", "--report", "sarif", folder},
		"secrets are always masked":                      {"dir", "--redact=false", folder},
		"--jobs must not be negative":                    {"dir", "-j", "-1", folder},
		"no such file or directory":                      {"dir", filepath.Join(folder, "nowhere")},
		"the report cannot be written":                   {"dir", "-o", filepath.Join(folder, "nowhere", "x"), folder},
		"unknown command \"dri\" for \"scanner\"":        {"dri"},
		"there is no rule \"no-such-rule\"":              {"rules", "explain", "no-such-rule"},
		"accepts at most 1 arg(s), received 2; see scan": {"dir", folder, folder},
	} {
		got := start(t, nil, arguments...)
		if got.exit != contract.ExitRequest || !strings.Contains(got.stderr, want) {
			t.Errorf("%v: exit %d, %s, want %q", arguments, got.exit, got.stderr, want)
		}
	}
}

func TestRulesAreListedExplainedAndTested(t *testing.T) {
	folder, secrets := leaking(t)
	if got := start(t, nil, "rules"); got.exit != 0 || !strings.Contains(got.stdout, "aws-access-key-id") {
		t.Errorf("rules: exit %d, %s%s", got.exit, got.stdout, got.stderr)
	}
	if got := start(t, nil, "rules", "explain", "aws-access-key-id"); got.exit != 0 || !strings.Contains(got.stdout, "What to do:") {
		t.Errorf("explain: exit %d, %s%s", got.exit, got.stdout, got.stderr)
	}
	got := start(t, nil, "rules", "test", filepath.Join(folder, "app.env"))
	if got.exit != contract.ExitFindings || !strings.Contains(got.stdout, "1     aws-access-key-id") || !strings.Contains(got.stdout, "2     aws-secret-access-key") {
		t.Errorf("test: exit %d, %s%s", got.exit, got.stdout, got.stderr)
	}
	secrets.missingFrom(t, "rules test", got.stdout)
}

func TestCompletionIsThereForTheShells(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := start(t, nil, "completion", shell); got.exit != 0 || !strings.Contains(got.stdout, "scanner") {
			t.Errorf("%s: exit %d, %s", shell, got.exit, got.stderr)
		}
	}
	if got := start(t, nil, "__complete", "dir", "--format", ""); !strings.Contains(got.stdout, "sarif") {
		t.Errorf("formats are not completed: %s", got.stdout)
	}
}
