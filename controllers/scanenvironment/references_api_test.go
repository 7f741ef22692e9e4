package scanenvironment

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/ack"
)

func TestAnEnvironmentWithPlainIdentifiersBecomesReady(t *testing.T) {
	w := newWorld(t)
	w.start(w.aws.Config())
	w.create(w.plainEnvironment("default"))
	environment := w.await("default", v1alpha1.ReasonReady)

	resolved := environment.Status.Resolved
	want := &v1alpha1.ResolvedEnvironment{
		Region: "us-east-1", Account: "111122223333",
		ClusterARN: w.made.ClusterARN, TaskDefinitionARN: w.made.TaskDefinitionARN,
		CPU: resolved.CPU, Memory: resolved.Memory, Architecture: resolved.Architecture,
		Subnets: w.made.Subnets, SecurityGroups: w.made.SecurityGroups,
		QueueURL: w.made.QueueURL, TopicARN: w.made.TopicARN, Bucket: w.made.Bucket,
	}
	if diff := cmp.Diff(want, resolved); diff != "" {
		t.Error(diff)
	}
	if resolved.CPU == "" || resolved.Memory == "" || resolved.Architecture == "" {
		t.Errorf("the size of the task is not known: %+v", resolved)
	}
	if got := entries(environment.Status.References); got != "+++++++" {
		t.Errorf("references %s: %+v", got, environment.Status.References)
	}
	if environment.Status.LastCheckTime == nil || environment.Status.ObservedGeneration != environment.Generation {
		t.Errorf("status %+v", environment.Status)
	}
	if got := environment.Finalizers; len(got) != 1 || got[0] != v1alpha1.FinalizerInUse {
		t.Errorf("finalizers %v", got)
	}
	eventually(t, "the inbox gets the queue", func() string {
		if got := w.inbox.url(w.namespace, "default"); got != w.made.QueueURL {
			return got
		}
		return ""
	})
}

func TestTheSampleIsAcceptedAndRefersToObjectsOnly(t *testing.T) {
	w := newWorld(t)
	text, err := os.ReadFile(filepath.Join("..", "..", "config", "samples", "scanenvironment.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	sample := &v1alpha1.ScanEnvironment{}
	if err := yaml.UnmarshalStrict(text, sample); err != nil {
		t.Fatal(err)
	}
	sample.Namespace = w.namespace
	w.create(sample)
	for _, ref := range referencesOf(sample.Spec) {
		if ref.objectName() == "" {
			t.Errorf("%s refers to no ACK object", ref.field)
		}
	}
}

func TestAnEnvironmentWaitsForItsObjectsInWhateverOrderTheyComeAndNamesTheFirstThatIsMissing(t *testing.T) {
	for round := range 3 {
		t.Run(fmt.Sprintf("order %d", round), func(t *testing.T) {
			w := newWorld(t)
			w.start(w.aws.Config())
			w.create(w.ackEnvironment("default"))
			waiting := w.await("default", "ClusterNotFound")
			if !strings.Contains(readiness(waiting).Message, `cluster: ACK Cluster "scans" does not exist in namespace `+w.namespace) {
				t.Errorf("message %q", readiness(waiting).Message)
			}

			objects := w.ackObjects()
			state := map[ack.Kind]string{} // the reason's ending; empty for good
			for _, object := range objects {
				state[object.kind] = v1alpha1.ReasonSuffixNotFound
			}
			for _, i := range rand.Perm(len(objects)) {
				object := objects[i]
				w.apply(object)
				state[object.kind] = v1alpha1.ReasonSuffixNotSynced
				w.await("default", firstReason(objects, state))
				w.report(object, synced())
				delete(state, object.kind)
				environment := w.await("default", firstReason(objects, state))
				if ready := readiness(environment); (ready.Status == metav1.ConditionTrue) != (len(state) == 0) {
					t.Fatalf("%d objects are missing, condition %+v", len(state), ready)
				}
				if (environment.Status.Resolved != nil) != (len(state) == 0) {
					t.Fatalf("%d objects are missing, resolved %+v", len(state), environment.Status.Resolved)
				}
			}
		})
	}
}

// firstReason is the reason of the first object, in the order of the spec, that is not usable.
func firstReason(objects []ackObject, state map[ack.Kind]string) string {
	for _, object := range objects {
		if ending, missing := state[object.kind]; missing {
			return string(object.kind) + ending
		}
	}
	return v1alpha1.ReasonReady
}

func TestAnObjectThatFallsOutOfSyncIsFollowedBothWays(t *testing.T) {
	w := newWorld(t)
	objects := w.applySynced(t)
	w.start(w.aws.Config())
	w.create(w.ackEnvironment("default"))
	before := w.await("default", v1alpha1.ReasonReady)

	queue := one(objects, ack.Queue)
	w.report(queue, notSynced("queue attributes are being updated"))
	out := w.await("default", "QueueNotSynced")
	if ready := readiness(out); ready.Status != metav1.ConditionFalse || !strings.Contains(ready.Message, "queue attributes are being updated") {
		t.Errorf("condition %+v", ready)
	}
	if diff := cmp.Diff(before.Status.Resolved, out.Status.Resolved); diff != "" {
		t.Errorf("what was resolved did not stay:\n%s", diff)
	}
	if w.inbox.url(w.namespace, "default") != w.made.QueueURL {
		t.Error("the inbox lost the queue, though running tasks report to it")
	}

	w.report(queue, synced())
	if ready := readiness(w.await("default", v1alpha1.ReasonReady)); ready.Status != metav1.ConditionTrue {
		t.Errorf("condition %+v", ready)
	}
}

// Two controllers that write an object in turn change it many times a second.
func TestAnObjectThatFlapsHasAWSAskedOnceASecond(t *testing.T) {
	w := newWorld(t)
	queue := one(w.applySynced(t), ack.Queue)
	w.start(w.aws.Config())
	w.create(w.ackEnvironment("default"))
	w.await("default", v1alpha1.ReasonReady)

	checks := func() int { return w.aws.CallCount("ecs", "DescribeTaskDefinition") }
	before, start := checks(), time.Now()
	for i := range 100 {
		w.report(queue, notSynced(fmt.Sprintf("write %d", i)))
	}
	w.await("default", "QueueNotSynced")
	w.report(queue, synced())
	w.await("default", v1alpha1.ReasonReady)
	if made, most := checks()-before, 2+int(time.Since(start)/gathering); made > most {
		t.Errorf("AWS was asked %d times in %v, want %d at most", made, time.Since(start), most)
	}
}

func TestATerminalObjectSaysWhatItsControllerSays(t *testing.T) {
	w := newWorld(t)
	objects := w.applySynced(t)
	w.start(w.aws.Config())
	w.create(w.ackEnvironment("default"))
	w.await("default", v1alpha1.ReasonReady)

	w.report(one(objects, ack.Topic), append(notSynced("Resource not synced"),
		map[string]any{"type": "ACK.Terminal", "status": "True", "message": "InvalidParameter: Invalid parameter: Topic Name"}))
	environment := w.await("default", "TopicTerminal")
	if message := readiness(environment).Message; !strings.Contains(message, "Topic Name") || !strings.Contains(message, "kubectl describe Topic.sns.services.k8s.aws scan-findings") {
		t.Errorf("message %q", message)
	}
}

func TestAnObjectThatIsBeingDeletedIsNotUsable(t *testing.T) {
	w := newWorld(t)
	objects := w.applySynced(t)
	w.start(w.aws.Config())
	w.create(w.ackEnvironment("default"))
	w.await("default", v1alpha1.ReasonReady)

	cluster := &unstructured.Unstructured{}
	cluster.SetGroupVersionKind(ack.Cluster.GroupVersionKind())
	if err := w.client.Get(t.Context(), client.ObjectKey{Namespace: w.namespace, Name: one(objects, ack.Cluster).name}, cluster); err != nil {
		t.Fatal(err)
	}
	// ACK's own finalizer keeps the object while the resource is deleted.
	held := cluster.DeepCopy()
	held.SetFinalizers([]string{"finalizers.ecs.services.k8s.aws/Cluster"})
	if err := w.client.Patch(t.Context(), held, client.MergeFrom(cluster)); err != nil {
		t.Fatal(err)
	}
	if err := w.client.Delete(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	environment := w.await("default", "ClusterNotSynced")
	if message := readiness(environment).Message; !strings.Contains(message, "it is being deleted") {
		t.Errorf("message %q", message)
	}
	released := held.DeepCopy()
	released.SetFinalizers(nil)
	if err := w.client.Patch(t.Context(), released, client.MergeFrom(held)); err != nil {
		t.Fatal(err)
	}
	w.await("default", "ClusterNotFound")
}

func TestAKindThatIsInstalledLaterIsFound(t *testing.T) {
	uninstall(t, ack.Bucket)
	w := newWorld(t)
	w.start(w.aws.Config())
	environment := w.plainEnvironment("default")
	environment.Spec.Reports.Bucket = fromObject("scan-reports")
	w.create(environment)
	waiting := w.await("default", "BucketKindNotInstalled")
	if message := readiness(waiting).Message; !strings.Contains(message, "install ACK's controller for s3") || !strings.Contains(message, "reports.bucket.id") {
		t.Errorf("message %q", message)
	}

	if err := installACK(ack.Bucket); err != nil {
		t.Fatal(err)
	}
	bucket := one(w.ackObjects(), ack.Bucket)
	w.apply(bucket)
	// The controller finds the kind without any event.
	w.await("default", "BucketNotSynced")
	w.report(bucket, synced())
	w.await("default", v1alpha1.ReasonReady)
}

// uninstall removes the definition of a kind and waits until the API server has forgotten it. It is there again after
// the test.
func uninstall(t *testing.T, kind ack.Kind) {
	t.Helper()
	user, err := client.New(plane.Config, client.Options{Scheme: testScheme(t)})
	if err != nil {
		t.Fatal(err)
	}
	resource, _ := meta.UnsafeGuessKindToResource(kind.GroupVersionKind())
	definition := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: resource.Resource + "." + resource.Group}}
	if err := user.Delete(t.Context(), definition); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := installACK(kind); err != nil {
			t.Error(err)
		}
	})
	err = wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		err := user.Get(ctx, client.ObjectKeyFromObject(definition), definition)
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	})
	if err != nil {
		t.Fatalf("wait until %s is gone: %v", definition.Name, err)
	}
}

func TestANewRevisionIsFollowedAtOnce(t *testing.T) {
	w := newWorld(t)
	objects := w.applySynced(t)
	w.start(w.aws.Config())
	w.create(w.ackEnvironment("default"))
	w.await("default", v1alpha1.ReasonReady)

	definition := one(objects, ack.TaskDefinition)
	definition.arn = w.registerAgain("scanner")
	w.report(definition, synced())
	eventually(t, "jobs use the new revision", func() string {
		environment := w.get("default")
		if ready := readiness(environment); ready.Status != metav1.ConditionTrue {
			t.Fatalf("the environment is not Ready on the way: %+v", ready)
		}
		if got := environment.Status.Resolved.TaskDefinitionARN; got != definition.arn {
			return got
		}
		return ""
	})
}

func TestACheckThatFindsNothingNewWritesNothing(t *testing.T) {
	w := newWorld(t)
	objects := w.applySynced(t)
	w.start(w.aws.Config())
	w.create(w.ackEnvironment("default"))
	before := w.await("default", v1alpha1.ReasonReady)

	// Two checks, so that the first one is over when the second one is seen.
	for _, message := range []string{"Resource synced successfully.", "Resource synced successfully!"} {
		checks := w.aws.CallCount("s3", "HeadBucket")
		conditions := synced()
		conditions[0].(map[string]any)["message"] = message
		w.report(one(objects, ack.Cluster), conditions)
		eventually(t, "the environment is checked", func() string {
			if now := w.aws.CallCount("s3", "HeadBucket"); now == checks {
				return fmt.Sprintf("%d checks", now)
			}
			return ""
		})
	}
	if after := w.get("default"); after.ResourceVersion != before.ResourceVersion {
		t.Errorf("the environment was written:\n%s", cmp.Diff(before, after))
	}
}
