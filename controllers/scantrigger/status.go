package scantrigger

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/clip"
	"github.com/scanjob-dev/scanjob/internal/jobs"
	"github.com/scanjob-dev/scanjob/internal/triggers"
)

// readiness says whether events can reach a trigger and its spec can be followed. environment is nil where there is none
// of the spec's name.
func readiness(trigger *v1alpha1.ScanTrigger, environment *v1alpha1.ScanEnvironment, x *triggers.Expressions) metav1.Condition {
	if err := triggers.CheckSpec(&trigger.Spec, x); err != nil {
		return notReady(invalidReason(err), "Events are scanned as if this part of the spec were not there, until it is changed: "+err.Error())
	}
	name := trigger.Spec.EnvironmentName
	if environment == nil {
		return notReady(v1alpha1.ReasonEnvironmentNotFound,
			fmt.Sprintf("there is no ScanEnvironment %q in this namespace; create it or change spec.environmentName", name))
	}
	if environment.Spec.Inbox == nil && !sweeps(&trigger.Spec) {
		return notReady(v1alpha1.ReasonNoInboxConfigured,
			fmt.Sprintf("ScanEnvironment %q has no inbox, and the trigger does not sweep over pull requests; set the environment's spec.inbox.queue or the trigger's spec.sweepIntervalSeconds", name))
	}
	ready := meta.FindStatusCondition(environment.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.Status != metav1.ConditionTrue {
		why := "it was not checked yet"
		if ready != nil {
			why = ready.Reason + ": " + ready.Message
		}
		return notReady(v1alpha1.ReasonEnvironmentNotReady, fmt.Sprintf("ScanEnvironment %q is not ready: %s", name, why))
	}
	if environment.Spec.Inbox == nil {
		return metav1.Condition{
			Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonSweeping,
			Message: sweepFindings(trigger, fmt.Sprintf("ScanEnvironment %q has no inbox: heads of pull requests are found by the sweep, unless a function brings their events", name)),
		}
	}
	if environment.Status.Resolved == nil || environment.Status.Resolved.QueueURL == "" {
		return notReady(v1alpha1.ReasonEnvironmentNotReady, fmt.Sprintf("ScanEnvironment %q has not resolved its inbox queue yet", name))
	}
	return metav1.Condition{
		Type:    v1alpha1.ConditionReady,
		Status:  metav1.ConditionTrue,
		Reason:  v1alpha1.ReasonListening,
		Message: listeningMessage(trigger, environment.Status.Resolved.QueueURL),
	}
}

// invalidReason names the part of the spec that an error of triggers.CheckSpec tells of.
func invalidReason(err error) string {
	switch {
	case errors.Is(err, triggers.ErrInvalidPattern):
		return v1alpha1.ReasonInvalidPattern
	case errors.Is(err, triggers.ErrInvalidTemplate):
		return v1alpha1.ReasonInvalidTemplate
	}
	return v1alpha1.ReasonInvalidExpression
}

// messageBytes bounds the condition's message. CEL quotes the whole expression for each of its errors, and the API server
// refuses a status whose message is longer than 32,768 bytes: for good, because the next one would be as long.
const messageBytes = 2048

func notReady(reason, message string) metav1.Condition {
	return metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: reason, Message: clip.Bytes(message, messageBytes),
	}
}

func listeningMessage(trigger *v1alpha1.ScanTrigger, queueURL string) string {
	message := "Listening to " + queueURL
	if trigger.Spec.Suspend {
		message = "Suspended: events of " + queueURL + " are dropped"
	}
	return sweepFindings(trigger, message)
}

// sweeps says whether a trigger finds pull requests without events.
func sweeps(spec *v1alpha1.ScanTriggerSpec) bool {
	return ptr.Deref(spec.SweepIntervalSeconds, 0) > 0 && slices.ContainsFunc(spec.Events, isPullRequestEvent)
}

// sweepFindings adds to a message what the last sweep met.
func sweepFindings(trigger *v1alpha1.ScanTrigger, message string) string {
	if sweep := trigger.Status.Sweep; sweep != nil {
		if len(sweep.UnmatchedPatterns) > 0 {
			message += "; there is no repository that spec.repositories could mean by " + strings.Join(sweep.UnmatchedPatterns, ", ")
		}
		if sweep.Message != "" || len(sweep.Problems) > 0 {
			message += "; the last sweep could not look at every repository, see status.sweep"
		}
	}
	return clip.Bytes(message, messageBytes)
}

// summarize writes what the trigger's jobs say into its status. The last job stays on record when it is gone.
func summarize(status *v1alpha1.ScanTriggerStatus, list []v1alpha1.ScanJob) {
	status.ActiveJobs = 0
	var last *v1alpha1.ScanJob
	for i := range list {
		if !jobs.Finished(&list[i]) {
			status.ActiveJobs++
		}
		if last == nil || compareCreation(&list[i], last) > 0 {
			last = &list[i]
		}
	}
	if last == nil || status.LastJobTime != nil && last.CreationTimestamp.Before(status.LastJobTime) {
		return
	}
	status.LastJobName = last.Name
	status.LastJobTime = last.CreationTimestamp.DeepCopy()
}

// compareCreation orders jobs by creation, which Kubernetes keeps in whole seconds, and within one second by their events.
func compareCreation(a, b *v1alpha1.ScanJob) int {
	return cmp.Or(
		a.CreationTimestamp.Time.Compare(b.CreationTimestamp.Time),
		triggers.CompareRevisions(a, b),
	)
}
