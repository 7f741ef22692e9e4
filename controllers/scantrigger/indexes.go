package scantrigger

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/triggers"
)

const (
	// environmentIndex is the cache index of ScanTriggers by spec.environmentName.
	environmentIndex = "spec.environmentName"
	// ownerIndex is the cache index of ScanJobs by the UID of the trigger that controls them.
	ownerIndex = "scantrigger.owner"
)

func index(ctx context.Context, indexer client.FieldIndexer) error {
	err := indexer.IndexField(ctx, &v1alpha1.ScanTrigger{}, environmentIndex, func(object client.Object) []string {
		trigger, ok := object.(*v1alpha1.ScanTrigger)
		if !ok {
			return nil
		}
		return []string{trigger.Spec.EnvironmentName}
	})
	if err != nil {
		return fmt.Errorf("index ScanTriggers by environment: %w", err)
	}
	err = indexer.IndexField(ctx, &v1alpha1.ScanJob{}, ownerIndex, func(object client.Object) []string {
		owner := metav1.GetControllerOf(object)
		if owner == nil || owner.Kind != triggers.Kind {
			return nil
		}
		return []string{string(owner.UID)}
	})
	if err != nil {
		return fmt.Errorf("index ScanJobs by trigger: %w", err)
	}
	return nil
}

// triggersOf returns the triggers that listen to an environment.
func triggersOf(ctx context.Context, reader client.Reader, namespace, environment string) ([]v1alpha1.ScanTrigger, error) {
	var list v1alpha1.ScanTriggerList
	err := reader.List(ctx, &list, client.InNamespace(namespace), client.MatchingFields{environmentIndex: environment})
	if err != nil {
		return nil, fmt.Errorf("list the ScanTriggers of environment %s/%s: %w", namespace, environment, err)
	}
	return list.Items, nil
}

// jobsOf returns the jobs that a trigger created. They are the cache's own: to be read, and not to be changed. A trigger may
// have thousands, and copies of them would be most of the manager's garbage.
func jobsOf(ctx context.Context, reader client.Reader, trigger *v1alpha1.ScanTrigger) ([]v1alpha1.ScanJob, error) {
	var list v1alpha1.ScanJobList
	err := reader.List(ctx, &list, client.InNamespace(trigger.Namespace), client.MatchingFields{ownerIndex: string(trigger.UID)},
		client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("list the ScanJobs of trigger %s/%s: %w", trigger.Namespace, trigger.Name, err)
	}
	return list.Items, nil
}
