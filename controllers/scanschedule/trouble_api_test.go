package scanschedule

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/codecommit"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

type awslocalCall = awslocal.Call

const secretARN = "arn:aws:codecommit:us-east-1:111122223333:secret"

func TestARepositoryThatCannotBeScannedIsNamedAndHoldsUpNoOther(t *testing.T) {
	w := newWorld(t)
	w.environment()
	w.repository("payments")
	w.repository("deleted")
	w.repository("secret")
	if _, err := w.code.CreateRepository(t.Context(), &sdk.CreateRepositoryInput{RepositoryName: aws.String("empty")}); err != nil {
		t.Fatal(err)
	}
	schedule := w.schedule("hourly", func(spec *v1alpha1.ScanScheduleSpec) {
		spec.Repositories = []string{"deleted", "empty", "payments", "secret"}
	})
	w.ready(schedule, v1alpha1.ReasonScheduled)
	denial := w.aws.Faults().DenyResource(awslocal.Any, "codecommit:Get*", secretARN)
	// It is there when the repositories are listed, and gone when it is looked at.
	w.aws.Faults().After("codecommit", "ListRepositories", 1, func(awslocalCall) {
		if _, err := w.code.DeleteRepository(t.Context(), &sdk.DeleteRepositoryInput{RepositoryName: aws.String("deleted")}); err != nil {
			t.Error(err)
		}
	})
	w.next(schedule)
	w.states(schedule, "deleted Absent RepositoryNotFound", "empty Absent RepositoryEmpty", "payments main Created", "secret Waiting AccessDenied")
	message := w.ready(schedule, v1alpha1.ReasonTargetsNotScanned)
	for _, want := range []string{"deleted (RepositoryNotFound: there is no repository deleted in us-east-1", "empty (RepositoryEmpty", "secret (AccessDenied: allow codecommit:GetRepository"} {
		if !strings.Contains(message, want) {
			t.Errorf("the message lacks %q: %s", want, message)
		}
	}
	w.warned(schedule, v1alpha1.ReasonRepositoryNotFound, "deleted: there is no repository deleted")
	w.warned(schedule, v1alpha1.ReasonRepositoryEmpty, "empty: repository empty is empty")
	w.warned(schedule, v1alpha1.ReasonAccessDenied, "secret: allow codecommit:GetRepository")

	// Somebody allows it: it is scanned in the same run.
	denial.Clear()
	w.pass(schedule, firstRetry)
	w.states(schedule, "deleted Absent RepositoryNotFound", "empty Absent RepositoryEmpty", "payments main Created", "secret main Created")
	if jobs := w.jobs(schedule); len(jobs) != 2 {
		t.Errorf("%d jobs, want 2", len(jobs))
	}

	// What is put right by the next run is scanned in it.
	w.commit("empty", "main", "")
	w.repository("deleted")
	w.next(schedule)
	w.states(schedule, "deleted main Created", "empty main Created", "payments main Waiting ScanUnfinished", "secret main Waiting ScanUnfinished")
	w.ready(schedule, v1alpha1.ReasonScheduled)
}

func TestAMissingBranchIsNamed(t *testing.T) {
	w := newWorld(t)
	w.environment()
	w.repository("payments")
	schedule := w.schedule("hourly", func(spec *v1alpha1.ScanScheduleSpec) { spec.Branches = []string{"main", "develop"} })
	w.next(schedule)
	w.states(schedule, "payments develop Absent BranchNotFound", "payments main Created")
	if message := w.ready(schedule, v1alpha1.ReasonTargetsNotScanned); !strings.Contains(message, "repository payments has no branch develop") {
		t.Errorf("message %q", message)
	}
}

func TestANameOrPatternThatMatchesNothingIsToldBeforeTheFirstRun(t *testing.T) {
	w := newWorld(t)
	w.environment()
	w.repository("payments")
	schedule := w.schedule("hourly", func(spec *v1alpha1.ScanScheduleSpec) { spec.Repositories = []string{"paymets", "infra-*", "pay*"} })
	message := w.ready(schedule, v1alpha1.ReasonNoRepositoryMatches)
	for _, want := range []string{"no repository in us-east-1 matches infra-*", "TargetsNotScanned: not scanned: paymets (RepositoryNotFound: there is no repository paymets"} {
		if !strings.Contains(message, want) {
			t.Errorf("the message lacks %q: %s", want, message)
		}
	}
	w.warned(schedule, v1alpha1.ReasonNoRepositoryMatches, "infra-*")

	w.repository("infra-dns")
	w.change(schedule, func(spec *v1alpha1.ScanScheduleSpec) { spec.Repositories = []string{"infra-*", "pay*", "tools"} })
	w.states(schedule, "infra-dns", "payments", "tools Absent RepositoryNotFound")
	// It is created meanwhile: no run is needed to see that.
	w.repository("tools")
	w.pass(schedule, matchRetry)
	w.ready(schedule, v1alpha1.ReasonScheduled)
	w.next(schedule)
	w.states(schedule, "infra-dns main Created", "payments main Created", "tools main Created")
}

func TestASpecThatCannotBeFollowedSaysWhyAndHoldsUpNoOther(t *testing.T) {
	w := newWorld(t)
	w.environment()
	w.repository("payments")
	bad := w.schedule("bad-line", func(spec *v1alpha1.ScanScheduleSpec) { spec.Schedule = "0 25 * * *" })
	zone := w.schedule("bad-zone", func(spec *v1alpha1.ScanScheduleSpec) { spec.TimeZone = "Europe/Atlantis" })
	never := w.schedule("never", func(spec *v1alpha1.ScanScheduleSpec) { spec.Schedule = "0 0 31 2 *" })
	pattern := w.schedule("bad-pattern", func(spec *v1alpha1.ScanScheduleSpec) { spec.Repositories = []string{"infra-[", "payments"} })
	good := w.schedule("good")
	w.ready(bad, v1alpha1.ReasonInvalidSchedule)
	w.warned(bad, v1alpha1.ReasonInvalidSchedule, "end of range (25) above maximum (23)")
	w.ready(zone, v1alpha1.ReasonUnknownTimeZone)
	w.ready(never, v1alpha1.ReasonInvalidSchedule)
	w.ready(pattern, v1alpha1.ReasonInvalidPattern)
	if bad.Status.NextScheduleTime != nil || zone.Status.NextScheduleTime != nil {
		t.Error("there is a next run of what cannot be read")
	}
	w.next(good)
	w.states(good, "payments main Created")
	// A pattern that cannot be read does not keep the other repositories of its schedule from being scanned.
	w.poke(pattern)
	w.states(pattern, "payments main Created")

	w.change(bad, func(spec *v1alpha1.ScanScheduleSpec) { spec.Schedule = good.Spec.Schedule })
	w.ready(bad, v1alpha1.ReasonScheduled)
	if jobs := w.jobs(zone); len(jobs) != 0 {
		t.Errorf("%d jobs of a schedule in no zone", len(jobs))
	}
}

func TestAnEnvironmentThatIsNotThereIsWaitedFor(t *testing.T) {
	w := newWorld(t)
	w.repository("payments")
	schedule := w.schedule("hourly")
	w.ready(schedule, v1alpha1.ReasonEnvironmentNotFound)
	w.pass(schedule, 2*time.Hour)
	w.environment()
	w.states(schedule, "payments main Created")
	w.ready(schedule, v1alpha1.ReasonScheduled)
	if jobs := w.jobs(schedule); len(jobs) != 1 {
		t.Errorf("%d jobs, want the latest missed run's", len(jobs))
	}
}

func TestAnEnvironmentThatIsNotReadyGetsJobsThatWait(t *testing.T) {
	w := newWorld(t)
	w.environment()
	w.repository("payments")
	environment := &v1alpha1.ScanEnvironment{ObjectMeta: metav1.ObjectMeta{Name: "default", Namespace: w.namespace}}
	w.get(environment)
	meta.SetStatusCondition(&environment.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: "ClusterInactive", Message: "cluster scans is INACTIVE",
	})
	if err := w.client.Status().Update(t.Context(), environment); err != nil {
		t.Fatal(err)
	}
	schedule := w.schedule("hourly")
	if message := w.ready(schedule, v1alpha1.ReasonEnvironmentNotReady); !strings.Contains(message, "ClusterInactive: cluster scans is INACTIVE") {
		t.Errorf("message %q", message)
	}
	w.next(schedule)
	w.states(schedule, "payments main Created")
	w.resolve(definition7)
	w.ready(schedule, v1alpha1.ReasonScheduled)
}

func TestWhileAWSIsAwayARunWaits(t *testing.T) {
	w := newWorld(t)
	w.environment()
	w.repository("payments")
	w.repository("infra-dns")
	schedule := w.schedule("hourly", func(spec *v1alpha1.ScanScheduleSpec) { spec.Repositories = []string{"payments", "infra-*"} })
	w.repository("infra-new")
	away := w.aws.Faults().Fail("codecommit", awslocal.Any, awslocal.Forever, awslocal.ServerFault())
	w.next(schedule)
	w.states(schedule, "infra-dns Waiting AWSUnavailable", "payments Waiting AWSUnavailable")
	w.ready(schedule, v1alpha1.ReasonAWSUnavailable)
	away.Clear()
	w.pass(schedule, 10*time.Minute)
	// The repository that could not be listed joins the run.
	w.states(schedule, "infra-dns main Created", "infra-new main Created", "payments main Created")
	w.ready(schedule, v1alpha1.ReasonScheduled)
}

func TestAListThatIsDeniedMattersToPatternsOnly(t *testing.T) {
	w := newWorld(t)
	w.environment()
	w.repository("payments")
	w.aws.Faults().Deny(awslocal.Any, "codecommit:ListRepositories")
	byName := w.schedule("by-name")
	byPattern := w.schedule("by-pattern", func(spec *v1alpha1.ScanScheduleSpec) { spec.Repositories = []string{"payments", "infra-*"} })
	w.ready(byName, v1alpha1.ReasonScheduled)
	if message := w.ready(byPattern, v1alpha1.ReasonAccessDenied); !strings.Contains(message, "need the permission codecommit:ListRepositories") {
		t.Errorf("message %q", message)
	}
	w.next(byName)
	w.states(byName, "payments main Created")
	w.poke(byPattern)
	w.states(byPattern, "payments main Created")
}

func TestALabelThatNoObjectCanHaveIsNamedAndLeftOut(t *testing.T) {
	w := newWorld(t)
	w.environment()
	w.repository("payments")
	schedule := w.schedule("hourly", func(spec *v1alpha1.ScanScheduleSpec) {
		spec.Template.Metadata.Labels = map[string]string{"team": "no label: it has blanks", "tier": "gold"}
	})
	w.ready(schedule, v1alpha1.ReasonInvalidTemplate)
	w.next(schedule)
	w.states(schedule, "payments main Created")
	if labels := w.jobs(schedule)[0].job.Labels; labels["tier"] != "gold" || labels["team"] != "" {
		t.Errorf("labels %v", labels)
	}
}

// refusing makes an admission policy that refuses the ScanJobs of the namespace, waits until it does, and returns how to
// end it.
func (w *world) refusing(reason metav1.StatusReason) (end func()) {
	w.t.Helper()
	name := w.namespace + "-refuses"
	policy := &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
				Operations: []admissionv1.OperationType{admissionv1.Create},
				Rule:       admissionv1.Rule{APIGroups: []string{"scanjob.dev"}, APIVersions: []string{"*"}, Resources: []string{"scanjobs"}},
			}}}},
			Validations: []admissionv1.Validation{{Expression: "false", Message: "not on Fridays", Reason: &reason}},
		},
	}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			MatchResources: &admissionv1.MatchResources{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": w.namespace}}},
		},
	}
	w.create(policy)
	w.create(binding)
	refused := func() bool {
		probe := &v1alpha1.ScanJob{
			ObjectMeta: metav1.ObjectMeta{Name: "probe", Namespace: w.namespace},
			Spec: v1alpha1.ScanJobSpec{
				EnvironmentName: "default",
				Source:          v1alpha1.ScanSource{CodeCommit: &v1alpha1.CodeCommitSource{Repository: "payments"}, Revision: commitA},
			},
		}
		err := w.client.Create(context.Background(), probe, client.DryRunAll)
		return err != nil && strings.Contains(err.Error(), "not on Fridays")
	}
	awaitRefusal := func(ctx context.Context, want bool) {
		err := wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) { return refused() == want, nil })
		if err != nil {
			w.t.Errorf("the policy never had its effect: %v", err)
		}
	}
	awaitRefusal(w.t.Context(), true)
	end = sync.OnceFunc(func() {
		for _, object := range []client.Object{binding, policy} {
			if err := w.client.Delete(context.Background(), object); err != nil {
				w.t.Error(err)
			}
		}
		awaitRefusal(context.Background(), false)
	})
	w.t.Cleanup(end)
	return end
}

func TestAJobThatIsRefusedIsNamed(t *testing.T) {
	for name, row := range map[string]struct {
		reason  metav1.StatusReason
		refused string
		// waits says whether it is tried again within the run.
		waits bool
	}{
		"for good":       {metav1.StatusReasonInvalid, "payments main Failed JobRejected", false},
		"for the moment": {metav1.StatusReasonForbidden, "payments main Waiting JobNotCreated", true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.environment()
			w.repository("payments")
			schedule := w.schedule("hourly")
			end := w.refusing(row.reason)
			w.next(schedule)
			w.states(schedule, row.refused)
			if message := w.ready(schedule, v1alpha1.ReasonTargetsNotScanned); !strings.Contains(message, "not on Fridays") {
				t.Errorf("message %q", message)
			}
			end()
			w.pass(schedule, firstRetry)
			if !row.waits {
				w.states(schedule, row.refused)
				w.next(schedule)
			}
			w.states(schedule, "payments main Created")
		})
	}
}

func TestAJobOfThatNameThatIsSomebodyElsesIsWaitedFor(t *testing.T) {
	w := newWorld(t)
	w.environment()
	head := w.repository("payments")
	schedule := w.schedule("hourly")
	name, err := jobName("hourly", scan{run: schedule.Status.NextScheduleTime.Time, repository: "payments", branch: "main"})
	if err != nil {
		t.Fatal(err)
	}
	other := &v1alpha1.ScanJob{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: w.namespace},
		Spec: v1alpha1.ScanJobSpec{
			EnvironmentName: "default",
			Source:          v1alpha1.ScanSource{CodeCommit: &v1alpha1.CodeCommitSource{Repository: "payments"}, Revision: head},
		},
	}
	w.create(other)
	w.next(schedule)
	w.states(schedule, "payments main Waiting JobNotCreated")
	if err := w.client.Delete(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	w.pass(schedule, firstRetry)
	w.states(schedule, "payments main Created")
}
