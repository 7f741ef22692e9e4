package scanschedule

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

const (
	// environmentIndex is the cache index of ScanSchedules by spec.environmentName.
	environmentIndex = "spec.environmentName"
	// ownerIndex is the cache index of ScanJobs by the UID of the schedule that controls them.
	ownerIndex = "scanschedule.owner"
)

func index(ctx context.Context, indexer client.FieldIndexer) error {
	err := indexer.IndexField(ctx, &v1alpha1.ScanSchedule{}, environmentIndex, func(object client.Object) []string {
		schedule, ok := object.(*v1alpha1.ScanSchedule)
		if !ok {
			return nil
		}
		return []string{schedule.Spec.EnvironmentName}
	})
	if err != nil {
		return fmt.Errorf("index ScanSchedules by environment: %w", err)
	}
	err = indexer.IndexField(ctx, &v1alpha1.ScanJob{}, ownerIndex, func(object client.Object) []string {
		owner := metav1.GetControllerOf(object)
		if owner == nil || owner.Kind != scheduleKind {
			return nil
		}
		return []string{string(owner.UID)}
	})
	if err != nil {
		return fmt.Errorf("index ScanJobs by schedule: %w", err)
	}
	return nil
}

// jobsOf returns the jobs that a schedule created.
func jobsOf(ctx context.Context, reader client.Reader, schedule *v1alpha1.ScanSchedule) ([]v1alpha1.ScanJob, error) {
	var list v1alpha1.ScanJobList
	err := reader.List(ctx, &list, client.InNamespace(schedule.Namespace), client.MatchingFields{ownerIndex: string(schedule.UID)})
	if err != nil {
		return nil, fmt.Errorf("list the ScanJobs of schedule %s/%s: %w", schedule.Namespace, schedule.Name, err)
	}
	return list.Items, nil
}
