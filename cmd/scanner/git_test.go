package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/api/contract"
)

// gitIn runs git in a folder.
func gitIn(t *testing.T, folder string, arguments ...string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "git", append([]string{"-C", folder, "-c", "user.name=Developer", "-c", "user.email=developer@example.com"}, arguments...)...)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v: %s", arguments, err, out)
	}
}

// workingCopy is a repository with main, and a branch that leaks a key pair in one commit and removes it in the next.
func workingCopy(t *testing.T) (folder string, secrets canaries) {
	t.Helper()
	secrets = newCanaries(t)
	folder = t.TempDir()
	git := func(arguments ...string) {
		t.Helper()
		gitIn(t, folder, arguments...)
	}
	put := func(path, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, path), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		git("add", path)
	}
	git("init", "-q", "-b", "main")
	put("README.md", "nothing\n")
	git("commit", "-qm", "begin")
	git("checkout", "-qb", "feature")
	put("app.env", "aws_access_key_id="+secrets["key id"]+"\naws_secret_access_key="+secrets["secret key"]+"\n")
	git("commit", "-qm", "leak")
	put("app.env", "nothing\n")
	git("commit", "-qm", "remove")
	put("staged.env", "aws_access_key_id="+secrets["key id"]+"\naws_secret_access_key="+secrets["secret key"]+"\n")
	return folder, secrets
}

func TestRepositoriesAreScannedInEveryMode(t *testing.T) {
	folder, secrets := workingCopy(t)
	for command, want := range map[string]string{"tree": "Nothing found", "changes": "app.env", "history": "app.env", "staged": "staged.env"} {
		got := start(t, nil, command, folder)
		exit := contract.ExitFindings
		if command == "tree" {
			exit = contract.ExitClean
		}
		if got.exit != exit || !strings.Contains(got.stdout, want) {
			t.Errorf("%s: exit %d, %s%s", command, got.exit, got.stdout, got.stderr)
		}
		secrets.missingFrom(t, command, got.stdout+got.stderr)
	}
	if got := start(t, nil, "tree", "--revision", "feature~1", folder); got.exit != contract.ExitFindings {
		t.Errorf("tree of the commit that leaks: exit %d, %s%s", got.exit, got.stdout, got.stderr)
	}
	if got := start(t, nil, "tree", "--revision", "no-such", folder); got.exit != contract.ExitRequest || !strings.Contains(got.stderr, "no-such") {
		t.Errorf("no such revision: exit %d, %s", got.exit, got.stderr)
	}
	if got := start(t, nil, "tree", t.TempDir()); got.exit != contract.ExitRequest || !strings.Contains(got.stderr, "not in a Git repository") {
		t.Errorf("no repository: exit %d, %s", got.exit, got.stderr)
	}
}

func TestBaselineAndIgnoreFilesKeepWhatIsKnownFromCounting(t *testing.T) {
	folder, _ := leaking(t)
	baseline := filepath.Join(t.TempDir(), "baseline.json")
	if got := start(t, nil, "dir", "-f", "json", "-o", baseline, folder); got.exit != contract.ExitFindings {
		t.Fatalf("exit %d, %s", got.exit, got.stderr)
	}
	if got := start(t, nil, "dir", "--baseline", baseline, folder); got.exit != contract.ExitClean {
		t.Errorf("with a baseline: exit %d, %s%s", got.exit, got.stdout, got.stderr)
	}
	if got := start(t, nil, "dir", "--baseline", baseline, "--fail-on", "all", folder); got.exit != contract.ExitFindings {
		t.Errorf("with a baseline, failing on all: exit %d, %s%s", got.exit, got.stdout, got.stderr)
	}
	if got := start(t, nil, "dir", "--baseline", filepath.Join(folder, "good.txt"), folder); got.exit != contract.ExitRequest {
		t.Errorf("with a baseline that is none: exit %d, %s", got.exit, got.stderr)
	}
	ignore := filepath.Join(t.TempDir(), "ignore")
	if err := os.WriteFile(ignore, []byte("path:*.env # made up\nrule:aws-account-id # public\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := start(t, nil, "dir", "--ignore-file", ignore, folder); got.exit != contract.ExitClean {
		t.Errorf("with an ignore file: exit %d, %s%s", got.exit, got.stdout, got.stderr)
	}
	if err := os.WriteFile(filepath.Join(folder, ".gitleaksignore"), []byte("app.env:aws-access-key-id:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := start(t, nil, "dir", folder); !strings.Contains(got.stdout, "AWS secret access key") || strings.Contains(got.stdout, "1  critical  AWS access key id") {
		t.Errorf("with .gitleaksignore: exit %d, %s%s", got.exit, got.stdout, got.stderr)
	}
}

func TestRulesMayComeFromGitleaksConfiguration(t *testing.T) {
	folder := folderWith(t, map[string]string{
		"rules.toml": "title = \"ours\"\n[[rules]]\nid = \"badge\"\ndescription = \"A badge number\"\nregex = '''badge-[0-9]{6}'''\nkeywords = [\"badge-\"]\n",
		"a.txt":      "x\nbadge-" + "381927\n",
		"bad.toml":   "[[rules]]\nid = \"broken\"\nregex = '''('''\n",
	})
	rules := filepath.Join(folder, "rules.toml")
	got := start(t, nil, "dir", "--rules", rules, folder)
	if got.exit != contract.ExitFindings || !strings.Contains(got.stdout, "A badge number") || strings.Contains(got.stdout, "381927") {
		t.Errorf("exit %d, %s%s", got.exit, got.stdout, got.stderr)
	}
	if got := start(t, nil, "rules", "--rules", rules); !strings.Contains(got.stdout, "badge") || strings.Contains(got.stdout, "aws-access-key-id") {
		t.Errorf("rules: %s%s", got.stdout, got.stderr)
	}
	if got := start(t, nil, "dir", "--rules", filepath.Join(folder, "bad.toml"), folder); got.exit != contract.ExitRequest || !strings.Contains(got.stderr, "broken") {
		t.Errorf("bad rules: exit %d, %s", got.exit, got.stderr)
	}
	if got := start(t, nil, "dir", "--rules", "nothing", folder); got.exit != contract.ExitRequest || !strings.Contains(got.stderr, "neither all nor aws nor a file") {
		t.Errorf("no rules: exit %d, %s", got.exit, got.stderr)
	}
}
