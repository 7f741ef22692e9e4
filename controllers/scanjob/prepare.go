package scanjob

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// prepare reads the environment and puts the finalizer on the job, without which no task is started for it.
func (r *Reconciler) prepare(ctx context.Context, s *scope) error {
	environment := &scanv1.ScanEnvironment{}
	err := r.client.Get(ctx, types.NamespacedName{Namespace: s.job.Namespace, Name: s.job.Spec.EnvironmentName}, environment)
	switch {
	case err == nil:
		s.environment = environment
	case !apierrors.IsNotFound(err):
		return fmt.Errorf("read ScanEnvironment %s: %w", s.job.Spec.EnvironmentName, err)
	}

	if s.job.Status.Timeline.CreatedTime == nil {
		s.job.Status.Timeline = creationTimeline(s.job)
	}
	if s.deleting() || finished(s.job) || controllerutil.ContainsFinalizer(s.job, scanv1.FinalizerStopTask) {
		return nil
	}
	status := s.job.Status.DeepCopy()
	before := s.job.DeepCopy()
	controllerutil.AddFinalizer(s.job, scanv1.FinalizerStopTask)
	if err := r.client.Patch(ctx, s.job, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return fmt.Errorf("add finalizer: %w", err)
	}
	r.memory.wrote(s.job)
	// The answer carries the status as the server has it.
	s.job.Status = *status
	return nil
}
