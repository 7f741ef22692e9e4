package scanjob

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/fargate"
)

// maxNote is the API's bound of an event's note, in bytes; a longer one is refused.
const maxNote = 1024

// note is a Kubernetes event to be recorded.
type note struct {
	kind    string
	reason  string
	action  string
	message string
}

// news returns what people should hear of a change of status.
func news(before, after *scanv1.ScanJobStatus) []note {
	var notes []note
	for i := range after.Attempts {
		var earlier scanv1.Attempt
		if i < len(before.Attempts) {
			earlier = before.Attempts[i]
		}
		notes = append(notes, attemptNews(&earlier, &after.Attempts[i])...)
	}
	for _, kind := range []string{scanv1.ConditionComplete, scanv1.ConditionFailed} {
		condition := meta.FindStatusCondition(after.Conditions, kind)
		if condition == nil || meta.IsStatusConditionTrue(before.Conditions, kind) {
			continue
		}
		eventType := corev1.EventTypeNormal
		if kind == scanv1.ConditionFailed {
			eventType = corev1.EventTypeWarning
		}
		notes = append(notes, note{eventType, condition.Reason, "Finish", fmt.Sprintf("%s, result %s: %s", kind, after.Result, condition.Message)})
	}
	return notes
}

func attemptNews(before, after *scanv1.Attempt) []note {
	var notes []note
	if before.TaskARN == "" && after.TaskARN != "" {
		notes = append(notes, note{corev1.EventTypeNormal, "TaskStarted", "RunTask",
			fmt.Sprintf("attempt %d is task %s", after.Number, fargate.TaskID(after.TaskARN))})
	}
	if before.StopRequestedAt == nil && after.StopRequestedAt != nil {
		notes = append(notes, note{corev1.EventTypeNormal, "TaskStopping", "StopTask",
			fmt.Sprintf("attempt %d is being stopped (%s)", after.Number, after.StopRequestedFor)})
	}
	if before.StoppedAt == nil && after.StoppedAt != nil && after.Class != "" {
		notes = append(notes, note{corev1.EventTypeWarning, "AttemptSpoiled", "Observe",
			fmt.Sprintf("attempt %d (%s): %s", after.Number, after.Class, after.Reason)})
	}
	return notes
}
