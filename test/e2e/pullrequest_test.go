package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/devstack"
	"github.com/scanjob-dev/scanjob/scanner/planted"
)

// secrets are what a pull request leaks, by what they are.
func leak(t *testing.T) (file string, secrets map[string]string) {
	t.Helper()
	account := planted.Account()
	pair, err := planted.NewKeyPair(planted.Account())
	if err != nil {
		t.Fatal(err)
	}
	file = fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n\n[profile audit]\nrole_arn = arn:aws:iam::%s:role/audit\n",
		pair.ID, pair.Secret, account)
	return file, map[string]string{"key id": pair.ID, "secret key": pair.Secret, "account number": account}
}

// openPullRequest makes a repository with a history and a pull request from a branch that holds the files.
func (w *world) openPullRequest(repository, branch string, files map[string]string) (*devstack.Repository, string) {
	w.t.Helper()
	ctx := w.t.Context()
	repo, err := w.stack.CreateRepository(ctx, repository)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := repo.Commit(ctx, "main", "Begin", map[string]string{"README.md": "payments\n"}); err != nil {
		w.t.Fatal(err)
	}
	if _, err := repo.Commit(ctx, branch, "Change", files); err != nil {
		w.t.Fatal(err)
	}
	id, err := repo.OpenPullRequest(ctx, branch, "A change")
	if err != nil {
		w.t.Fatal(err)
	}
	return repo, id
}

// listening makes the trigger pull-requests and waits until it hears the inbox. change may alter it before.
func (w *world) listening(change ...func(*scanv1.ScanTrigger)) *scanv1.ScanTrigger {
	w.t.Helper()
	trigger := w.stack.Trigger(w.ns, "pull-requests", "default")
	for _, alter := range change {
		alter(trigger)
	}
	w.create(trigger)
	w.awaitTrigger(trigger, "listened", func(status scanv1.ScanTriggerStatus) bool {
		return meta.IsStatusConditionTrue(status.Conditions, scanv1.ConditionReady)
	})
	return trigger
}

// onlyJob waits until there is a job and returns its name.
func (w *world) onlyJob() string {
	w.t.Helper()
	jobs := &scanv1.ScanJobList{}
	poll(w.t, func() bool {
		if err := w.kube.List(w.t.Context(), jobs, client.InNamespace(w.ns)); err != nil {
			w.t.Fatal(err)
		}
		return len(jobs.Items) > 0
	}, func() string { return "no ScanJob was ever created" })
	if len(jobs.Items) != 1 {
		w.t.Fatalf("%d ScanJobs were created, want 1", len(jobs.Items))
	}
	return jobs.Items[0].Name
}

// The main job, with the real scanner: a pull request that leaks a key ends in an e-mail and a finished ScanJob. And
// invariant 6: the secrets themselves are in no sink.
func TestPullRequestThatLeaksAKeyEndsInAMailAndNoSinkHoldsTheSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.manage(managerOptions{})
	w.listening()
	file, secrets := leak(t)
	_, id := w.openPullRequest("payments", "feature/settings", map[string]string{"config/credentials": file})

	job := w.finished(w.onlyJob())
	wantReason(t, job, scanv1.ConditionComplete, scanv1.ReasonScanned)
	wantReason(t, job, scanv1.ConditionReported, scanv1.ReasonFindingsReceived)
	if job.Status.Result != scanv1.ResultFindings || job.Spec.Source.CodeCommit.PullRequestID != id {
		t.Errorf("result %s of pull request %s", job.Status.Result, job.Spec.Source.CodeCommit.PullRequestID)
	}
	rules := map[string]bool{}
	for _, finding := range job.Status.Findings.Items {
		rules[finding.Rule] = true
		if finding.Path != "config/credentials" {
			t.Errorf("a finding is in %s", finding.Path)
		}
	}
	for _, rule := range []string{"aws-access-key-id", "aws-secret-access-key", "aws-account-id"} {
		if !rules[rule] {
			t.Errorf("nothing was found by %s; found by %v", rule, rules)
		}
	}
	mail := w.scanMail()
	if len(mail) != 1 || !strings.Contains(mail[0].Body, "config/credentials") || !strings.Contains(mail[0].Subject, "payments") {
		t.Fatalf("the mails are %+v", mail)
	}

	for sink, text := range w.sinks(m, job) {
		if text == "" {
			t.Errorf("sink %s is empty, so nothing is proved for it", sink)
		}
		for what, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("the %s is in %s", what, sink)
			}
		}
	}
}

// scanMail returns the mails but those that ask to confirm a subscription.
func (w *world) scanMail() (mails []awslocal.Mail) {
	for _, mail := range w.aws.Mail() {
		if mail.ConfirmURL == "" {
			mails = append(mails, mail)
		}
	}
	return mails
}

// sinks returns everything that a scan leaves behind, as text.
func (w *world) sinks(m *manager, job *scanv1.ScanJob) map[string]string {
	w.t.Helper()
	object, err := yaml.Marshal(job)
	if err != nil {
		w.t.Fatal(err)
	}
	var lines, mails, publishes, reports strings.Builder
	for _, line := range w.aws.LogLines() {
		fmt.Fprintf(&lines, "%+v\n", line)
	}
	for _, mail := range w.scanMail() {
		fmt.Fprintf(&mails, "%+v\n", mail)
	}
	for _, publication := range w.aws.Publishes() {
		fmt.Fprintf(&publishes, "%+v\n", publication)
	}
	if err := w.readReports(w.t.Context(), &reports); err != nil {
		w.t.Fatal(err)
	}
	return map[string]string{
		"the ScanJob": string(object), "the Kubernetes events": w.events(), "the manager's log": m.log.String(),
		"the scanner's log": lines.String(), "the mails": mails.String(), "the SNS messages": publishes.String(), "the reports": reports.String(),
	}
}

func (w *world) readReports(ctx context.Context, text *strings.Builder) error {
	bucket := aws.String(w.stack.Resources.Bucket)
	storage := s3.NewFromConfig(w.stack.Admin, func(o *s3.Options) { o.UsePathStyle = true })
	listed, err := storage.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: bucket})
	if err != nil {
		return err
	}
	for _, object := range listed.Contents {
		answer, err := storage.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: object.Key})
		if err != nil {
			return err
		}
		body := make([]byte, aws.ToInt64(object.Size))
		if _, err := answer.Body.Read(body); err != nil && len(body) == 0 {
			return err
		}
		if err := answer.Body.Close(); err != nil {
			return err
		}
		text.Write(body)
	}
	return nil
}

func TestPullRequestWithoutASecretIsCleanAndSendsNoMail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.manage(managerOptions{})
	w.listening()
	w.openPullRequest("payments", "feature/nothing", map[string]string{"main.go": "package main\n"})
	job := w.finished(w.onlyJob())
	wantReason(t, job, scanv1.ConditionComplete, scanv1.ReasonScanned)
	wantReason(t, job, scanv1.ConditionReported, scanv1.ReasonNothingToReport)
	if job.Status.Findings == nil || job.Status.Findings.Total != 0 {
		t.Errorf("the findings of a clean scan are %+v", job.Status.Findings)
	}
	if job.Status.Result != scanv1.ResultClean {
		t.Errorf("result %s, want Clean", job.Status.Result)
	}
	if mails := w.scanMail(); len(mails) != 0 {
		t.Errorf("mails were sent: %+v", mails)
	}
}

// Invariant 5: names are a pure function of the event.
func TestEventThatIsRepeatedFiveTimesIsOneJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.aws.RunContainersWith(awslocal.ExitWith(0))
	w.manage(managerOptions{})
	w.listening()
	w.aws.Faults().DuplicateEvents(4)
	w.openPullRequest("payments", "feature/nothing", map[string]string{"main.go": "package main\n"})
	name := w.onlyJob()
	job := w.finished(name)
	poll(t, func() bool { return w.inboxDepth() == 0 }, func() string { return "the inbox was never emptied" })
	if again := w.onlyJob(); again != name {
		t.Errorf("job %s became %s", name, again)
	}
	w.oneTaskPerAttempt(job)
}

// Invariant 5: an event is not lost when the manager is stopped with it in its hands, and does not wait for its visibility to
// end either.
func TestEventInHandWhenTheManagerStopsIsHandedBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.aws.RunContainersWith(awslocal.ExitWith(0))
	kube := rest.CopyConfig(plane.Config)
	reached, stopped := make(chan struct{}), make(chan struct{})
	var once sync.Once
	kube.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			if request.Method != http.MethodPost || !strings.HasSuffix(request.URL.Path, "/scanjobs") {
				return next.RoundTrip(request)
			}
			once.Do(func() { close(reached) })
			<-stopped
			return nil, errCrashed
		})
	})
	first := w.manage(managerOptions{kube: kube})
	w.listening()
	w.openPullRequest("payments", "feature/nothing", map[string]string{"main.go": "package main\n"})
	select {
	case <-reached:
	case <-time.After(patience):
		t.Fatal("the manager never tried to create a job")
	}
	first.cancel()
	close(stopped)
	first.stop()
	if handed := w.aws.CallCount("sqs", "ChangeMessageVisibilityBatch"); handed == 0 {
		t.Error("the message was not handed back")
	}
	w.manage(managerOptions{})
	wantReason(t, w.finished(w.onlyJob()), scanv1.ConditionComplete, scanv1.ReasonScanned)
}

func TestRepositoryOrCommitThatDoesNotExistFailsAtOnceAndHoldsUpNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.manage(managerOptions{})
	repo, err := w.stack.CreateRepository(t.Context(), "payments")
	if err != nil {
		t.Fatal(err)
	}
	commit, err := repo.Commit(t.Context(), "main", "Begin", map[string]string{"README.md": "payments\n"})
	if err != nil {
		t.Fatal(err)
	}
	in := func(repository, commit string) func(*scanv1.ScanJob) {
		return func(job *scanv1.ScanJob) {
			job.Spec.Mode = scanv1.ScanModeTree
			job.Spec.Source.CodeCommit.Repository, job.Spec.Source.Revision = repository, commit
		}
	}
	w.submit("no-repository", in("infra-nowhere", commit))
	w.submit("no-commit", in("payments", revision))
	w.submit("good", in("payments", commit))
	for _, name := range []string{"no-repository", "no-commit"} {
		job := w.finished(name)
		wantReason(t, job, scanv1.ConditionFailed, scanv1.ReasonConfiguration)
		if len(job.Status.Attempts) != 1 {
			t.Errorf("%s took %d attempts, want 1", name, len(job.Status.Attempts))
		}
	}
	wantReason(t, w.finished("good"), scanv1.ConditionComplete, scanv1.ReasonScanned)
}
