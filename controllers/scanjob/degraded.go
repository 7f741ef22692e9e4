package scanjob

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

// +kubebuilder:rbac:groups=scanjob.dev,resources=scanenvironments/status,verbs=patch

// experience is what a job has learned about its environment.
type experience struct {
	// failed is ECS's account of an attempt that failed for a fault of the environment; empty for one that runs.
	failed string
	// attempt is which one it was.
	attempt scanv1.Attempt
}

// experiences returns what a change of a job's status says about its environment. An attempt that was asked for in another
// cluster, or with another task definition, than the environment has now says nothing.
func experiences(before, after *scanv1.ScanJobStatus, spec *scanv1.ScanJobSpec, environment *scanv1.ScanEnvironment) []experience {
	if environment == nil || environment.Status.Resolved == nil {
		return nil
	}
	resolved := environment.Status.Resolved
	var learned []experience
	for i, attempt := range after.Attempts {
		var earlier scanv1.Attempt
		if i < len(before.Attempts) {
			earlier = before.Attempts[i]
		}
		if attempt.ClusterARN != resolved.ClusterARN || attempt.TaskDefinitionARN != resolved.TaskDefinitionARN {
			continue
		}
		switch {
		case earlier.StartedAt == nil && attempt.StartedAt != nil:
			learned = append(learned, experience{attempt: attempt})
		case earlier.StoppedAt == nil && attempt.StoppedAt != nil && attempt.Class == scanv1.ClassConfiguration && attempt.ExitCode == nil &&
			fargate.EnvironmentAtFault(attempt.Reason, overrides(spec)):
			learned = append(learned, experience{failed: attempt.Reason, attempt: attempt})
		}
	}
	return learned
}

// overrides says whether a job asks for anything in place of the task definition's settings.
func overrides(spec *scanv1.ScanJobSpec) bool {
	own := spec.Resources != nil && *spec.Resources != scanv1.TaskResources{Architecture: spec.Resources.Architecture}
	return own || spec.Container != nil
}

// degraded returns the environment's condition Degraded as it follows from an experience, or nil where it stays as it is.
// Many jobs fail of one fault; the first is named.
func degraded(current *metav1.Condition, job *scanv1.ScanJob, learned experience, now time.Time) *metav1.Condition {
	condition := &metav1.Condition{Type: scanv1.ConditionDegraded, LastTransitionTime: metav1.NewTime(now)}
	if learned.failed == "" {
		// An attempt that is as old as the fault may owe its start to that.
		if current == nil || current.Status == metav1.ConditionFalse || learned.attempt.RecordedAt.Before(&current.LastTransitionTime) {
			return nil
		}
		condition.Status, condition.Reason = metav1.ConditionFalse, scanv1.ReasonAttemptRan
		condition.Message = fmt.Sprintf("attempt %d of ScanJob %s got its container running", learned.attempt.Number, job.Name)
		return condition
	}
	if current != nil && current.Status == metav1.ConditionTrue && strings.HasSuffix(current.Message, ": "+learned.failed) {
		return nil
	}
	condition.Status, condition.Reason = metav1.ConditionTrue, scanv1.ReasonAttemptFailed
	condition.Message = fmt.Sprintf("attempt %d of ScanJob %s failed, and others will, too: %s", learned.attempt.Number, job.Name, learned.failed)
	return condition
}

// tellEnvironment writes into the environment what the job has learned about it since its status was last written. The
// condition holds no job back: it is for people.
func (r *Reconciler) tellEnvironment(ctx context.Context, s *scope) error {
	for _, learned := range experiences(s.written, &s.job.Status, &s.job.Spec, s.environment) {
		current := meta.FindStatusCondition(s.environment.Status.Conditions, scanv1.ConditionDegraded)
		if degraded(current, s.job, learned, s.now) == nil {
			continue
		}
		err := retry.RetryOnConflict(retry.DefaultRetry, func() error { return r.markEnvironment(ctx, s, learned) })
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("tell ScanEnvironment %s of attempt %d: %w", s.environment.Name, learned.attempt.Number, err)
		}
	}
	return nil
}

// markEnvironment decides again with the environment as the API server has it, and writes.
func (r *Reconciler) markEnvironment(ctx context.Context, s *scope, learned experience) error {
	environment := &scanv1.ScanEnvironment{}
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(s.environment), environment); err != nil {
		return err
	}
	condition := degraded(meta.FindStatusCondition(environment.Status.Conditions, scanv1.ConditionDegraded), s.job, learned, s.now)
	if condition == nil {
		return nil
	}
	before := environment.DeepCopy()
	condition.ObservedGeneration = environment.Generation
	meta.SetStatusCondition(&environment.Status.Conditions, *condition)
	if err := r.client.Status().Patch(ctx, environment, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return err
	}
	kind := corev1.EventTypeNormal
	if condition.Status == metav1.ConditionTrue {
		kind = corev1.EventTypeWarning
	}
	r.recorder.Eventf(environment, s.job, kind, condition.Reason, "Observe", "%s", shorten(condition.Message, maxNote))
	return nil
}
