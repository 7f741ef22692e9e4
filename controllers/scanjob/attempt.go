package scanjob

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// lastAttempt returns the newest attempt, or nil.
func lastAttempt(job *scanv1.ScanJob) *scanv1.Attempt {
	if len(job.Status.Attempts) == 0 {
		return nil
	}
	return &job.Status.Attempts[len(job.Status.Attempts)-1]
}

// openAttempt returns the attempt whose task exists, or may exist, or nil. Only the newest can be open.
func openAttempt(job *scanv1.ScanJob) *scanv1.Attempt {
	if attempt := lastAttempt(job); attempt != nil && attempt.StoppedAt == nil {
		return attempt
	}
	return nil
}

// nextNumber returns the number of the attempt after the newest one.
func nextNumber(job *scanv1.ScanJob) int32 {
	if attempt := lastAttempt(job); attempt != nil {
		return attempt.Number + 1
	}
	return 1
}

// lastSpoiled returns the newest attempt that was not ended by a suspension, which says nothing of what would become of it.
func lastSpoiled(job *scanv1.ScanJob) *scanv1.Attempt {
	for i := len(job.Status.Attempts) - 1; i >= 0; i-- {
		if attempt := &job.Status.Attempts[i]; attempt.Class != scanv1.ClassSuspended {
			return attempt
		}
	}
	return nil
}

// spoiled counts the attempts of a class.
func spoiled(job *scanv1.ScanJob, class scanv1.FailureClass) int32 {
	var count int32
	for i := range job.Status.Attempts {
		if job.Status.Attempts[i].Class == class {
			count++
		}
	}
	return count
}

// closeAttempt ends an attempt that has no task, or whose task is not known any more.
func closeAttempt(job *scanv1.ScanJob, attempt *scanv1.Attempt, class scanv1.FailureClass, reason string, now time.Time) {
	stopped := metav1.NewTime(now)
	attempt.StoppedAt = &stopped
	attempt.Class = class
	attempt.Reason = shorten(reason, maxReason)
	job.Status.Timeline.StoppedTime = &stopped
}

// maxReason is the bound of status.attempts[].reason.
const maxReason = 1024

// shorten cuts text to a number of bytes, between characters.
func shorten(text string, bytes int) string {
	if len(text) <= bytes {
		return text
	}
	for bytes > 0 && text[bytes]&0xC0 == 0x80 {
		bytes--
	}
	return text[:bytes]
}
