package inbox

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// queueIndex is the cache index of ScanEnvironments by the queue that they use.
const queueIndex = "status.resolved.queueURL"

// IndexEnvironments adds the index that EnvironmentsOfQueue needs to a cache. It is called once, before the cache starts.
func IndexEnvironments(ctx context.Context, indexer client.FieldIndexer) error {
	err := indexer.IndexField(ctx, &v1alpha1.ScanEnvironment{}, queueIndex, func(object client.Object) []string {
		environment, ok := object.(*v1alpha1.ScanEnvironment)
		if !ok || environment.Status.Resolved == nil || environment.Status.Resolved.QueueURL == "" {
			return nil
		}
		return []string{environment.Status.Resolved.QueueURL}
	})
	if err != nil {
		return fmt.Errorf("index ScanEnvironments by queue: %w", err)
	}
	return nil
}

// EnvironmentsOfQueue returns the ScanEnvironments of all namespaces whose references led to a queue. The status.resolved
// of each is set.
func EnvironmentsOfQueue(ctx context.Context, reader client.Reader, queueURL string) ([]v1alpha1.ScanEnvironment, error) {
	var list v1alpha1.ScanEnvironmentList
	if err := reader.List(ctx, &list, client.MatchingFields{queueIndex: queueURL}); err != nil {
		return nil, fmt.Errorf("list the ScanEnvironments of the queue %s: %w", queueURL, err)
	}
	return list.Items, nil
}

// Accepts says whether events of an account and region are of an environment, whose status.resolved is set.
func Accepts(environment *v1alpha1.ScanEnvironment, account, region string) bool {
	own := environment.Status.Resolved
	return own.Account == account && own.Region == region
}
