package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/delta"
	"github.com/scanjob-dev/scanjob/scanner/gittest"
)

const (
	allowAll    = "[[allowlists]]\npaths = ['.*']\n"
	allowPlant  = "[[allowlists]]\npaths = ['^config/', '^main\\.tf$', '^git/']\n"
	ignoreLeaks = "app.env:aws-access-key-id:1\napp.env:aws-secret-access-key:2\nstaged.env:aws-access-key-id:1\nstaged.env:aws-secret-access-key:2\n"
	ownRule     = "[[rules]]\nid = 'house-token'\nregex = 'house-[0-9]{6}'\nkeywords = ['house-']\n"
	switchOff   = "[extend]\nuseDefault = true\ndisabledRules = ['aws-access-token', 'aws-secret-access-key', 'aws-access-key-id']\n" +
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

// What the base says counts, and not what the changes or the working copy say for themselves.
func TestChangesOfALocalBranchCannotSwitchTheirScanOff(t *testing.T) {
	for _, own := range []struct{ name, file, content string }{
		{"rules", fileConfiguration, allowAll}, {"an ignore file", delta.FileScanJob, ignoreAll}, {"a file of gitleaks", delta.FileGitleaks, ignoreLeaks},
	} {
		t.Run(own.name, func(t *testing.T) {
			folder, secrets := workingCopy(t)
			write := func() {
				if err := os.WriteFile(filepath.Join(folder, own.file), []byte(own.content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			write()
			gitIn(t, folder, "add", own.file)
			gitIn(t, folder, "commit", "-qm", "allow")
			for arguments, exit := range map[string]int{"changes": contract.ExitFindings, "changes --configuration source": contract.ExitClean} {
				got := start(t, nil, append(strings.Fields(arguments), folder)...)
				if got.exit != exit {
					t.Errorf("%s: exit %d, want %d: %s%s", arguments, got.exit, exit, got.stdout, got.stderr)
				}
				secrets.missingFrom(t, arguments, got.stdout+got.stderr)
			}
			gitIn(t, folder, "checkout", "-q", "main")
			write()
			gitIn(t, folder, "add", own.file)
			gitIn(t, folder, "commit", "-qm", "allow on the base")
			gitIn(t, folder, "checkout", "-q", "feature")
			if got := start(t, nil, "changes", folder); got.exit != contract.ExitClean {
				t.Errorf("with the base's permission: exit %d, %s%s", got.exit, got.stdout, got.stderr)
			}
			if got := start(t, nil, "changes", "--configuration", "none", folder); got.exit != contract.ExitFindings {
				t.Errorf("without any: exit %d, %s%s", got.exit, got.stdout, got.stderr)
			}
		})
	}
	if got := start(t, nil, "changes", "--configuration", "all", "."); got.exit != contract.ExitRequest || !strings.Contains(got.stderr, "base, source or none") {
		t.Errorf("an unknown word: exit %d, %s", got.exit, got.stderr)
	}
}

func TestCommentsOfChangesDoNotCount(t *testing.T) {
	folder, secrets := workingCopy(t)
	line := " # scanjob:allow\n"
	content := "aws_access_key_id=" + secrets["key id"] + line + "aws_secret_access_key=" + secrets["secret key"] + line
	if err := os.WriteFile(filepath.Join(folder, "new.env"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	gitIn(t, folder, "add", "new.env")
	gitIn(t, folder, "commit", "-qm", "allow", "--", "new.env")
	for arguments, exit := range map[string]int{
		"changes": contract.ExitFindings, "changes --configuration source": contract.ExitClean,
	} {
		if got := start(t, nil, append(strings.Fields(arguments), "--base", "feature~1", folder)...); got.exit != exit {
			t.Errorf("%s: exit %d, want %d: %s%s", arguments, got.exit, exit, got.stdout, got.stderr)
		}
	}
}
