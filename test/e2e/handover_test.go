package e2e

import (
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

// A manager that is replaced may have sent a record whose way into the cluster is longer than the new manager needs to
// give the slot to somebody else.
func TestRecordThatArrivesAfterItsManagerIsGoneWaitsForASlot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(environment *scanv1.ScanEnvironment) { environment.Spec.Capacity.MaxConcurrentTasks = 2 })
	w.aws.RunContainersWith(awslocal.UntilStopped())
	w.manage(managerOptions{})
	for _, name := range []string{"a", "b"} {
		w.submit(name)
		w.wait(name, "ran", func(job *scanv1.ScanJob) bool { return job.Status.Phase == scanv1.PhaseRunning })
	}
	w.submit("late")
	w.recordOfAnother("late", "a")
	w.wait("late", "was told that it waits", func(job *scanv1.ScanJob) bool {
		admitted := meta.FindStatusCondition(job.Status.Conditions, scanv1.ConditionAdmitted)
		return admitted != nil && strings.HasSuffix(admitted.Message, "its task is started when a slot is free")
	})
	w.submit("waiting")

	w.change("a", func(job *scanv1.ScanJob) { job.Spec.Cancel = true })
	w.wait("late", "ran", func(job *scanv1.ScanJob) bool { return job.Status.Phase == scanv1.PhaseRunning })
	w.change("b", func(job *scanv1.ScanJob) { job.Spec.Cancel = true })
	w.wait("waiting", "ran", func(job *scanv1.ScanJob) bool { return job.Status.Phase == scanv1.PhaseRunning })
	if most, tasks := w.mostLiveTasks(), len(w.aws.Tasks()); most != 2 || tasks != 4 {
		t.Errorf("%d tasks, %d at once, want 4, 2 at once", tasks, most)
	}
}

// recordOfAnother writes the record of a job's first attempt, as a manager would that had run it like another job.
func (w *world) recordOfAnother(name, like string) {
	w.t.Helper()
	attempt := w.wait(like, "ran", func(job *scanv1.ScanJob) bool { return len(job.Status.Attempts) == 1 }).Status.Attempts[0]
	poll(w.t, func() bool {
		job := &scanv1.ScanJob{}
		if err := w.kube.Get(w.t.Context(), types.NamespacedName{Namespace: w.ns, Name: name}, job); err != nil {
			w.t.Fatal(err)
		}
		job.Status.Attempts = []scanv1.Attempt{{
			Number: 1, RecordedAt: metav1.NewTime(attempt.RecordedAt.Add(-time.Second)), ClientToken: fargate.ClientToken(string(job.UID), 1),
			ClusterARN: attempt.ClusterARN, TaskDefinitionARN: attempt.TaskDefinitionARN, RoleARN: attempt.RoleARN, ExternalID: attempt.ExternalID,
			ContainerName: attempt.ContainerName, Subnets: attempt.Subnets,
		}}
		err := w.kube.Status().Update(w.t.Context(), job)
		if err != nil && !apierrors.IsConflict(err) {
			w.t.Fatal(err)
		}
		return err == nil
	}, func() string { return "the record met a conflict each time" })
}
