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
	ignoreAll    = "path:** # the change says so itself"
	ignoreGit    = "path:git/** # a mirror; its own team looks after it"
	leaksInPlant = "path:config/** # checked\npath:main.tf # checked\npath:git/** # checked\n"
)

// An untrusted pull request must not be able to switch its own scan off.
func TestWhoseIgnoreFilesAndCommentsCount(t *testing.T) {
	for _, test := range []struct {
		name, mode, pullRequest, configuration string
		// target and source are the ignore files of the two branches.
		target, source string
		comment        bool
		exit           int
		log            string
	}{
		{"a pull request cannot switch its scan off", contract.ModeChanges, "1", "", "", ignoreAll, true, contract.ExitFindings, ""},
		{"the target branch can", contract.ModeChanges, "1", "", leaksInPlant, "", false, contract.ExitClean, `"where":".scanjobignore:1"`},
		{"the target branch can in part", contract.ModeChanges, "1", contract.ConfigurationTargetBranch, ignoreGit, ignoreAll, false, contract.ExitFindings, `"msg":"suppressed"`},
		{"the source branch where that is allowed", contract.ModeChanges, "1", contract.ConfigurationSourceBranch, "", ignoreAll, false, contract.ExitClean, `"reason":"the change says so itself"`},
		{"none", contract.ModeChanges, "1", contract.ConfigurationNone, ignoreAll, ignoreAll, true, contract.ExitFindings, ""},
		{"a branch that is scanned alone", contract.ModeTree, "", "", "", ignoreAll, false, contract.ExitClean, `"msg":"suppressed"`},
		{"a branch that is scanned alone, but for none", contract.ModeTree, "", contract.ConfigurationNone, "", ignoreAll, false, contract.ExitFindings, ""},
		{"the files of a pull request", contract.ModeTree, "1", "", "", ignoreAll, true, contract.ExitFindings, ""},
		{"what has expired is told", contract.ModeChanges, "1", "", "path:** until 2020-01-01 # soon", "", false, contract.ExitFindings, "expired on 2020-01-01"},
		{"what means nothing is told", contract.ModeChanges, "1", "", "nothing", "", false, contract.ExitFindings, ".scanjobignore:1 does not count"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := gittest.New(t)
			r.Write("README", "nothing")
			if test.target != "" {
				r.Write(delta.FileScanJob, test.target)
			}
			base := r.Commit("base")
			r.Git("switch", "--quiet", "--create", "change")
			if test.source != "" {
				r.Write(delta.FileScanJob, test.source)
			}
			canaries := newCanaries(t)
			if test.comment {
				r.Write("marked.env", "aws_secret_access_key = "+canaries["secret key"]+" # scanjob:allow")
			} else {
				canaries.plant(r)
			}
			environment := newOrder(t, r.URL(), test.mode, r.Commit("leak"))
			environment[contract.EnvBaseRevision], environment[contract.EnvPullRequestID] = base, test.pullRequest
			environment[contract.EnvRepositoryConfiguration] = test.configuration
			got := start(t, environment)
			if got.exit != test.exit || !strings.Contains(got.stderr, test.log) {
				t.Errorf("exit %d, want %d; log without %q:\n%s", got.exit, test.exit, test.log, got.stderr)
			}
			canaries.missingFrom(t, "the log", got.stderr)
		})
	}
}

func TestIgnoreFileThatIsALinkDoesNotCount(t *testing.T) {
	r := gittest.New(t)
	r.Write("elsewhere", ignoreAll)
	if err := os.Symlink("elsewhere", filepath.Join(r.Dir, delta.FileScanJob)); err != nil {
		t.Fatal(err)
	}
	newCanaries(t).plant(r)
	got := start(t, newOrder(t, r.URL(), contract.ModeTree, r.Git("rev-parse", "HEAD")))
	if got.exit != contract.ExitFindings || !strings.Contains(got.stderr, ".scanjobignore cannot be read and does not count") {
		t.Errorf("exit %d, %s", got.exit, got.stderr)
	}
}

func TestWhatTheTargetBranchHoldsFailsOnlyWhereThatIsAskedFor(t *testing.T) {
	r := gittest.New(t)
	canaries := newCanaries(t)
	leak := strings.Repeat("text\n", 50) + "aws_secret_access_key = " + canaries["secret key"] + "\n"
	r.Write("old.env", leak)
	base := r.Commit("base")
	r.Git("rm", "--quiet", "old.env")
	r.Write("new.env", "# renamed\n"+leak)
	environment := newOrder(t, r.URL(), contract.ModeChanges, r.Commit("rename"))
	environment[contract.EnvBaseRevision] = base
	for failOn, exit := range map[string]int{"": contract.ExitClean, contract.FailOnNew: contract.ExitClean, contract.FailOnAll: contract.ExitFindings} {
		environment[contract.EnvFailOn] = failOn
		got := start(t, environment)
		if got.exit != exit {
			t.Errorf("failOn %q: exit %d, want %d: %s", failOn, got.exit, exit, got.stderr)
		}
		if exit == contract.ExitClean && !strings.Contains(got.stderr, `"msg":"clean"`) {
			t.Errorf("the log does not say that it is clean: %s", got.stderr)
		}
		if exit == contract.ExitClean && !strings.Contains(got.stderr, `"existing":1`) {
			t.Errorf("the log does not tell of what is there already: %s", got.stderr)
		}
	}
}
