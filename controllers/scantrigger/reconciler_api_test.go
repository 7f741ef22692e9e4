package scantrigger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/events"
	"github.com/scanjob-dev/scanjob/internal/inbox"
	"github.com/scanjob-dev/scanjob/internal/triggers"
)

func TestReadyFollowsTheEnvironmentAndTheSpec(t *testing.T) {
	w := newWorld(t)
	trigger := w.newTrigger("main")
	w.create(trigger)
	w.awaitReason(trigger, v1alpha1.ReasonEnvironmentNotFound)

	environment := w.environment(account)
	w.awaitReason(trigger, v1alpha1.ReasonListening)

	before := environment.DeepCopy()
	environment.Spec.Inbox = nil
	w.patch(environment, before)
	w.awaitReason(trigger, v1alpha1.ReasonSweeping)

	before = environment.DeepCopy()
	environment.Spec.Inbox = &v1alpha1.InboxConfiguration{Queue: v1alpha1.AWSReference{ID: w.queueURL}}
	w.patch(environment, before)
	meta.SetStatusCondition(&environment.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: "ClusterInactive", Message: "cluster scans is INACTIVE",
	})
	if err := w.client.Status().Update(t.Context(), environment); err != nil {
		t.Fatal(err)
	}
	w.awaitReason(trigger, v1alpha1.ReasonEnvironmentNotReady)
	w.resolve(environment, account)
	w.awaitReason(trigger, v1alpha1.ReasonListening)

	w.edit(trigger, func(spec *v1alpha1.ScanTriggerSpec) { spec.TargetBranches = []string{"release/[1"} })
	w.awaitReason(trigger, v1alpha1.ReasonInvalidPattern)
	w.edit(trigger, func(spec *v1alpha1.ScanTriggerSpec) { spec.TargetBranches, spec.Expression = nil, "event.title" })
	w.awaitReason(trigger, v1alpha1.ReasonInvalidExpression)
	w.edit(trigger, func(spec *v1alpha1.ScanTriggerSpec) { spec.Expression = "" })
	w.awaitReason(trigger, v1alpha1.ReasonListening)
}

func TestStatusCountsTheJobsOfTheTrigger(t *testing.T) {
	w := newWorld(t)
	w.environment(account)
	trigger := w.trigger("main")
	w.trigger("other", func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.Repositories = []string{"infra"} })
	e := at(events.PullRequestCreated, commitA, 0)
	w.handle(e)
	name, err := triggers.JobName("main", mustChange(t, e), "")
	if err != nil {
		t.Fatal(err)
	}
	w.awaitJobs(trigger, 1, name)

	job := w.jobs()[name]
	meta.SetStatusCondition(&job.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionComplete, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonScanned,
	})
	job.Status.Attempts = []v1alpha1.Attempt{}
	if err := w.client.Status().Update(t.Context(), &job); err != nil {
		t.Fatal(err)
	}
	w.awaitJobs(trigger, 0, name)

	if err := w.client.Delete(t.Context(), &job); err != nil {
		t.Fatal(err)
	}
	next := at(events.PullRequestUpdated, commitB, 10)
	w.handle(next)
	nextName, err := triggers.JobName("main", mustChange(t, next), "")
	if err != nil {
		t.Fatal(err)
	}
	w.awaitJobs(trigger, 1, nextName)
}

func TestStatusIsNotWrittenWithoutAChange(t *testing.T) {
	w := newWorld(t)
	environment := w.environment(account)
	trigger := w.trigger("main")
	e := at(events.PullRequestCreated, commitA, 0)
	w.handle(e)
	name, err := triggers.JobName("main", mustChange(t, e), "")
	if err != nil {
		t.Fatal(err)
	}
	w.awaitJobs(trigger, 1, name)
	settled, reconciled := trigger.ResourceVersion, reconciliations(t)
	// Each of these is seen by the controller, and tells it nothing new.
	before := environment.DeepCopy()
	environment.Annotations = map[string]string{"note": "hello"}
	w.patch(environment, before)
	job := w.jobs()[name]
	const changes = 20
	for i := range changes {
		job.Status.Phase = []v1alpha1.Phase{v1alpha1.PhaseQueued, v1alpha1.PhaseStarting}[i%2]
		if err := w.client.Status().Update(t.Context(), &job); err != nil {
			t.Fatal(err)
		}
	}
	// The next change that counts is handled after them.
	second := w.trigger("second")
	if got := reconciliations(t) - reconciled; got >= changes {
		t.Errorf("%d reconciliations: the changes of a job's status that do not matter have the trigger reconciled", got)
	}
	if second.Status.ActiveJobs != 0 {
		t.Errorf("%d active jobs of a new trigger", second.Status.ActiveJobs)
	}
	if err := w.client.Get(t.Context(), client.ObjectKeyFromObject(trigger), trigger); err != nil {
		t.Fatal(err)
	}
	if trigger.ResourceVersion != settled {
		t.Errorf("the status was written again: %+v", trigger.ManagedFields)
	}
}

// reconciliations is how many there were in this process.
func reconciliations(t *testing.T) int {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for _, family := range families {
		if family.GetName() == "controller_runtime_reconcile_total" {
			for _, metric := range family.GetMetric() {
				total += metric.GetCounter().GetValue()
			}
		}
	}
	return int(total)
}

func TestActiveJobsChange(t *testing.T) {
	running := jobAt("a", commitA, 0)
	tests := map[string]struct {
		after v1alpha1.ScanJob
		want  bool
	}{
		"a job completes":                  {jobAt("a", commitA, 0, finished(v1alpha1.ConditionComplete)), true},
		"a job fails":                      {jobAt("a", commitA, 0, finished(v1alpha1.ConditionFailed)), true},
		"a job stands for a later event":   {jobAt("a", commitA, 1), true},
		"a job's phase changes":            {jobAt("a", commitA, 0, func(job *v1alpha1.ScanJob) { job.Status.Phase = v1alpha1.PhaseRunning }), false},
		"a job is cancelled, and runs yet": {jobAt("a", commitA, 0, cancelled), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := activeJobsChange().Update(event.UpdateEvent{ObjectOld: &running, ObjectNew: &test.after}); got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

func (w *world) awaitJobs(trigger *v1alpha1.ScanTrigger, active int32, last string) {
	w.t.Helper()
	w.eventually("wait for the status", func() string {
		if err := w.client.Get(w.t.Context(), client.ObjectKeyFromObject(trigger), trigger); err != nil {
			return err.Error()
		}
		status := trigger.Status
		if status.ActiveJobs != active || status.LastJobName != last || status.LastJobTime == nil || time.Since(status.LastJobTime.Time) > time.Hour {
			return fmt.Sprintf("active %d, last %q at %v; want %d, %q", status.ActiveJobs, status.LastJobName, status.LastJobTime, active, last)
		}
		return ""
	})
}

func (w *world) edit(trigger *v1alpha1.ScanTrigger, edit func(*v1alpha1.ScanTriggerSpec)) {
	w.t.Helper()
	before := trigger.DeepCopy()
	edit(&trigger.Spec)
	w.patch(trigger, before)
}

func (w *world) patch(object, before client.Object) {
	w.t.Helper()
	if err := w.client.Patch(w.t.Context(), object, client.MergeFrom(before)); err != nil {
		w.t.Fatal(err)
	}
}

func TestHistoryLimitsDeleteWhatIsFinished(t *testing.T) {
	w := newWorld(t)
	w.environment(account)
	w.trigger("main", noSweep, func(trigger *v1alpha1.ScanTrigger) {
		trigger.Spec.SuccessfulJobsHistoryLimit, trigger.Spec.FailedJobsHistoryLimit = ptr.To[int32](1), ptr.To[int32](0)
		trigger.Spec.Supersede = ptr.To(false)
	})
	for i, commit := range []string{commitA, commitB, commitM} {
		w.handle(at(events.PullRequestCreated, commit, i))
	}
	w.end(commitM, v1alpha1.ConditionFailed)
	w.end(commitA, v1alpha1.ConditionComplete)
	w.eventually("the failed one is gone", func() string {
		left := w.running()
		if len(left) != 2 || left[0] != commitA || left[1] != commitB {
			return fmt.Sprint(left)
		}
		return ""
	})
	w.end(commitB, v1alpha1.ConditionComplete)
	w.eventually("one of the two scanned ones is gone", func() string {
		if left := w.running(); len(left) != 1 {
			return fmt.Sprint(left)
		}
		return ""
	})
}

func TestStatusCountsDeadLetters(t *testing.T) {
	w := newWorld(t)
	environment := w.environment(account)
	dead, err := w.sqs.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: ptr.To("dead")})
	if err != nil {
		t.Fatal(err)
	}
	w.sendTo(*dead.QueueUrl, "a message that nobody could handle")
	trigger := w.trigger("main")
	w.eventually("wait for the number", func() string {
		w.reload(trigger)
		dead := trigger.Status.DeadLetters
		if dead == nil || dead.Messages == nil || *dead.Messages != 1 || dead.QueueARN != "arn:aws:sqs:us-east-1:111122223333:dead" {
			return fmt.Sprintf("%+v", dead)
		}
		return ""
	})
	if counted := w.deadLetterMetric(); !maps.Equal(counted, map[string]float64{"arn:aws:sqs:us-east-1:111122223333:dead": 1}) {
		t.Errorf("the metric says %v", counted)
	}
	before := environment.DeepCopy()
	environment.Spec.Inbox = nil
	w.patch(environment, before)
	w.awaitReason(trigger, v1alpha1.ReasonSweeping)
	if trigger.Status.DeadLetters != nil {
		t.Errorf("dead letters without an inbox: %+v", trigger.Status.DeadLetters)
	}
}

func TestDeadLetterStatus(t *testing.T) {
	queue := inbox.DeadLetterQueue{ARN: "arn:aws:sqs:us-east-1:111122223333:dead", Messages: 3}
	denied := &smithy.GenericAPIError{Code: "AccessDenied", Message: "no"}
	for name, test := range map[string]struct {
		err  error
		says string
	}{
		"it was counted":      {nil, ""},
		"there is none":       {inbox.ErrNoDeadLetterQueue, "set a RedrivePolicy"},
		"it may not be read":  {fmt.Errorf("find the dead-letter queue: %w", denied), "allow sqs:GetQueueUrl and sqs:GetQueueAttributes"},
		"AWS does not answer": {context.DeadlineExceeded, "no answer in time"},
		"its name is no ARN":  {errors.New("the redrive policy names nothing"), "the redrive policy names nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			got := deadLetterStatus(queue, test.err)
			if (got.Messages != nil) != (test.err == nil) || !strings.Contains(got.Message, test.says) || (got.Message == "") != (test.err == nil) {
				t.Errorf("%+v, want %q", got, test.says)
			}
		})
	}
}

// deadLetterMetric is what scanjob_inbox_dead_letters says of each queue.
func (w *world) deadLetterMetric() map[string]float64 {
	w.t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	said := map[string]float64{}
	for _, family := range families {
		if family.GetName() != "scanjob_inbox_dead_letters" {
			continue
		}
		for _, metric := range family.GetMetric() {
			said[metric.GetLabel()[0].GetValue()] = metric.GetGauge().GetValue()
		}
	}
	return said
}
