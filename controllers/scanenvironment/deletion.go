package scanenvironment

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// ReasonDeleting is the reason of condition Ready of an environment that was deleted and is held, because a task that was
// started through it may run.
const ReasonDeleting = "Deleting"

const (
	// settleTime is how long a deleted environment is not Ready before it may go: a job that has just read it as Ready
	// writes down its attempt within that time.
	settleTime = 2 * time.Second
	// heldInterval is the time between two looks at the jobs of a deleted environment. The watch of jobs is faster; this is
	// for the case that it missed something.
	heldInterval = time.Minute
	// namedJobs is how many jobs a message names.
	namedJobs = 5
)

// hold puts the finalizer on an environment that is about to be Ready for the first time: before a job can be admitted,
// so that no task is ever without the region and role that are needed to stop it.
func (r *Reconciler) hold(ctx context.Context, environment *v1alpha1.ScanEnvironment, status v1alpha1.ScanEnvironmentStatus) error {
	if !meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionReady) || controllerutil.ContainsFinalizer(environment, v1alpha1.FinalizerInUse) {
		return nil
	}
	before := environment.DeepCopy()
	controllerutil.AddFinalizer(environment, v1alpha1.FinalizerInUse)
	if err := r.client.Patch(ctx, environment, locked(before)); err != nil {
		return fmt.Errorf("add the finalizer: %w", err)
	}
	return nil
}

// release lets a deleted environment go once no task of it can run any more.
func (r *Reconciler) release(ctx context.Context, environment *v1alpha1.ScanEnvironment) (ctrl.Result, error) {
	key := client.ObjectKeyFromObject(environment)
	if !controllerutil.ContainsFinalizer(environment, v1alpha1.FinalizerInUse) {
		r.inbox.Remove(key)
		return ctrl.Result{}, nil
	}
	jobs, err := r.jobsInFlight(ctx, environment)
	if err != nil {
		return ctrl.Result{}, err
	}
	now := r.clock.Now()
	if len(jobs) > 0 || !settled(environment.Status.Conditions, now) {
		status := leaving(environment, jobs, now)
		if err := r.write(ctx, environment, status); err != nil {
			return ctrl.Result{}, err
		}
		// The events of the tasks that it waits for come through the inbox.
		r.listen(environment)
		if len(jobs) > 0 {
			return ctrl.Result{RequeueAfter: heldInterval}, nil
		}
		return ctrl.Result{RequeueAfter: settleTime}, nil
	}
	before := environment.DeepCopy()
	controllerutil.RemoveFinalizer(environment, v1alpha1.FinalizerInUse)
	if err := r.client.Patch(ctx, environment, locked(before)); err != nil && !apierrors.IsNotFound(err) {
		return ctrl.Result{}, fmt.Errorf("remove the finalizer: %w", err)
	}
	r.inbox.Remove(key)
	return ctrl.Result{}, nil
}

// jobsInFlight names the jobs that hold an environment. The cache may be behind, so its answer that there are none is
// asked of the API server again.
func (r *Reconciler) jobsInFlight(ctx context.Context, environment *v1alpha1.ScanEnvironment) ([]string, error) {
	for _, reader := range []client.Reader{r.client, r.reader} {
		jobs := &v1alpha1.ScanJobList{}
		if err := reader.List(ctx, jobs, client.InNamespace(environment.Namespace)); err != nil {
			return nil, fmt.Errorf("list the ScanJobs of namespace %s: %w", environment.Namespace, err)
		}
		if names := inFlight(jobs.Items, environment.Name); len(names) > 0 {
			return names, nil
		}
	}
	return nil, nil
}

// inFlight returns the sorted names of the jobs of an environment that have an attempt whose task may run, or whose findings
// are on their way through its queue. These are not waited for without end: the job gives them up by itself.
func inFlight(jobs []v1alpha1.ScanJob, environmentName string) []string {
	var names []string
	for i := range jobs {
		if jobs[i].Spec.EnvironmentName != environmentName {
			continue
		}
		open := func(attempt v1alpha1.Attempt) bool { return attempt.StoppedAt == nil }
		reported := meta.FindStatusCondition(jobs[i].Status.Conditions, v1alpha1.ConditionReported)
		awaited := reported != nil && reported.Reason == v1alpha1.ReasonAwaitingFindings
		if awaited || slices.ContainsFunc(jobs[i].Status.Attempts, open) {
			names = append(names, jobs[i].Name)
		}
	}
	slices.Sort(names)
	return names
}

// settled says whether an environment has been shown as not Ready for long enough that no job takes it for Ready.
func settled(conditions []metav1.Condition, now time.Time) bool {
	ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	return ready != nil && ready.Status != metav1.ConditionTrue && now.Sub(ready.LastTransitionTime.Time) >= settleTime
}

// leaving makes the status of an environment that is being deleted.
func leaving(environment *v1alpha1.ScanEnvironment, jobs []string, now time.Time) v1alpha1.ScanEnvironmentStatus {
	status := *environment.Status.DeepCopy()
	status.ObservedGeneration = environment.Generation
	message := "the environment is being deleted"
	if len(jobs) > 0 {
		named := strings.Join(jobs[:min(len(jobs), namedJobs)], ", ")
		if more := len(jobs) - namedJobs; more > 0 {
			named += fmt.Sprintf(" and %d more", more)
		}
		message += fmt.Sprintf(" and waits for the tasks of ScanJobs %s; delete these jobs, or set their spec.cancel, to stop the tasks", named)
	}
	setCondition(&status, environment.Generation, metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: ReasonDeleting, Message: message,
	}, now)
	return status
}
