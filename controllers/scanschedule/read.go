package scanschedule

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/jobs"
)

// readSpec reads the parts of the spec that can be wrong in themselves.
func (s *scope) readSpec() {
	spec := &s.schedule.Spec
	table, err := parseTimetable(spec.Schedule, spec.TimeZone)
	switch {
	case errors.Is(err, errTimeZone):
		s.trouble(v1alpha1.ReasonUnknownTimeZone, err.Error()+". No run starts until it is changed")
	case err != nil:
		s.trouble(v1alpha1.ReasonInvalidSchedule, err.Error()+". No run starts until it is changed")
	case table.next(s.now).IsZero():
		s.trouble(v1alpha1.ReasonInvalidSchedule, fmt.Sprintf("spec.schedule %q is never due; change it", spec.Schedule))
	default:
		s.table = &table
	}
	if _, problem := patterns(spec); problem != nil {
		s.trouble(v1alpha1.ReasonInvalidPattern, problem.Error()+". The others are followed")
	}
	if err := jobs.CheckTemplate(spec.Template.Metadata); err != nil {
		s.trouble(v1alpha1.ReasonInvalidTemplate, err.Error()+". Jobs are created without that")
	}
}

// readEnvironment finds out whom to ask for repositories. A ScanEnvironment that is not ready does not keep scans from being
// created: they wait for it, and say so.
func (r *Reconciler) readEnvironment(ctx context.Context, s *scope) error {
	name := s.schedule.Spec.EnvironmentName
	environment := &v1alpha1.ScanEnvironment{}
	err := r.client.Get(ctx, types.NamespacedName{Namespace: s.schedule.Namespace, Name: name}, environment)
	switch {
	case apierrors.IsNotFound(err):
		s.trouble(v1alpha1.ReasonEnvironmentNotFound, fmt.Sprintf("there is no ScanEnvironment %q in this namespace; create it or change spec.environmentName", name))
		return nil
	case err != nil:
		return fmt.Errorf("read ScanEnvironment %s: %w", name, err)
	case !environment.DeletionTimestamp.IsZero():
		s.trouble(v1alpha1.ReasonEnvironmentNotReady, fmt.Sprintf("ScanEnvironment %q is being deleted", name))
		return nil
	}
	s.environment = environment
	resolved := environment.Status.Resolved
	if resolved == nil {
		resolved = &v1alpha1.ResolvedEnvironment{}
	}
	s.region = cmp.Or(environment.Spec.Region, resolved.Region, r.clients.DefaultRegion())
	if s.region == "" {
		s.trouble(v1alpha1.ReasonRegionUnknown, fmt.Sprintf("neither ScanEnvironment %q nor the manager has a region; set the environment's spec.region", name))
		return nil
	}
	scope := awsclient.ScopeOf(environment.Spec)
	scope.Region = s.region
	s.repositories = r.clients.For(scope)
	ready := meta.FindStatusCondition(environment.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.Status != metav1.ConditionTrue {
		why := "it was not checked yet"
		if ready != nil {
			why = ready.Reason + ": " + ready.Message
		}
		s.trouble(v1alpha1.ReasonEnvironmentNotReady, fmt.Sprintf("ScanEnvironment %q is not ready, so that scans are created and wait: %s", name, why))
	}
	return nil
}
