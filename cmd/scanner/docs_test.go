package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/api/contract"
)

const documentation = "../../docs/scanner.md"

// documented are the commands in the code blocks of the documentation.
func documented(t *testing.T) (text string, commands []string) {
	t.Helper()
	content, err := os.ReadFile(documentation)
	if err != nil {
		t.Fatal(err)
	}
	text = string(content)
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(block[1]) {
			line, _, _ = strings.Cut(line, " #")
			if command, ok := strings.CutPrefix(strings.TrimSpace(line), "scanner "); ok {
				commands = append(commands, command)
			}
		}
	}
	return text, commands
}

func TestTheCommandsOfTheDocumentationDoWhatItSays(t *testing.T) {
	folder, secrets := workingCopy(t)
	for name, content := range map[string]string{
		"src/app.env":  "aws_access_key_id=" + secrets["key id"] + "\naws_secret_access_key=" + secrets["secret key"] + "\n",
		"accounts.txt": secrets["account of the key"] + " = payments\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	gitIn(t, folder, "tag", "v1.2.0", "feature~1")
	_, commands := documented(t)
	if len(commands) < 9 {
		t.Fatalf("the documentation has %d commands", len(commands))
	}
	for _, one := range commands {
		c := command(t, nil, strings.Fields(one)...)
		c.Dir = folder
		out, err := c.CombinedOutput()
		want := contract.ExitFindings
		if strings.Contains(one, "--baseline") || strings.Contains(one, "explain") {
			want = contract.ExitClean
		}
		if got := c.ProcessState.ExitCode(); got != want {
			t.Errorf("scanner %s: exit %d, want %d: %v\n%s", one, got, want, err, out)
		}
		secrets.missingFrom(t, one, string(out))
	}
	for _, written := range []string{"scan.sarif", "scan.html", "baseline.json"} {
		content, err := os.ReadFile(filepath.Join(folder, written))
		if err != nil || len(content) == 0 {
			t.Errorf("%s was not written: %v", written, err)
		}
		secrets.missingFrom(t, written, string(content))
	}
}

func TestEveryCommandFlagAndVariableOfTheDocumentationExists(t *testing.T) {
	text, _ := documented(t)
	help := start(t, nil, "--help").stdout
	for _, name := range []string{"dir", "tree", "changes", "history", "staged", "rules"} {
		help += start(t, nil, name, "--help").stdout
		if !strings.Contains(text, "`scanner "+name) {
			t.Errorf("the documentation does not tell of scanner %s", name)
		}
	}
	for _, flag := range regexp.MustCompile("--[a-z][a-z-]+").FindAllString(text, -1) {
		if !strings.Contains(help, flag) && flag != "--help" && flag != "--ref-format" {
			t.Errorf("there is no flag %s", flag)
		}
	}
	for _, name := range []string{
		contract.EnvNamespace, contract.EnvName, contract.EnvUID, contract.EnvAttempt, contract.EnvSourceURL, contract.EnvSourceAuth, contract.EnvRepository,
		contract.EnvPullRequestID, contract.EnvRevision, contract.EnvBaseRevision, contract.EnvMode, contract.EnvFailOn, contract.EnvRepositoryConfiguration,
		contract.EnvAccounts, contract.EnvVerify, contract.EnvDeadline, contract.EnvTopic, contract.EnvReportURI, contract.EnvTraceParent,
	} {
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("the documentation does not tell of %s", name)
		}
	}
}
