package main

import (
	"bytes"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/gittest"
	"github.com/scanjob-dev/scanjob/scanner/planted"
)

// canaries are secrets that must not be in anything that the program writes.
type canaries map[string]string

func newCanaries(t *testing.T) canaries {
	t.Helper()
	pair, err := planted.NewKeyPair(planted.Account())
	if err != nil {
		t.Fatal(err)
	}
	return canaries{
		"key id": pair.ID, "secret key": pair.Secret, "account of the key": pair.Account, "account": planted.Account(),
		"session token": planted.SessionToken(500)[16:], "Git password": planted.GitPassword(),
	}
}

// plant commits all canaries, in files and in the name of one.
func (c canaries) plant(r *gittest.Repository) string {
	r.Write("config/.aws/credentials", "[default]\naws_access_key_id = "+c["key id"]+"\naws_secret_access_key = "+c["secret key"]+
		"\naws_session_token = IQoJ"+"b3JpZ2luX2Vj"+c["session token"]+"\n")
	r.Write("main.tf", `role = "arn:aws:iam::`+c["account"]+`:role/admin"`+"\n")
	r.Write("git/"+c["key id"]+"/.git-credentials", "https://bob-at-"+c["account"]+":"+
		strings.NewReplacer("/", "%2F", "+", "%2B", "=", "%3D").Replace(c["Git password"])+"@git-codecommit.us-east-1.amazonaws.com\n")
	return r.Commit("leak")
}

// missingFrom fails the test where a canary, or a piece of eight characters of it, is in the text.
func (c canaries) missingFrom(t *testing.T, place, text string) {
	t.Helper()
	for name, value := range c {
		for i := 0; i+8 <= len(value); i++ {
			if strings.Contains(text, value[i:i+8]) {
				t.Errorf("%s holds a piece of the %s:\n%s", place, name, text)
				break
			}
		}
	}
}

// The first push of a repository makes its default branch, and a pull request may be merged before it is scanned.
func TestRevisionOnTheDefaultBranchIsScannedThoughNothingIsBetween(t *testing.T) {
	r := gittest.New(t)
	canaries := newCanaries(t)
	head := canaries.plant(r)
	got := start(t, newOrder(t, r.URL(), contract.ModeChanges, head))
	if got.exit != contract.ExitFindings || !strings.Contains(got.stderr, "whole history is scanned") {
		t.Errorf("exit %d, %s", got.exit, got.stderr)
	}
}

func TestCleanRepository(t *testing.T) {
	r := gittest.New(t)
	r.Write("README", "nothing to see\n")
	head := r.Commit("clean")
	for _, mode := range []string{contract.ModeTree, contract.ModeChanges, contract.ModeHistory} {
		t.Run(mode, func(t *testing.T) {
			environment := newOrder(t, r.URL(), mode, head)
			got := start(t, environment)
			if got.exit != contract.ExitClean || !strings.Contains(got.stderr, `"msg":"clean"`) || !strings.Contains(got.stderr, `"commits":1,"files":1`) {
				t.Errorf("exit %d, %s", got.exit, got.stderr)
			}
			if left, err := os.ReadDir(environment[envWorkDir]); err != nil || len(left) > 0 {
				t.Errorf("left in the work folder: %v %v", left, err)
			}
		})
	}
}

func TestFindingsWithoutTopicAreLogged(t *testing.T) {
	r := gittest.New(t)
	canaries := newCanaries(t)
	head := canaries.plant(r)
	environment := newOrder(t, r.URL(), contract.ModeTree, head)
	environment[contract.EnvTraceParent] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	got := start(t, environment)
	if got.exit != contract.ExitFindings {
		t.Errorf("exit %d, %s", got.exit, got.stderr)
	}
	for _, want := range []string{`"msg":"found"`, `"rule":"aws-secret-access-key"`, `"rule":"aws-codecommit-git-credential"`, `"rule":"aws-session-token"`,
		`"path":"config/.aws/credentials"`, `"path":"git/****/.git-credentials"`, environment[contract.EnvTraceParent]} {
		if !strings.Contains(got.stderr, want) {
			t.Errorf("the log lacks %s:\n%s", want, got.stderr)
		}
	}
	canaries.missingFrom(t, "the log", got.stderr+got.stdout)
}

func TestRefusalsOfTheSource(t *testing.T) {
	r := gittest.New(t)
	r.Write("README", "x")
	head := r.Commit("first")
	server := gittest.Serve(t, r, "demo", func(q *http.Request) (int, string) {
		switch {
		case strings.Contains(q.URL.Path, "/private/"):
			return http.StatusForbidden, ""
		case strings.Contains(q.URL.Path, "/busy/"):
			return http.StatusTooManyRequests, ""
		}
		return 0, ""
	})
	url := server.URL + "/v1/repos/"
	rows := []struct {
		name, url, revision string
		exit                int
		want                string
	}{
		{"no such repository", url + "other", head, contract.ExitRequest, "does not exist"},
		{"no such commit", url + "demo", strings.Repeat("0", 39) + "1", contract.ExitRequest, "is no commit of repository demo"},
		{"no permission", url + "private", head, contract.ExitRequest, "no permission"},
		{"throttled", url + "busy", head, contract.ExitTemporary, "429"},
		{"an empty repository", gittest.New(t).URL(), head, contract.ExitRequest, "is empty"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got := start(t, newOrder(t, row.url, contract.ModeTree, row.revision))
			if got.exit != row.exit || !strings.Contains(got.stderr, row.want) {
				t.Errorf("exit %d, %s", got.exit, got.stderr)
			}
		})
	}
}

func TestDeadline(t *testing.T) {
	r := gittest.New(t)
	r.Write("README", "x")
	head := r.Commit("first")
	release := make(chan struct{})
	server := gittest.Serve(t, r, "demo", func(q *http.Request) (int, string) {
		if q.Method == http.MethodPost {
			<-release
		}
		return 0, ""
	})
	defer close(release)
	environment := newOrder(t, server.URL+"/v1/repos/demo", contract.ModeTree, head)
	environment[contract.EnvDeadline] = time.Now().Add(2 * time.Second).Format(time.RFC3339)
	got := start(t, environment)
	if got.exit != contract.ExitTemporary || !strings.Contains(got.stderr, "the deadline") {
		t.Errorf("exit %d, %s", got.exit, got.stderr)
	}
}

func TestStopSignal(t *testing.T) {
	r := gittest.New(t)
	r.Write("README", "x")
	head := r.Commit("first")
	arrived, release := make(chan struct{}, 8), make(chan struct{})
	server := gittest.Serve(t, r, "demo", func(q *http.Request) (int, string) {
		if q.Method == http.MethodPost {
			arrived <- struct{}{}
			<-release
		}
		return 0, ""
	})
	defer close(release)
	environment := newOrder(t, server.URL+"/v1/repos/demo", contract.ModeTree, head)
	c := command(t, environment)
	var log bytes.Buffer
	c.Stderr = &log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	<-arrived
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err == nil || c.ProcessState.ExitCode() != contract.ExitTemporary {
		t.Errorf("%v, %s", err, log.String())
	}
	if !strings.Contains(log.String(), "stopped by terminated") {
		t.Errorf("log %s", log.String())
	}
	if left, err := os.ReadDir(environment[envWorkDir]); err != nil || len(left) > 0 {
		t.Errorf("left in the work folder: %v %v", left, err)
	}
}

// logWaiter is a log that tells when a text stands in it for the first time.
type logWaiter struct {
	log   []byte
	text  string
	found chan struct{}
}

func (l *logWaiter) Write(p []byte) (int, error) {
	l.log = append(l.log, p...)
	if l.text != "" && strings.Contains(string(l.log), l.text) {
		l.text = ""
		close(l.found)
	}
	return len(p), nil
}

// Three hundred key ids keep the scanner busy for six seconds, each of them for some 20 ms.
func TestStopSignalDuringDetection(t *testing.T) {
	r := gittest.New(t)
	var ids strings.Builder
	for range 300 {
		ids.WriteString(newCanaries(t)["key id"] + "\n")
	}
	r.Write("ids", ids.String())
	head := r.Commit("ids")
	environment := newOrder(t, r.URL(), contract.ModeTree, head)
	c := command(t, environment)
	log := &logWaiter{text: `"msg":"fetched"`, found: make(chan struct{})}
	c.Stderr = log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	select {
	case <-log.found:
	case err := <-ended:
		t.Fatalf("ended without a fetch: %v, %s", err, log.log)
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil || c.ProcessState.ExitCode() != contract.ExitTemporary || !strings.Contains(string(log.log), "stopped by terminated") {
		t.Errorf("%v, %s", err, log.log)
	}
	if left, err := os.ReadDir(environment[envWorkDir]); err != nil || len(left) > 0 {
		t.Errorf("left in the work folder: %v %v", left, err)
	}
}

func TestFileOfTwoGibibytes(t *testing.T) {
	const mebibytes, memoryLimit = 2048, 400 << 10 // KiB
	r := gittest.New(t)
	head := gittest.CommitZeros(t, r, "disk.img", mebibytes)
	got := start(t, newOrder(t, r.URL(), contract.ModeTree, head))
	if got.exit != contract.ExitFindings || !strings.Contains(got.stderr, `"rule":"not-scanned"`) || !strings.Contains(got.stderr, `"path":"disk.img"`) {
		t.Errorf("exit %d, %s", got.exit, got.stderr)
	}
	usage, ok := got.state.SysUsage().(*syscall.Rusage)
	if !ok {
		t.Fatal("no resource usage of the process")
	}
	t.Logf("%d MiB resident at most, %v of CPU", usage.Maxrss>>10, got.state.UserTime()+got.state.SystemTime())
	if usage.Maxrss > memoryLimit {
		t.Errorf("the scanner took %d KiB of memory, want at most %d", usage.Maxrss, memoryLimit)
	}
}

func TestLargeFileUnderTheLimitIsScannedInBoundedMemory(t *testing.T) {
	const mebibytes, memoryLimit = 500, 400 << 10 // KiB
	r := gittest.New(t)
	head := gittest.CommitZeros(t, r, "disk.img", mebibytes)
	got := start(t, newOrder(t, r.URL(), contract.ModeTree, head))
	if got.exit != contract.ExitClean || !strings.Contains(got.stderr, `"bytes":524288000`) {
		t.Errorf("exit %d, %s", got.exit, got.stderr)
	}
	usage, ok := got.state.SysUsage().(*syscall.Rusage)
	if !ok {
		t.Fatal("no resource usage of the process")
	}
	if usage.Maxrss > memoryLimit {
		t.Errorf("the scanner took %d KiB of memory, want at most %d", usage.Maxrss, memoryLimit)
	}
}
