package scanjob

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/scanjob-dev/scanjob/api/contract"
	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/events"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

// told is a result document for attempt 1 of the rig's job.
func told(findings ...contract.Finding) contract.Result {
	return contract.Result{
		ScanJob: contract.JobReference{Namespace: "scans", Name: "payments-42", UID: testUID, Attempt: 1},
		Total:   len(findings), New: len(findings), Findings: findings,
	}
}

func TestWhatAContainerSaysStaysWithinTheStatusBoundsAndShowsNoSecret(t *testing.T) {
	secret := "wJalrXUtnFEMI" + strings.Repeat("x", 2000)
	var findings []contract.Finding
	for i := range 70 {
		findings = append(findings, contract.Finding{
			Rule: strings.Repeat("r", 200), Severity: "apocalyptic", Path: fmt.Sprintf("a\x1b[31m\n%d", i) + strings.Repeat("é", 2000),
			Line: -1, Commit: strings.Repeat("c", 100), Preview: secret, Account: "879312345678", Fingerprint: strings.Repeat("f", 300),
		})
	}
	document := told(findings...)
	document.Total, document.ReportURI = -5, "s3://"+strings.Repeat("u", 3000)
	got := findingsOf(document)
	if got.Total != 70 || len(got.Items) != contract.MaxItems || len(got.ReportURI) > maxURI {
		t.Errorf("total %d, %d items, URI of %d", got.Total, len(got.Items), len(got.ReportURI))
	}
	for _, item := range got.Items {
		if len(item.Rule) > maxRule || len([]rune(item.Path)) > maxPath || len(item.Commit) > maxCommit || len(item.Fingerprint) > maxFingerprint || item.Line != 0 {
			t.Fatalf("out of bounds: %+v", item)
		}
		if strings.ContainsFunc(item.Path, unicode.IsControl) {
			t.Fatalf("the path %q would do things to a terminal", item.Path)
		}
		if item.Preview != "wJal********" || item.Account != "********5678" || item.Severity != string(contract.SeverityMedium) {
			t.Fatalf("preview %q, account %q, severity %q", item.Preview, item.Account, item.Severity)
		}
	}
}

func TestFindingsBelongToTheObjectAndAttemptThatTheyName(t *testing.T) {
	finding := contract.Finding{Rule: "aws-access-key-id", Severity: contract.SeverityCritical, Path: "a", Preview: "AKIA", Fingerprint: "f"}
	for _, row := range []struct {
		name   string
		change func(*contract.Result)
		taken  bool
	}{
		{"they are taken over", func(*contract.Result) {}, true},
		{"another object of the same name", func(r *contract.Result) { r.ScanJob.UID = "f0000000-d9cb-469f-a165-70867728950e" }, false},
		{"an attempt that never was", func(r *contract.Result) { r.ScanJob.Attempt = 2 }, false},
		{"a job that does not exist", func(r *contract.Result) { r.ScanJob.Name = "gone" }, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t, newJob(admittedAt(0), withFinalizer, withAttempts(running())))
			document := told(finding)
			row.change(&document)
			if err := r.reconciler.RecordFindings(t.Context(), testQueue, document); err != nil {
				t.Fatal(err)
			}
			if got := r.job().Status.Findings != nil; got != row.taken {
				t.Errorf("taken over: %t, want %t", got, row.taken)
			}
		})
	}
}

func TestAQueueTellsOnlyOfTheJobsOfItsEnvironments(t *testing.T) {
	for queue, taken := range map[string]bool{testQueue: true, testQueue + "-of-others": false} {
		t.Run(queue, func(t *testing.T) {
			r := newRig(t, newJob(admittedAt(0), withFinalizer, withAttempts(running())))
			if err := r.reconciler.RecordFindings(t.Context(), queue, told(contract.Finding{Rule: "r", Path: "p", Fingerprint: "f"})); err != nil {
				t.Fatal(err)
			}
			if got := r.job().Status.Findings != nil; got != taken {
				t.Errorf("findings taken over: %t, want %t", got, taken)
			}
			stopped := task(9, fargate.StatusStopped, func(task *fargate.Task) { task.StartedBy = fargate.StartedBy(testUID, 1) })
			if err := r.reconciler.ObserveTask(t.Context(), queue, events.TaskState{Task: stopped}); err != nil {
				t.Fatal(err)
			}
			if _, got := r.reconciler.observer.StartedBy(stopped.StartedBy); got != taken {
				t.Errorf("the task was heard of: %t, want %t", got, taken)
			}
		})
	}
	t.Run("and what it tells comes again while nobody knows which those are", func(t *testing.T) {
		r := newRig(t, newJob(admittedAt(0), withFinalizer, withAttempts(running())))
		environment := &scanv1.ScanEnvironment{}
		if err := r.kube.Get(t.Context(), client.ObjectKeyFromObject(newEnvironment()), environment); err != nil {
			t.Fatal(err)
		}
		environment.Status.Resolved = nil
		if err := r.kube.Status().Update(t.Context(), environment); err != nil {
			t.Fatal(err)
		}
		if err := r.reconciler.RecordFindings(t.Context(), testQueue, told()); err == nil {
			t.Error("the findings were dropped")
		}
	})
}

func TestFindingsAreWrittenThoughSomebodyElseWrites(t *testing.T) {
	r := newRig(t, newJob(admittedAt(0), withFinalizer, withAttempts(running())))
	conflicts := 0
	r.reconciler.client = interceptor.NewClient(r.kube, interceptor.Funcs{
		SubResourceUpdate: func(ctx context.Context, c client.Client, name string, object client.Object, options ...client.SubResourceUpdateOption) error {
			if conflicts++; conflicts <= 2 {
				return apierrors.NewConflict(schema.GroupResource{Resource: "scanjobs"}, object.GetName(), nil)
			}
			return c.SubResource(name).Update(ctx, object, options...)
		},
	})
	if err := r.reconciler.RecordFindings(t.Context(), testQueue, told(contract.Finding{Rule: "r", Path: "p", Fingerprint: "f"})); err != nil {
		t.Fatal(err)
	}
	if r.job().Status.Findings == nil || conflicts != 3 {
		t.Errorf("after %d writes the findings are %+v", conflicts, r.job().Status.Findings)
	}
}

func TestAFinishedJobIsNotDeletedWhileItsFindingsMayStillCome(t *testing.T) {
	r := newRig(t, newJob(withFinalizer, withAttempts(done(contract.ExitFindings)), func(job *scanv1.ScanJob) {
		var none int32
		job.Spec.TTLSecondsAfterFinished = &none
	}))
	if again := r.succeed().RequeueAfter; again == 0 || again > findingsWait+time.Second {
		t.Errorf("it is looked at again after %s", again)
	}
	wantMessage(t, r.job(), scanv1.ConditionReported, "have not come through the inbox yet")
	r.clock.Step(findingsWait)
	r.succeed() // says that they did not come
	r.succeed()
	if err := r.kube.Get(t.Context(), r.key(), &scanv1.ScanJob{}); !apierrors.IsNotFound(err) {
		t.Errorf("the job is still there: %v", err)
	}
}

func TestACleanScanSaysThatItFoundNothing(t *testing.T) {
	r := newRig(t, newJob(withFinalizer, withAttempts(done(contract.ExitClean))))
	r.succeed()
	if job := r.job(); job.Status.Findings == nil || job.Status.Findings.Total != 0 || job.Status.Result != scanv1.ResultClean {
		t.Errorf("result %s, findings %+v", job.Status.Result, job.Status.Findings)
	}
}
