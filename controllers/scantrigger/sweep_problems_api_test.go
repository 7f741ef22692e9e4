package scantrigger

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

func TestSweepGoesOnWhereOneRepositoryCannotBeLookedAt(t *testing.T) {
	w := newHostedWorld(t)
	w.environment(account)
	secret, o := w.repository("a-secret"), w.repository("payments")
	hidden, hiddenHead := secret.open("feature")
	_, head := o.open("feature")
	fault := w.aws.Faults().DenyResource("*", "codecommit:ListPullRequests", "arn:aws:codecommit:us-east-1:111122223333:a-secret")
	trigger := w.trigger("main")
	status := w.firstSweep(trigger)
	w.wantRunning("without access", head)
	if status.LastSweepTime == nil || len(status.Sweep.Problems) != 1 || status.Sweep.Problems[0].Repository != "a-secret" ||
		status.Sweep.Problems[0].Reason != v1alpha1.ReasonAccessDenied || !strings.Contains(status.Sweep.Problems[0].Message, "codecommit:ListPullRequests") {
		t.Fatalf("status %+v", status.Sweep)
	}
	w.awaitTold("main", v1alpha1.ReasonSweepIncomplete, "a-secret", "AccessDenied")
	// For the other repository, what was pushed until now is settled; for this one it is not.
	w.age(trigger)
	fault.Clear()
	status = w.askSweep(trigger)
	w.wantRunning("with access", head, hiddenHead)
	if len(status.Sweep.Problems) != 0 || status.Sweep.Missed != 1 {
		t.Errorf("status %+v", status.Sweep)
	}
	t.Run("nor does it end scans of which it cannot see whether they are needed", func(t *testing.T) {
		secret.close(hidden)
		fault := w.aws.Faults().DenyResource("*", "codecommit:ListPullRequests", "arn:aws:codecommit:us-east-1:111122223333:a-secret")
		w.askSweep(trigger)
		w.wantRunning("without access again", head, hiddenHead)
		fault.Clear()
		w.askSweep(trigger)
		w.wantRunning("with access again", head)
	})
}

func TestSweepLooksAtWhatItCanHoweverManyRepositoriesItCannotReach(t *testing.T) {
	w := newHostedWorld(t)
	w.environment(account)
	for i := range 20 {
		name := fmt.Sprintf("a-secret-%02d", i)
		w.repository(name)
		w.aws.Faults().DenyResource("*", "codecommit:ListPullRequests", "arn:aws:codecommit:us-east-1:111122223333:"+name)
	}
	o := w.repository("payments")
	done, doneHead := o.open("done")
	_, head := o.open("feature")
	trigger := w.trigger("main")
	w.firstSweep(trigger)
	w.wantRunning("at first", doneHead, head)
	o.close(done)
	_, opened := o.open("opened")
	status := w.askSweep(trigger)
	w.wantRunning("after another sweep", head, opened)
	if status.LastSweepTime == nil || status.Sweep.Message != "" || len(status.Sweep.Problems) != 20 || status.Sweep.Closed != 1 || status.Sweep.Missed != 1 {
		t.Errorf("status %+v", status.Sweep)
	}
	w.awaitTold("main", v1alpha1.ReasonSweepIncomplete, "a-secret-00", "and those of 19 others")
	for i, problem := range status.Sweep.Problems {
		if (problem.Message != "") != (i < listedInStatus) {
			t.Errorf("problem %d: %+v", i, problem)
		}
	}
}

func TestSweepAsksNoMoreWhereAWSDoesNotAnswer(t *testing.T) {
	w := newHostedWorld(t)
	w.environment(account)
	o := w.repository("a-payments")
	id, head := o.open("feature")
	for i := range 6 {
		w.repository(fmt.Sprint("infra-", i))
	}
	trigger := w.trigger("main")
	w.firstSweep(trigger)
	o.close(id)
	_, opened := o.open("opened")
	fault := w.aws.Faults().Fail("codecommit", "ListPullRequests", awslocal.Forever, awslocal.Throttled())
	status := w.askSweep(trigger)
	w.wantRunning("while AWS does not answer", head)
	if len(status.Sweep.Problems) != 7 || status.Sweep.Retries != 1 || status.LastSweepTime == nil {
		t.Errorf("status %+v", status.Sweep)
	}
	for i, problem := range status.Sweep.Problems {
		if problem.Reason != v1alpha1.ReasonAWSUnavailable || problem.Since == nil || strings.Contains(problem.Message, "not asked for") != (i >= unavailableInARow) {
			t.Errorf("problem %+v", problem)
		}
	}
	fault.Clear()
	status = w.askSweep(trigger)
	w.wantRunning("when it answers again", opened)
	if status.Sweep.Retries != 0 || len(status.Sweep.Problems) != 0 || status.Sweep.Missed != 1 || status.Sweep.Closed != 1 {
		t.Errorf("status %+v", status.Sweep)
	}
}

func TestPullRequestThatCannotBeReadKeepsNoOtherFromItsEnd(t *testing.T) {
	w := newHostedWorld(t)
	w.environment(account)
	secret, o := w.repository("a-secret"), w.repository("payments")
	hidden, hiddenHead := secret.open("feature")
	closed, head := o.open("feature")
	trigger := w.trigger("main")
	w.firstSweep(trigger)
	w.wantRunning("at first", hiddenHead, head)
	secret.close(hidden)
	o.close(closed)
	// The first that is asked for is the one of a-secret.
	w.aws.Faults().Fail("codecommit", "GetPullRequest", 1, &awslocal.Error{Code: "AccessDeniedException", Message: "not this one", Status: 400})
	status := w.askSweep(trigger)
	w.wantRunning("while one cannot be read", hiddenHead)
	if len(status.Sweep.Problems) != 1 || status.Sweep.Problems[0].Repository != "a-secret" || status.Sweep.Closed != 1 {
		t.Errorf("status %+v", status.Sweep)
	}
	w.askSweep(trigger)
	w.wantRunning("with access")
}

func TestSweepThatAWSDoesNotAnswerIsTriedAgain(t *testing.T) {
	w := newHostedWorld(t)
	w.environment(account)
	o := w.repository("payments")
	_, head := o.open("feature")
	w.aws.Faults().Fail("codecommit", "ListRepositories", awslocal.Forever, awslocal.Throttled())
	trigger := w.trigger("main")
	status := w.firstSweep(trigger)
	if status.LastSweepTime != nil || !strings.Contains(status.Sweep.Message, "ThrottlingException") || status.NextSweepTime == nil {
		t.Fatalf("status %+v, last %v, next %v", status.Sweep, status.LastSweepTime, status.NextSweepTime)
	}
	if in := status.NextSweepTime.Sub(endOf(status.Sweep)); in != sweepRetry {
		t.Errorf("the next try is after %v, want %v", in, sweepRetry)
	}
	w.awaitTold("main", v1alpha1.ReasonSweepIncomplete, "ThrottlingException")
	w.aws.Faults().Clear()
	// As if the time had passed.
	w.reload(trigger)
	before := trigger.DeepCopy()
	trigger.Status.Sweep.StartTime, trigger.Status.Sweep.DurationSeconds = metav1.NewTime(time.Now().Add(-sweepRetry)), 0
	if err := w.client.Status().Patch(t.Context(), trigger, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	status = w.askSweep(trigger)
	w.wantRunning("after the next try", head)
	if status.Sweep.Message != "" || status.LastSweepTime == nil {
		t.Errorf("status %+v", status.Sweep)
	}
}
