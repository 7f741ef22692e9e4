package e2e

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// waits waits until the job says that it waits for that reason, in a message that holds the text.
func (w *world) waits(name, reason, text string) {
	w.t.Helper()
	w.wait(name, "waited for "+reason+" with a message that names "+text, func(job *scanv1.ScanJob) bool {
		admitted := meta.FindStatusCondition(job.Status.Conditions, scanv1.ConditionAdmitted)
		return admitted != nil && admitted.Reason == reason && strings.Contains(admitted.Message, text)
	})
}

func TestJobOfAnUnknownEnvironmentWaitsForItAndHoldsUpNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.aws.RunContainersWith(awslocal.ExitWith(0))
	w.manage(managerOptions{})
	w.submit("stranded", func(job *scanv1.ScanJob) { job.Spec.EnvironmentName = "later" })
	w.waits("stranded", scanv1.ReasonEnvironmentNotFound, "later")
	w.submit("other")
	w.finished("other")
	w.create(w.stack.Environment(w.ns, "later"))
	wantReason(t, w.finished("stranded"), scanv1.ConditionComplete, scanv1.ReasonScanned)
}

func TestEnvironmentThatNamesItsQueueByARNScans(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(environment *scanv1.ScanEnvironment) {
		environment.Spec.Inbox.Queue.ID = "arn:aws:sqs:us-east-1:111122223333:scan-inbox"
	})
	w.aws.RunContainersWith(publishes())
	w.manage(managerOptions{})
	w.submit("scan")
	wantReason(t, w.finished("scan"), scanv1.ConditionReported, scanv1.ReasonFindingsReceived)
}

func TestInactiveTaskDefinitionHoldsJobsBackAndIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	definition := w.stack.Environment(w.ns, "x").Spec.TaskDefinition.ID
	if err := w.aws.Faults().TaskDefinitionInactive(definition); err != nil {
		t.Fatal(err)
	}
	w.manage(managerOptions{})
	w.submit("scan")
	w.waits("scan", scanv1.ReasonEnvironmentNotReady, "TaskDefinitionInactive")
	if tasks := len(w.aws.Tasks()); tasks != 0 {
		t.Errorf("%d tasks were started", tasks)
	}
}

func TestImageThatIsNotThereDegradesTheEnvironmentUntilAnAttemptRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.aws.RunContainersWith(awslocal.ExitWith(0))
	w.aws.Faults().FailStart(1, awslocal.ImageNotFound())
	w.manage(managerOptions{})
	w.submit("spoiled")
	wantReason(t, w.finished("spoiled"), scanv1.ConditionFailed, scanv1.ReasonConfiguration)
	w.degraded(metav1.ConditionTrue, "ScanJob spoiled")
	w.submit("good")
	wantReason(t, w.finished("good"), scanv1.ConditionComplete, scanv1.ReasonScanned)
	w.degraded(metav1.ConditionFalse, "ScanJob good")
}

// degraded waits until the environment's condition Degraded has a status, and a message that holds the text.
func (w *world) degraded(status metav1.ConditionStatus, text string) {
	w.t.Helper()
	var last *metav1.Condition
	poll(w.t, func() bool {
		environment := &scanv1.ScanEnvironment{}
		if err := w.kube.Get(w.t.Context(), types.NamespacedName{Namespace: w.ns, Name: "default"}, environment); err != nil {
			w.t.Fatal(err)
		}
		last = meta.FindStatusCondition(environment.Status.Conditions, scanv1.ConditionDegraded)
		return last != nil && last.Status == status && strings.Contains(last.Message, text)
	}, func() string { return fmt.Sprintf("condition Degraded is %+v", last) })
}

func TestOverridesThatAreTooLongFailBeforeAnAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.manage(managerOptions{})
	w.submit("scan", func(job *scanv1.ScanJob) {
		job.Spec.Container = &scanv1.ContainerOverrides{Env: []scanv1.EnvVar{
			{Name: "A", Value: strings.Repeat("a", 4096)}, {Name: "B", Value: strings.Repeat("b", 4096)},
		}}
	})
	job := w.finished("scan")
	condition := wantReason(t, job, scanv1.ConditionFailed, scanv1.ReasonConfiguration)
	if !strings.Contains(condition.Message, "8192") || !strings.Contains(condition.Message, "container.env") {
		t.Errorf("the message does not say what to do: %s", condition.Message)
	}
	if len(job.Status.Attempts) != 0 {
		t.Errorf("%d attempts were made", len(job.Status.Attempts))
	}
}

func TestArchitectureThatTheTaskDefinitionHasNotFailsBeforeAnAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.manage(managerOptions{})
	environment := &scanv1.ScanEnvironment{}
	poll(t, func() bool {
		if err := w.kube.Get(t.Context(), types.NamespacedName{Namespace: w.ns, Name: "default"}, environment); err != nil {
			t.Fatal(err)
		}
		return environment.Status.Resolved != nil
	}, func() string { return "the environment was never resolved" })
	other := scanv1.ArchitectureARM64
	if environment.Status.Resolved.Architecture == other {
		other = scanv1.ArchitectureAMD64
	}
	w.submit("scan", func(job *scanv1.ScanJob) { job.Spec.Resources = &scanv1.TaskResources{Architecture: other} })
	job := w.finished("scan")
	if condition := wantReason(t, job, scanv1.ConditionFailed, scanv1.ReasonConfiguration); !strings.Contains(condition.Message, string(other)) {
		t.Errorf("the message does not name the architecture: %s", condition.Message)
	}
}

func TestEnvironmentInUseOutlivesItsDeletion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.aws.RunContainersWith(awslocal.UntilStopped())
	w.manage(managerOptions{})
	job := w.submit("scan")
	w.wait("scan", "ran", func(job *scanv1.ScanJob) bool { return job.Status.Phase == scanv1.PhaseRunning })
	environment := &scanv1.ScanEnvironment{}
	name := types.NamespacedName{Namespace: w.ns, Name: "default"}
	if err := w.kube.Get(t.Context(), name, environment); err != nil {
		t.Fatal(err)
	}
	if err := w.kube.Delete(t.Context(), environment); err != nil {
		t.Fatal(err)
	}
	if err := w.kube.Get(t.Context(), name, environment); err != nil {
		t.Fatalf("the environment is gone while a task of it runs: %v", err)
	}
	if err := w.kube.Delete(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	w.gone("scan")
	poll(t, func() bool { return w.kube.Get(t.Context(), name, environment) != nil },
		func() string { return "the environment was never gone" })
}
