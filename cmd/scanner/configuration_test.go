package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/gittest"
)

const (
	allowAll   = "[[allowlists]]\npaths = ['.*']\n"
	allowPlant = "[[allowlists]]\npaths = ['^config/', '^main\\.tf$', '^git/']\n"
	ownRule    = "[[rules]]\nid = 'house-token'\nregex = 'house-[0-9]{6}'\nkeywords = ['house-']\n"
	switchOff  = "[extend]\nuseDefault = true\ndisabledRules = ['aws-access-token', 'aws-secret-access-key', 'aws-access-key-id']\n" +
		"[[rules]]\nid = 'aws-secret-access-key'\nregex = 'never'\n"
)

// The rules of a repository are those of the branch that changes go to, and only add to what is built in.
func TestWhoseRulesCount(t *testing.T) {
	for _, test := range []struct {
		name, configuration string
		target, source      string
		exit                int
		log                 string
	}{
		{"a pull request cannot allow its own secrets", "", "", allowAll, contract.ExitFindings, `"msg":"finding"`},
		{"nor change what the target branch says", "", ownRule, allowAll, contract.ExitFindings, `"rule":"house-token"`},
		{"the target branch can allow", "", allowPlant + ownRule, "", contract.ExitFindings, `"total":1,`},
		{"the target branch switches no rule off", "", switchOff, "", contract.ExitFindings, `"rule":"aws-secret-access-key"`},
		{"and is told so", "", switchOff, "", contract.ExitFindings, "extend.disabledRules does not count"},
		{"a file that means nothing is told, and the scan goes on", "", "[[rules]\n", "", contract.ExitFindings, ".gitleaks.toml does not count"},
		{"the source branch where that is allowed", contract.ConfigurationSourceBranch, "", allowAll, contract.ExitClean, `"msg":"clean"`},
		{"none", contract.ConfigurationNone, allowAll, allowAll, contract.ExitFindings, `"msg":"finding"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := gittest.New(t)
			r.Write("README", "nothing")
			write := func(content string) {
				if content != "" {
					r.Write(fileConfiguration, content)
				}
			}
			write(test.target)
			base := r.Commit("base")
			r.Git("switch", "--quiet", "--create", "change")
			write(test.source)
			r.Write("house", "house-123456\n")
			canaries := newCanaries(t)
			canaries.plant(r)
			environment := newOrder(t, r.URL(), contract.ModeChanges, r.Commit("leak"))
			environment[contract.EnvBaseRevision], environment[contract.EnvPullRequestID] = base, "1"
			environment[contract.EnvRepositoryConfiguration] = test.configuration
			got := start(t, environment)
			if got.exit != test.exit || !strings.Contains(got.stderr, test.log) {
				t.Errorf("exit %d, want %d; log without %q:\n%s", got.exit, test.exit, test.log, got.stderr)
			}
			canaries.missingFrom(t, "the log", got.stderr)
		})
	}
}

func TestChangesOfALocalBranchAreScannedWithTheRulesOfItsBase(t *testing.T) {
	folder, _ := workingCopy(t)
	if err := os.WriteFile(filepath.Join(folder, fileConfiguration), []byte(allowAll), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, arguments := range [][]string{{"add", fileConfiguration}, {"-c", "user.name=D", "-c", "user.email=d@example.com", "commit", "-qm", "allow"}} {
		if out, err := exec.CommandContext(t.Context(), "git", append([]string{"-C", folder}, arguments...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	if got := start(t, nil, "changes", folder); got.exit != contract.ExitFindings {
		t.Errorf("changes: exit %d, %s%s", got.exit, got.stdout, got.stderr)
	}
	if got := start(t, nil, "history", folder); got.exit != contract.ExitClean {
		t.Errorf("history: exit %d, %s%s", got.exit, got.stdout, got.stderr)
	}
}
