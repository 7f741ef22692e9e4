package scanenvironment

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/ack"
)

// resolve finds the identifier behind every reference of the spec. The error is of the Kubernetes API alone; what is
// wrong with a reference is in the reference.
func (r *Reconciler) resolve(ctx context.Context, environment *v1alpha1.ScanEnvironment) ([]reference, error) {
	references := referencesOf(environment.Spec)
	for i := range references {
		ref := &references[i]
		if ref.source.From == nil {
			parse(ref)
			continue
		}
		if err := r.read(ctx, environment.Namespace, ref); err != nil {
			return nil, err
		}
	}
	return references, nil
}

// read gets the ACK object of a reference from the API server itself and not from a cache: what woke this reconcile was
// a watch of the object's metadata, and the server is never behind it.
func (r *Reconciler) read(ctx context.Context, namespace string, ref *reference) error {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(ref.kind.GroupVersionKind())
	err := r.reader.Get(ctx, types.NamespacedName{Namespace: namespace, Name: ref.objectName()}, object)
	if kindMissing(err) {
		ref.fail(v1alpha1.ReasonSuffixKindNotInstalled, "cannot be read: this cluster has no kind %s; %s, or give the identifier in %s.id",
			ref.kind.GroupVersionKind().GroupKind(), ref.kind.Install(), ref.field)
		ref.problem.uninstalled = true
		return nil
	}
	if err := r.watches.start(ref.kind); err != nil {
		return err
	}
	switch {
	case apierrors.IsNotFound(err):
		ref.fail(v1alpha1.ReasonSuffixNotFound, "does not exist in namespace %s; create it, or correct %s.from.name", namespace, ref.field)
	case apierrors.IsForbidden(err):
		ref.fail(v1alpha1.ReasonSuffixAccessDenied, "cannot be read: %v; give the manager's ClusterRole get, list and watch", err)
	case err != nil:
		return fmt.Errorf("read %s %s/%s: %w", ref.kind.GroupVersionKind().GroupKind(), namespace, ref.objectName(), err)
	default:
		if placed(ref.kind) {
			ref.vpc.name, ref.vpc.id = ack.VPC(object)
		}
		adopt(ref, ref.kind.Observe(object))
	}
	return nil
}

// kindMissing tells a kind that is not installed from an object that does not exist. A kind that was removed after it was
// discovered shows as a 404 that the API machinery did not write.
func kindMissing(err error) bool {
	return meta.IsNoMatchError(err) || apierrors.IsNotFound(err) && apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
}

// parse takes a plain identifier.
func parse(ref *reference) {
	identifier, err := ref.kind.Parse(ref.source.ID)
	if err != nil {
		ref.fail(v1alpha1.ReasonSuffixInvalid, "cannot be used: %v", err)
		return
	}
	ref.identifier = identifier
}

// adopt takes what an ACK object says.
func adopt(ref *reference, observed ack.Observation) {
	object := fmt.Sprintf("kubectl describe %s %s", ref.kind.GroupVersionKind().GroupKind(), ref.objectName())
	switch observed.State {
	case ack.Synced:
		ref.identifier = observed.Identifier
	case ack.Terminal:
		ref.fail(v1alpha1.ReasonSuffixTerminal, "needs a change of its spec: %s (%s)", observed.Message, object)
	case ack.Deleting:
		ref.fail(v1alpha1.ReasonSuffixNotSynced, "cannot be used: %s; refer to another one in %s", observed.Message, ref.field)
	case ack.NotSynced:
		ref.fail(v1alpha1.ReasonSuffixNotSynced, "is not synced: %s (%s)", observed.Message, object)
	}
}
