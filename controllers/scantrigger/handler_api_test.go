package scantrigger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/events"
	"github.com/scanjob-dev/scanjob/internal/triggers"
)

const account = "111122223333"

// at is pull request 42 with a commit at its head, so many seconds after noon.
func at(kind events.PullRequestKind, commit string, seconds int) events.PullRequest {
	e := pullRequest()
	e.EventKind, e.SourceCommit = kind, commit
	e.Time = noon.Add(time.Duration(seconds) * time.Second)
	e.RevisionID, e.EventID = fmt.Sprintf("revision-%d", seconds), fmt.Sprintf("event-%s-%d", kind, seconds)
	return e
}

func TestHandlePullRequestCreatesOneJobPerTriggerThatWantsIt(t *testing.T) {
	w := newWorld(t)
	w.environment(account)
	w.trigger("all")
	w.trigger("release", func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.TargetBranches = []string{"release/*"} })
	w.trigger("main-only", func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.TargetBranches = []string{"main"} })
	w.trigger("asleep", func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.Suspend = true })
	e := at(events.PullRequestCreated, commitA, 0)
	for range 3 {
		w.handle(e)
	}
	jobs := w.jobs()
	var owners []string
	for _, job := range jobs {
		owner := metav1.GetControllerOf(&job)
		owners = append(owners, owner.Name)
		if job.Spec.Source.Revision != commitA || job.Spec.Source.BaseRevision != commitM || job.Spec.EnvironmentName != "default" {
			t.Errorf("spec = %+v", job.Spec)
		}
		if job.Annotations[v1alpha1.AnnotationReceivedTime] != "2026-11-09T12:00:01Z" {
			t.Errorf("annotations = %v", job.Annotations)
		}
	}
	slices.Sort(owners)
	if !slices.Equal(owners, []string{"all", "release"}) {
		t.Errorf("jobs of %v, want one each of all and release", owners)
	}
}

func TestHandlePushCreatesAJobOnce(t *testing.T) {
	w := newWorld(t)
	w.environment(account)
	w.trigger("pushes", func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.Events = []v1alpha1.TriggerEvent{v1alpha1.EventPush} })
	e := push()
	for range 3 {
		if err := w.handler.HandlePush(t.Context(), w.queueURL, e, noon); err != nil {
			t.Fatal(err)
		}
	}
	e.EventKind, e.Commit = events.PushDeleted, ""
	if err := w.handler.HandlePush(t.Context(), w.queueURL, e, noon); err != nil {
		t.Fatal(err)
	}
	if got := w.running(); !slices.Equal(got, []string{commitB}) {
		t.Errorf("jobs for %v, want one for the pushed commit", got)
	}
}

func TestNewerRevisionTakesThePlaceOfOlderOnes(t *testing.T) {
	events3 := []events.PullRequest{
		at(events.PullRequestCreated, commitA, 0), at(events.PullRequestUpdated, commitM, 10), at(events.PullRequestUpdated, commitB, 20),
	}
	for name, order := range map[string][]int{
		"in order":                              {0, 1, 2},
		"in reverse":                            {2, 1, 0},
		"with the newest first and repetitions": {2, 0, 2, 1, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.environment(account)
			w.trigger("main")
			other := at(events.PullRequestCreated, commitM, 0)
			other.ID = "43"
			w.handle(other)
			for _, i := range order {
				w.handle(events3[i])
			}
			if got := w.running(); !slices.Equal(got, []string{commitM, commitB}) {
				t.Errorf("running: %v, want the newest revision and the other pull request", got)
			}
			newest, err := triggers.JobName("main", mustChange(t, events3[2]), "")
			if err != nil {
				t.Fatal(err)
			}
			for _, job := range w.jobs() {
				by := job.Annotations[v1alpha1.AnnotationSupersededBy]
				if job.Spec.Cancel && by == "" || by == job.Name || !job.Spec.Cancel && by != "" {
					t.Errorf("%s: cancel %v, superseded by %q", job.Name, job.Spec.Cancel, by)
				}
			}
			if _, ok := w.jobs()[newest]; !ok {
				t.Errorf("no job %s", newest)
			}
		})
	}
	t.Run("when both events are handled at once", func(t *testing.T) {
		w := newWorld(t)
		w.environment(account)
		w.trigger("main")
		failed := make(chan error, len(events3))
		for _, e := range events3 {
			go func() { failed <- w.handler.HandlePullRequest(t.Context(), w.queueURL, e, noon) }()
		}
		for range events3 {
			if err := <-failed; err != nil {
				t.Error(err)
			}
		}
		if got := w.running(); !slices.Equal(got, []string{commitB}) {
			t.Errorf("running: %v, want only the newest", got)
		}
	})
	t.Run("but not where both happened within one second, whichever is the head", func(t *testing.T) {
		w := newWorld(t)
		w.environment(account)
		w.trigger("main")
		first, second := at(events.PullRequestCreated, commitA, 0), at(events.PullRequestUpdated, commitB, 0)
		for i, order := range [][]events.PullRequest{{first, second}, {second, first}, {first, second, first}} {
			for _, e := range order {
				e.ID = fmt.Sprint(50 + i)
				w.handle(e)
			}
		}
		for _, job := range w.jobs() {
			if job.Spec.Cancel {
				t.Errorf("%s of pull request %s was cancelled", job.Spec.Source.Revision, job.Spec.Source.CodeCommit.PullRequestID)
			}
		}
	})
	t.Run("but not where the trigger does not ask for it", func(t *testing.T) {
		w := newWorld(t)
		w.environment(account)
		w.trigger("main", func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.Supersede = ptr.To(false) })
		for _, e := range events3 {
			w.handle(e)
		}
		if got := w.running(); len(got) != 3 {
			t.Errorf("running: %v, want all three", got)
		}
	})
	t.Run("and a branch that is set back has its head scanned again", func(t *testing.T) {
		w := newWorld(t)
		w.environment(account)
		w.trigger("main")
		back := at(events.PullRequestUpdated, commitA, 30)
		for _, e := range append(events3, back, back, events3[0]) {
			w.handle(e)
		}
		if got := w.running(); !slices.Equal(got, []string{commitA}) {
			t.Errorf("running: %v, want the head once", got)
		}
	})
}

// orders returns every order of so many items of each of n kinds.
func orders(n, each int) [][]int {
	left := slices.Repeat([]int{each}, n)
	var all [][]int
	var extend func(prefix []int)
	extend = func(prefix []int) {
		if len(prefix) == n*each {
			all = append(all, slices.Clone(prefix))
			return
		}
		for i := range left {
			if left[i] > 0 {
				left[i]--
				extend(append(prefix, i))
				left[i]++
			}
		}
	}
	extend(nil)
	return all
}

// verdict says what is wrong with a pull request's scans, empty where its head alone is being scanned.
func (w *world) verdict(pullRequestID, head string) string {
	var told []string
	good := false
	for _, job := range w.jobs() {
		if job.Spec.Source.CodeCommit.PullRequestID != pullRequestID {
			continue
		}
		told = append(told, fmt.Sprintf("%.7s cancel=%v", job.Spec.Source.Revision, job.Spec.Cancel))
		if !job.Spec.Cancel && job.Spec.Source.Revision == head {
			good = true
		} else if !job.Spec.Cancel {
			return fmt.Sprintf("an old revision is being scanned: %v", told)
		}
	}
	if !good {
		return fmt.Sprintf("the head is not being scanned: %v", told)
	}
	return ""
}

func TestHeadIsScannedInWhateverOrderTheEventsOfABranchThatWasSetBackArrive(t *testing.T) {
	w := newWorld(t)
	w.environment(account)
	w.trigger("main")
	setBack := []events.PullRequest{
		at(events.PullRequestCreated, commitA, 0), at(events.PullRequestUpdated, commitB, 10), at(events.PullRequestUpdated, commitA, 20),
	}
	t.Run("one after the other, each twice", func(t *testing.T) {
		for i, order := range orders(len(setBack), 2) {
			id := fmt.Sprint(100 + i)
			for _, j := range order {
				e := setBack[j]
				e.ID = id
				w.handle(e)
			}
			if problem := w.verdict(id, commitA); problem != "" {
				t.Errorf("order %v: %s", order, problem)
			}
		}
	})
	t.Run("at once", func(t *testing.T) {
		for i := range 20 {
			id := fmt.Sprint(300 + i)
			failed := make(chan error, len(setBack))
			for _, e := range setBack {
				e.ID = id
				go func() { failed <- w.handler.HandlePullRequest(t.Context(), w.queueURL, e, noon) }()
			}
			for range setBack {
				if err := <-failed; err != nil {
					t.Error(err)
				}
			}
			if problem := w.verdict(id, commitA); problem != "" {
				t.Error(problem)
			}
		}
	})
	t.Run("twice, with the scan of the first time done", func(t *testing.T) {
		w := newWorld(t)
		w.environment(account)
		w.trigger("main")
		for i, commit := range []string{commitA, commitB, commitA} {
			w.handle(at(events.PullRequestUpdated, commit, 10*i))
		}
		for _, job := range w.jobs() {
			if !job.Spec.Cancel {
				w.complete(&job)
			}
		}
		w.handle(at(events.PullRequestUpdated, commitB, 30))
		w.handle(at(events.PullRequestUpdated, commitA, 40))
		scans := map[string]int{}
		for _, job := range w.jobs() {
			scans[job.Spec.Source.Revision]++
		}
		if kept := w.running(); scans[commitA] != 2 || !slices.Equal(kept, []string{commitA}) {
			t.Errorf("%d scans of the head, not cancelled: %v; want the one that was cancelled and the one that was done", scans[commitA], kept)
		}
	})
	t.Run("again and again, where the host names the same state the same", func(t *testing.T) {
		e := at(events.PullRequestUpdated, commitA, 0)
		e.ID, e.RevisionID = "400", "revision-of-a"
		for i := range 6 {
			e.SourceCommit, e.RevisionID = commitA, "revision-of-a"
			if i%2 == 1 {
				e.SourceCommit, e.RevisionID = commitB, "revision-of-b"
			}
			e.Time, e.EventID = noon.Add(time.Duration(i)*time.Second), fmt.Sprintf("event-%d", i)
			w.handle(e)
			if problem := w.verdict(e.ID, e.SourceCommit); problem != "" {
				t.Errorf("after event %d: %s", i, problem)
			}
		}
	})
}

func TestEndOfAPullRequestCancelsItsUnfinishedScans(t *testing.T) {
	for _, kind := range []events.PullRequestKind{events.PullRequestClosed, events.PullRequestMerged} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t)
			w.environment(account)
			w.trigger("main", func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.Supersede = ptr.To(false) })
			other := at(events.PullRequestCreated, commitM, 0)
			other.ID = "43"
			w.handle(other)
			w.handle(at(events.PullRequestCreated, commitA, 0))
			w.handle(at(events.PullRequestUpdated, commitB, 1))
			for range 2 {
				w.handle(at(kind, commitB, 2))
			}
			if got := w.running(); !slices.Equal(got, []string{commitM}) {
				t.Errorf("running: %v, want only the other pull request", got)
			}
			for _, job := range w.jobs() {
				if by := job.Annotations[v1alpha1.AnnotationSupersededBy]; by != "" {
					t.Errorf("%s is said to be superseded by %s", job.Name, by)
				}
			}
		})
	}
}

func TestEventsThatNobodyWantsAreDropped(t *testing.T) {
	w := newWorld(t)
	w.environment(account)
	w.trigger("infra", func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.Repositories = []string{"infra-*"} })
	foreign := at(events.PullRequestCreated, commitA, 0)
	foreign.Account, foreign.Repository = "444455556666", "infra-x"
	for _, e := range []events.PullRequest{
		at(events.PullRequestCreated, commitA, 0), at(events.PullRequestOther, commitA, 1), at(events.PullRequestClosed, commitA, 2), foreign,
	} {
		w.handle(e)
	}
	if jobs := w.jobs(); len(jobs) != 0 {
		t.Errorf("%d jobs, want none", len(jobs))
	}
}

func TestTriggerThatCannotBeFollowedScansAndTells(t *testing.T) {
	w := newWorld(t)
	w.environment(account)
	w.trigger("good")
	broken := map[string]struct {
		edit              func(*v1alpha1.ScanTrigger)
		condition, reason string
	}{
		"pattern": {
			func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.Repositories = []string{"pay[ments"} },
			v1alpha1.ReasonInvalidPattern, v1alpha1.ReasonInvalidSpec,
		},
		"expression": {
			func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.Expression = "event.nope == ''" },
			v1alpha1.ReasonInvalidExpression, v1alpha1.ReasonInvalidSpec,
		},
		"costly": {
			func(trigger *v1alpha1.ScanTrigger) {
				trigger.Spec.Expression = `event.title.replace("", event.title).replace("", event.title).replace("", event.title) == ""`
			},
			v1alpha1.ReasonInvalidExpression, v1alpha1.ReasonInvalidSpec,
		},
		// What CEL says about it is far longer than a Kubernetes event or a condition may be.
		"long": {
			func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.Expression = strings.Repeat("é||", 1365) + "a" },
			v1alpha1.ReasonInvalidExpression, v1alpha1.ReasonInvalidSpec,
		},
		"template": {
			func(trigger *v1alpha1.ScanTrigger) {
				trigger.Spec.Template.Metadata.Labels = map[string]string{"team": "not a label", "tier": "gold"}
			},
			v1alpha1.ReasonInvalidTemplate, v1alpha1.ReasonInvalidSpec,
		},
		"fails": {
			func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.Expression = "int(event.title) > 3" },
			v1alpha1.ReasonListening, v1alpha1.ReasonExpressionFailed,
		},
	}
	names := []string{"good"}
	for name, test := range broken {
		names = append(names, name)
		trigger := w.newTrigger(name, test.edit)
		w.create(trigger)
		w.awaitReason(trigger, test.condition)
	}
	asleep := w.newTrigger("asleep", func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.Expression, trigger.Spec.Suspend = "nope", true })
	w.create(asleep)
	w.awaitReason(asleep, v1alpha1.ReasonInvalidExpression)

	w.handle(at(events.PullRequestCreated, commitA, 0))
	var owners []string
	for _, job := range w.jobs() {
		owners = append(owners, metav1.GetControllerOf(&job).Name)
	}
	slices.Sort(owners)
	slices.Sort(names)
	if !slices.Equal(owners, names) {
		t.Errorf("jobs of %v, want one of each of %v", owners, names)
	}
	for name, test := range broken {
		want := test.reason + ": A PullRequestCreated event of payments is scanned"
		w.eventually("wait for the event of "+name, func() string {
			if got := w.warnings(name); len(got) != 1 || !strings.HasPrefix(got[0], want) {
				return fmt.Sprint(got)
			}
			return ""
		})
	}
	if got := w.warnings("asleep"); len(got) != 0 {
		t.Errorf("a suspended trigger warns: %v", got)
	}
}

func TestRefusedJobKeepsTheEventIsToldAndTheOtherTriggersDoTheirPart(t *testing.T) {
	w := newWorld(t)
	w.environment(account)
	w.trigger("a-good")
	w.trigger("b-bad", func(trigger *v1alpha1.ScanTrigger) {
		trigger.Spec.Template.Metadata.Labels = map[string]string{"team": "refused"}
	})
	w.trigger("c-good")
	w.refuse("team", "refused")
	err := w.handler.HandlePullRequest(t.Context(), w.queueURL, at(events.PullRequestCreated, commitA, 0), noon)
	if !refused(err) || !strings.Contains(err.Error(), w.namespace+"/b-bad") {
		t.Errorf("error = %v, want the API server's refusal with the trigger's name", err)
	}
	if got := w.running(); len(got) != 2 {
		t.Errorf("%d jobs, want those of the two good triggers", len(got))
	}
	w.eventually("wait for the event", func() string {
		got := w.warnings("b-bad")
		if len(got) != 1 || !strings.HasPrefix(got[0], v1alpha1.ReasonScanJobRefused+": A PullRequestCreated event of payments is tried again") ||
			!strings.Contains(got[0], "no such team") {
			return fmt.Sprint(got)
		}
		return ""
	})
}

// refuse makes the API server refuse ScanJobs of the namespace that have a label, as a cluster's policy would.
func (w *world) refuse(label, value string) {
	w.t.Helper()
	policy := &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: w.namespace},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{
				RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Create},
					Rule: admissionv1.Rule{
						APIGroups: []string{v1alpha1.GroupVersion.Group}, APIVersions: []string{"*"}, Resources: []string{"scanjobs"},
					},
				},
			}}},
			Validations: []admissionv1.Validation{{
				Expression: fmt.Sprintf("!(has(object.metadata.labels) && %q in object.metadata.labels && object.metadata.labels[%q] == %q)", label, label, value),
				Message:    "no such " + label, Reason: ptr.To(metav1.StatusReasonForbidden),
			}},
		},
	}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: w.namespace},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: policy.Name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			MatchResources: &admissionv1.MatchResources{
				NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: w.namespace}},
			},
		},
	}
	for _, object := range []client.Object{policy, binding} {
		w.create(object)
		w.t.Cleanup(func() {
			if err := w.client.Delete(context.Background(), object); err != nil {
				w.t.Error(err)
			}
		})
	}
	probe := triggers.NewJob(w.newTrigger("probe"), mustChange(w.t, pullRequest()), "probe")
	probe.Labels[label], probe.OwnerReferences = value, nil
	w.eventually("wait for the policy to be in force", func() string {
		if err := w.client.Create(w.t.Context(), probe.DeepCopy(), client.DryRunAll); !apierrors.IsForbidden(err) {
			return fmt.Sprintf("error = %v", err)
		}
		return ""
	})
}

func TestJobOfATriggerThatWasDeletedAndMadeAnewIsNotTakenForOurs(t *testing.T) {
	w := newWorld(t)
	w.environment(account)
	trigger := w.trigger("main")
	old := trigger.DeepCopy()
	old.UID = "11111111-2222-3333-4444-555555555555"
	c := mustChange(t, at(events.PullRequestCreated, commitA, 0))
	name, err := triggers.JobName("main", c, "")
	if err != nil {
		t.Fatal(err)
	}
	left := triggers.NewJob(old, c, name)
	// The garbage collector would take it away at once, because its owner is not there.
	left.Finalizers = []string{"scanjob.dev/kept-by-a-test"}
	w.create(left)
	e := at(events.PullRequestCreated, commitA, 0)
	if err := w.handler.HandlePullRequest(t.Context(), w.queueURL, e, noon); !errors.Is(err, errNameTaken) {
		t.Errorf("error = %v, want errNameTaken, so that the event comes again", err)
	}
	w.eventually("wait for the event", func() string {
		if got := w.warnings("main"); len(got) != 1 || !strings.HasPrefix(got[0], v1alpha1.ReasonScanJobRefused) || !strings.Contains(got[0], name) {
			return fmt.Sprint(got)
		}
		return ""
	})
	w.release(left)
	w.eventually("handle the event when the old job is gone", func() string {
		if err := w.handler.HandlePullRequest(t.Context(), w.queueURL, e, noon); err != nil {
			return err.Error()
		}
		return ""
	})
	if job := w.jobs()[name]; !metav1.IsControlledBy(&job, trigger) {
		t.Errorf("the job is controlled by %v", metav1.GetControllerOf(&job))
	}
}

func TestEventForATriggerThatIsBeingDeletedIsDropped(t *testing.T) {
	w := newWorld(t)
	w.environment(account)
	trigger := w.trigger("main", func(trigger *v1alpha1.ScanTrigger) { trigger.Finalizers = []string{"scanjob.dev/test"} })
	if err := w.client.Delete(t.Context(), trigger); err != nil {
		t.Fatal(err)
	}
	w.eventually("the cache knows", func() string {
		if err := w.cached.Get(t.Context(), client.ObjectKeyFromObject(trigger), trigger); err != nil {
			return err.Error()
		}
		if trigger.DeletionTimestamp.IsZero() {
			return "no deletion timestamp"
		}
		return ""
	})
	w.handle(at(events.PullRequestCreated, commitA, 0))
	if jobs := w.jobs(); len(jobs) != 0 {
		t.Errorf("%d jobs, want none", len(jobs))
	}
	w.release(trigger)
}

func TestEventForANamespaceThatIsBeingDeletedIsDropped(t *testing.T) {
	w := newWorld(t)
	environment := w.environment(account)
	trigger := w.trigger("main", func(trigger *v1alpha1.ScanTrigger) { trigger.Finalizers = []string{"scanjob.dev/test"} })
	// A cache that does not know of the deletion yet still has the trigger as it was.
	before := trigger.DeepCopy()
	clientset, err := kubernetes.NewForConfig(plane.Config)
	if err != nil {
		t.Fatal(err)
	}
	if err := clientset.CoreV1().Namespaces().Delete(t.Context(), w.namespace, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := w.maker.scan(t.Context(), Listener{Trigger: before, Environment: environment}, mustChange(t, at(events.PullRequestCreated, commitA, 0)), false); err != nil {
		t.Errorf("error = %v, want none: the event can never be handled", err)
	}
	if jobs := w.jobs(); len(jobs) != 0 {
		t.Errorf("%d jobs, want none", len(jobs))
	}
	w.release(trigger)
}

// release takes the finalizers off an object and deletes it.
func (w *world) release(object client.Object) {
	w.t.Helper()
	ctx := w.t.Context()
	if err := w.client.Delete(ctx, object); client.IgnoreNotFound(err) != nil {
		w.t.Fatal(err)
	}
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`))
	if err := w.client.Patch(ctx, object, patch); client.IgnoreNotFound(err) != nil {
		w.t.Fatal(err)
	}
}
