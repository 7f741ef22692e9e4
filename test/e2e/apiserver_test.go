package e2e

import (
	"context"
	"errors"
	"testing"
	"time"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/testplane"
)

// The API server goes away while a task runs, and its task comes to its end meanwhile.
func TestAPIServerThatIsRestartedInTheMiddleOfAScan(t *testing.T) {
	w := newWorld(t)
	exit := make(chan struct{})
	w.aws.RunContainersWith(awslocal.RunnerFunc(func(context.Context, awslocal.Container) int {
		<-exit
		return 0
	}))
	w.manage(managerOptions{})
	w.submit("scan")
	w.wait("scan", "ran", func(job *scanv1.ScanJob) bool { return job.Status.Phase == scanv1.PhaseRunning })

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	err := plane.Halt(ctx, testplane.Kill)
	close(exit)
	if errors.Is(err, testplane.ErrNotRestartable) {
		t.Skip("the cluster that the environment names is not this test's to restart; without TEST_KUBECONFIG it has one of its own")
	}
	if err != nil {
		t.Fatal(err)
	}
	poll(t, func() bool { return w.aws.Tasks()[0].LastStatus == "STOPPED" }, func() string { return "the task never stopped" })
	if err := plane.Resume(ctx); err != nil {
		t.Fatal(err)
	}

	job := w.finished("scan")
	wantReason(t, job, scanv1.ConditionComplete, scanv1.ReasonScanned)
	w.oneTaskPerAttempt(job)
	if tasks := len(w.aws.Tasks()); tasks != 1 || len(job.Status.Attempts) != 1 {
		t.Errorf("%d tasks and %d attempts, want 1 and 1", tasks, len(job.Status.Attempts))
	}
}
