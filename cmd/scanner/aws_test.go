package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codecommit"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/scanner/gittest"
	"github.com/scanjob-dev/scanjob/scanner/planted"
)

// cloud is a local AWS with what the scanner meets in a real one.
type cloud struct {
	*awslocal.Server
	made awslocal.Resources
}

func startCloud(t *testing.T) cloud {
	t.Helper()
	server, err := awslocal.Start(awslocal.Options{Container: awslocal.ExitWith(0)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	made, err := awslocal.Provision(t.Context(), server.Config(), awslocal.DefaultNames())
	if err != nil {
		t.Fatal(err)
	}
	return cloud{server, made}
}

// host pushes the repository to CodeCommit and returns its URL there.
func (c cloud) host(t *testing.T, r *gittest.Repository, name string) string {
	t.Helper()
	created, err := codecommit.NewFromConfig(c.Config()).CreateRepository(t.Context(), &codecommit.CreateRepositoryInput{RepositoryName: aws.String(name)})
	if err != nil {
		t.Fatal(err)
	}
	address := aws.ToString(created.RepositoryMetadata.CloneUrlHttp)
	user, password, err := awslocal.GitLogin(c.Credentials(), c.Region(), address, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	target.User = url.UserPassword(user, password)
	r.Git("push", "--quiet", target.String(), "--all")
	return address
}

// order returns an environment with everything that a task on Fargate has, but for the credentials' endpoint.
func (c cloud) order(t *testing.T, address, mode, revision string) map[string]string {
	t.Helper()
	environment := newOrder(t, address, mode, revision)
	credentials := c.Credentials()
	for name, value := range map[string]string{
		contract.EnvSourceAuth: contract.AuthCodeCommit, contract.EnvTopic: c.made.TopicARN, contract.EnvPullRequestID: "42",
		contract.EnvReportURI: "s3://" + c.made.Bucket + "/sarif/",
		"AWS_REGION":          c.Region(), "AWS_ENDPOINT_URL": c.URL(), "AWS_ACCESS_KEY_ID": credentials.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY": credentials.SecretAccessKey, "AWS_SESSION_TOKEN": credentials.SessionToken, "HOME": t.TempDir(),
	} {
		environment[name] = value
	}
	return environment
}

// mails are those that are no requests for confirmation.
func (c cloud) mails() []awslocal.Mail {
	var mails []awslocal.Mail
	for _, mail := range c.Mail() {
		if mail.ConfirmURL == "" {
			mails = append(mails, mail)
		}
	}
	return mails
}

func TestLeakInCodeCommit(t *testing.T) {
	c := startCloud(t)
	r := gittest.New(t)
	r.Write("README", "nothing\n")
	base := r.Commit("base")
	r.Git("switch", "--quiet", "--create", "topic")
	canaries := newCanaries(t)
	head := canaries.plant(r)
	address := c.host(t, r, "demo")
	environment := c.order(t, address, contract.ModeChanges, head)
	environment[contract.EnvBaseRevision] = base
	got := start(t, environment)
	if got.exit != contract.ExitFindings {
		t.Fatalf("exit %d, %s", got.exit, got.stderr)
	}
	publishes, mails := c.Publishes(), c.mails()
	if len(publishes) != 1 || len(mails) != 1 {
		t.Fatalf("%d publications and %d mails, want one of each", len(publishes), len(mails))
	}
	report, ok := c.Object(c.made.Bucket, "sarif/"+environment[contract.EnvUID]+"-1.sarif")
	if !ok {
		t.Fatal("there is no report in the bucket")
	}

	var parts map[string]string
	if err := json.Unmarshal([]byte(publishes[0].Message), &parts); err != nil {
		t.Fatal(err)
	}
	var result contract.Result
	if err := json.Unmarshal([]byte(parts["default"]), &result); err != nil {
		t.Fatal(err)
	}
	if result.Schema != contract.Schema || result.ScanJob.UID != environment[contract.EnvUID] || result.Source.BaseRevision != base ||
		result.Total < 5 || result.Total != len(result.Findings) || result.Findings[0].Severity != contract.SeverityCritical ||
		result.Findings[0].Commit != head || result.ReportURI != "s3://"+c.made.Bucket+"/sarif/"+environment[contract.EnvUID]+"-1.sarif" {
		t.Errorf("result %+v", result)
	}
	if attributes := publishes[0].Attributes; attributes[contract.AttributeResult] != "Findings" || attributes[contract.AttributeRepository] != "demo" {
		t.Errorf("attributes %v", attributes)
	}
	if !strings.Contains(mails[0].Body, "WHAT TO DO NOW") || !strings.Contains(mails[0].Body, "/repositories/demo/pull-requests/42/") || !strings.HasPrefix(mails[0].Subject, "[ScanJob] ") {
		t.Errorf("mail %s\n%s", mails[0].Subject, mails[0].Body)
	}
	if report.ContentType != "application/sarif+json" || !json.Valid(report.Body) {
		t.Errorf("report of type %s: %s", report.ContentType, report.Body)
	}

	task := c.Credentials()
	canaries["secret key of the task"], canaries["session token of the task"] = task.SecretAccessKey, task.SessionToken
	canaries.missingFrom(t, "stdout", got.stdout)
	canaries.missingFrom(t, "stderr", got.stderr)
	canaries.missingFrom(t, "the publication", publishes[0].Subject+publishes[0].Message)
	canaries.missingFrom(t, "the mail", mails[0].Subject+mails[0].Body)
	canaries.missingFrom(t, "the report", string(report.Body))
	for name, value := range publishes[0].Attributes {
		canaries.missingFrom(t, "attribute "+name, value)
	}
}

// A scan of the history that goes on from an earlier one says in its result where it began; one that could not, says that
// it scanned everything by naming no base.
func TestHistoryGoesOnFromAnEarlierScan(t *testing.T) {
	c := startCloud(t)
	r := gittest.New(t)
	newCanaries(t).plant(r)
	scanned := r.Git("rev-parse", "HEAD")
	r.Write("more.tf", `role = "arn:aws:iam::`+planted.Account()+`:role/admin"`+"\n")
	head := r.Commit("one more")
	address := c.host(t, r, "demo")
	for name, row := range map[string]struct {
		base, left, log string
		paths           int
	}{
		"from an ancestor on":              {scanned, scanned, "the history is scanned from the base revision on", 1},
		"in full, where it is no ancestor": {strings.Repeat("0", 39) + "1", "", "the whole history is scanned", 5},
		"in full, where there was none":    {"", "", "scanned", 5},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(c.Publishes())
			environment := c.order(t, address, contract.ModeHistory, head)
			environment[contract.EnvBaseRevision] = row.base
			got := start(t, environment)
			published := c.Publishes()[before:]
			if got.exit != contract.ExitFindings || len(published) != 1 || !strings.Contains(got.stderr, row.log) {
				t.Fatalf("exit %d, %d publications, %s", got.exit, len(published), got.stderr)
			}
			var parts map[string]string
			var result contract.Result
			if err := json.Unmarshal([]byte(published[0].Message), &parts); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(parts["default"]), &result); err != nil {
				t.Fatal(err)
			}
			paths := map[string]bool{}
			for _, finding := range result.Findings {
				paths[finding.Path] = true
			}
			if result.Source.BaseRevision != row.left || len(paths) != row.paths || !paths["more.tf"] {
				t.Errorf("base %q, findings in %v; want %q and %d paths", result.Source.BaseRevision, paths, row.left, row.paths)
			}
		})
	}
}

func TestCleanRepositoryInCodeCommit(t *testing.T) {
	c := startCloud(t)
	r := gittest.New(t)
	r.Write("README", "nothing\n")
	head := r.Commit("clean")
	environment := c.order(t, c.host(t, r, "demo"), contract.ModeTree, head)
	if got := start(t, environment); got.exit != contract.ExitClean {
		t.Errorf("exit %d, %s", got.exit, got.stderr)
	}
	if n := len(c.Publishes()); n != 0 {
		t.Errorf("%d publications of a clean scan", n)
	}
	if _, ok := c.Object(c.made.Bucket, "sarif/"+environment[contract.EnvUID]+"-1.sarif"); !ok {
		t.Error("a clean scan writes no report")
	}
}

func TestRefusalsOfAWS(t *testing.T) {
	c := startCloud(t)
	r := gittest.New(t)
	canaries := newCanaries(t)
	head := canaries.plant(r)
	address := c.host(t, r, "demo")
	throttled, forever := &awslocal.Error{Status: http.StatusBadRequest, Code: "Throttling", Message: "Rate exceeded"}, awslocal.Forever
	rows := []struct {
		name   string
		faults func(*awslocal.Faults)
		change func(map[string]string)
		exit   int
		want   string
	}{
		{"a topic that throttles once is asked again", func(f *awslocal.Faults) { f.Fail("sns", "Publish", 1, throttled) }, nil, contract.ExitFindings, "found and published"},
		{"a topic that fails once is asked again", func(f *awslocal.Faults) { f.Fail("sns", "Publish", 1, awslocal.ServerFault()) }, nil, contract.ExitFindings, "found and published"},
		{"a topic that throttles on and on", func(f *awslocal.Faults) { f.Fail("sns", "Publish", forever, throttled) }, nil, contract.ExitTemporary, "did not accept the findings: Throttling"},
		{"a topic that may not be published to", func(f *awslocal.Faults) { f.Deny("*", "sns:Publish") }, nil, contract.ExitRequest, "allow sns:Publish"},
		{"a topic that does not exist", nil, func(e map[string]string) { e[contract.EnvTopic] += "-missing" }, contract.ExitRequest, "the SNS topic scan-findings-missing does not exist"},
		{"a bucket that does not exist", nil, func(e map[string]string) { e[contract.EnvReportURI] = "s3://missing/" }, contract.ExitFindings, "the bucket missing does not exist"},
		{"a bucket that may not be written to", func(f *awslocal.Faults) { f.Deny("*", "s3:PutObject") }, nil, contract.ExitFindings, "allow s3:PutObject"},
		{"a bucket that fails on and on", func(f *awslocal.Faults) { f.Fail("s3", "PutObject", forever, awslocal.ServerFault()) }, nil, contract.ExitFindings, "the findings are published without it"},
		{"a repository that may not be read", func(f *awslocal.Faults) { f.DenyRepository("demo") }, nil, contract.ExitRequest, "allow codecommit:GitPull"},
		{"a repository that does not exist", nil, func(e map[string]string) { e[contract.EnvSourceURL] += "-missing" }, contract.ExitRequest, "does not exist"},
		{"a wrong secret key", nil, func(e map[string]string) { e["AWS_SECRET_ACCESS_KEY"] = strings.Repeat("x", 40) }, contract.ExitRequest, "no permission to read repository demo"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			defer c.Faults().Clear()
			if row.faults != nil {
				row.faults(c.Faults())
			}
			before := len(c.Publishes())
			environment := c.order(t, address, contract.ModeTree, head)
			if row.change != nil {
				row.change(environment)
			}
			got := start(t, environment)
			if got.exit != row.exit || !strings.Contains(got.stderr, row.want) {
				t.Errorf("exit %d, %s", got.exit, got.stderr)
			}
			want := 0
			if row.exit == contract.ExitFindings || strings.Contains(row.name, "bucket") {
				want = 1 // what was found is told although its report could not be written
			}
			if strings.Contains(row.name, "a topic") && row.exit != contract.ExitFindings && !strings.Contains(got.stderr, `"msg":"finding"`) {
				t.Errorf("what nobody accepted is not in the log either: %s", got.stderr)
			}
			canaries.missingFrom(t, "the log", got.stderr)
			if n := len(c.Publishes()) - before; n != want {
				t.Errorf("%d publications, want %d", n, want)
			}
		})
	}
}
