package inbox

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
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

// pendingOwner returns the name of an environment whose references have led nowhere yet and which may turn out to use the
// queue and to have the account and region, empty where there is none.
func pendingOwner(ctx context.Context, reader client.Reader, queueURL, account, region string) (string, error) {
	var list v1alpha1.ScanEnvironmentList
	if err := reader.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return "", fmt.Errorf("list the ScanEnvironments: %w", err)
	}
	for i := range list.Items {
		if environment := &list.Items[i]; mayOwn(environment, queueURL, account, region) {
			return client.ObjectKeyFromObject(environment).String(), nil
		}
	}
	return "", nil
}

// mayOwn says what the spec of an unresolved environment does not rule out. An environment that names no region has the
// manager's, one that assumes no role has the manager's account, and an ACK object may be any queue: these can be the one.
func mayOwn(environment *v1alpha1.ScanEnvironment, queueURL, account, region string) bool {
	spec := &environment.Spec
	if environment.Status.Resolved != nil || spec.Inbox == nil || !environment.DeletionTimestamp.IsZero() {
		return false
	}
	if spec.Region != "" && spec.Region != region {
		return false
	}
	if role, err := arn.Parse(spec.AssumeRoleARN); err == nil && role.AccountID != account {
		return false
	}
	// The queue's name is the last part of its URL and of its ARN.
	id := spec.Inbox.Queue.ID
	return id == "" || id[strings.LastIndexAny(id, "/:")+1:] == queueURL[strings.LastIndexByte(queueURL, '/')+1:]
}

// Serves says whether what comes through a queue may tell of a job: whether the job's environment is one of the queue's. It
// fails where that is not known yet, and what came has to come again.
func Serves(ctx context.Context, reader client.Reader, queueURL string, job *v1alpha1.ScanJob) (bool, error) {
	name := types.NamespacedName{Namespace: job.Namespace, Name: job.Spec.EnvironmentName}
	var environment v1alpha1.ScanEnvironment
	err := reader.Get(ctx, name, &environment)
	switch {
	case apierrors.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read ScanEnvironment %s: %w", name, err)
	case environment.Status.Resolved == nil:
		return false, fmt.Errorf("the queue of ScanEnvironment %s is not known yet", name)
	}
	return environment.Status.Resolved.QueueURL == queueURL, nil
}
