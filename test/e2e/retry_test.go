package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/devstack"
)

func TestScanThatCrashesIsRepeatedUntilItsLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.aws.RunContainersWith(awslocal.ExitWith(1))
	w.manage(managerOptions{})
	w.submit("scan", func(job *scanv1.ScanJob) { one := int32(1); job.Spec.BackoffLimit = &one })
	job := w.finished("scan")
	wantReason(t, job, scanv1.ConditionFailed, scanv1.ReasonBackoffLimitExceeded)
	if len(job.Status.Attempts) != 2 {
		t.Errorf("%d attempts, want 2", len(job.Status.Attempts))
	}
	w.oneTaskPerAttempt(job)
}

func TestRequestThatCannotBeScannedIsNotRepeated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.aws.RunContainersWith(awslocal.ExitWith(64))
	w.manage(managerOptions{})
	w.submit("scan")
	job := w.finished("scan")
	wantReason(t, job, scanv1.ConditionFailed, scanv1.ReasonConfiguration)
	if len(job.Status.Attempts) != 1 {
		t.Errorf("%d attempts, want 1", len(job.Status.Attempts))
	}
}

func TestWantOfCapacityIsRepeatedWithANewToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.aws.RunContainersWith(awslocal.ExitWith(0))
	w.aws.Faults().NoCapacity(awslocal.Any, 2)
	w.manage(managerOptions{})
	w.submit("scan")
	job := w.finished("scan")
	wantReason(t, job, scanv1.ConditionComplete, scanv1.ReasonScanned)
	if len(job.Status.Attempts) != 3 {
		t.Fatalf("%d attempts, want 3", len(job.Status.Attempts))
	}
	for _, attempt := range job.Status.Attempts[:2] {
		if attempt.Class != scanv1.ClassInfrastructure || !attempt.CapacityMissed || attempt.TaskARN != "" {
			t.Errorf("attempt %d is %+v", attempt.Number, attempt)
		}
	}
	if job.Status.Attempts[0].ClientToken == job.Status.Attempts[1].ClientToken {
		t.Error("two attempts have the same token")
	}
}

func TestWantOfSpotFallsBackToOnDemand(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(environment *scanv1.ScanEnvironment) {
		environment.Spec.Capacity.Strategy = []scanv1.CapacityProviderStrategyItem{{CapacityProvider: scanv1.CapacityProviderFargateSpot, Weight: 1}}
	})
	w.aws.RunContainersWith(awslocal.ExitWith(0))
	w.aws.Faults().NoCapacity("FARGATE_SPOT", awslocal.Forever)
	w.manage(managerOptions{})
	w.submit("scan", func(job *scanv1.ScanJob) { one := int32(1); job.Spec.InfrastructureBackoffLimit = &one })
	job := w.finished("scan")
	wantReason(t, job, scanv1.ConditionComplete, scanv1.ReasonScanned)
	if last := job.Status.Attempts[len(job.Status.Attempts)-1]; len(job.Status.Attempts) != 3 || !last.OnDemandFallback || last.CapacityProvider != "FARGATE" {
		t.Errorf("the attempts are %+v", job.Status.Attempts)
	}
}

func TestImageThatDoesNotExistFailsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.aws.Faults().FailStart(1, awslocal.StartFailure{
		StopCode: "TaskFailedToStart", StoppedReason: "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref scanner:latest: not found",
	})
	w.manage(managerOptions{})
	w.submit("scan")
	job := w.finished("scan")
	condition := wantReason(t, job, scanv1.ConditionFailed, scanv1.ReasonConfiguration)
	if !strings.Contains(condition.Message, "push the image") {
		t.Errorf("the message does not say what to do: %s", condition.Message)
	}
}

// without returns the roles, of which none has the policy statement of that name.
func without(t *testing.T, roles []awslocal.Role, sid string) []awslocal.Role {
	t.Helper()
	found := false
	var rest []awslocal.Role
	for _, role := range roles {
		policies := map[string]string{}
		for name, text := range role.Policies {
			var policy struct {
				Version   string
				Statement []map[string]any
			}
			if err := json.Unmarshal([]byte(text), &policy); err != nil {
				t.Fatal(err)
			}
			before := len(policy.Statement)
			policy.Statement = slices.DeleteFunc(policy.Statement, func(statement map[string]any) bool { return statement["Sid"] == sid })
			found = found || len(policy.Statement) < before
			shortened, err := json.Marshal(policy)
			if err != nil {
				t.Fatal(err)
			}
			policies[name] = string(shortened)
		}
		role.Policies = policies
		rest = append(rest, role)
	}
	if !found {
		t.Fatalf("no role has a statement %s", sid)
	}
	return rest
}

func TestRoleThatCannotBePassedIsNamed(t *testing.T) {
	t.Parallel()
	w := worldOf(t, startStack(t, devstack.Options{Roles: without(t, roles, "PassRolesToScans")}))
	w.manage(managerOptions{})
	w.submit("scan")
	job := w.finished("scan")
	condition := wantReason(t, job, scanv1.ConditionFailed, scanv1.ReasonConfiguration)
	if !strings.Contains(condition.Message, "iam:PassRole") || len(w.aws.Tasks()) != 0 {
		t.Errorf("%d tasks; the message does not say what to do: %s", len(w.aws.Tasks()), condition.Message)
	}
}

func TestDeniedRunTaskNamesThePermission(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.aws.Faults().Deny(awslocal.Any, "ecs:RunTask")
	w.manage(managerOptions{})
	w.submit("scan")
	job := w.finished("scan")
	condition := wantReason(t, job, scanv1.ConditionFailed, scanv1.ReasonConfiguration)
	if !strings.Contains(condition.Message, "iam:PassRole") {
		t.Errorf("the message does not say what to do: %s", condition.Message)
	}
}
