package scanjob

import (
	"cmp"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// verdict is the admission loop's word on one job.
type verdict struct {
	// admitted says that attempt may be recorded now.
	admitted bool
	// attempt is the number that the verdict is for.
	attempt int32
	// reason and message say why the job waits.
	reason  string
	message string
}

// decide returns the verdict on every job of an environment that wants a slot. jobs are the unfinished ones as observed;
// earlier holds the verdicts that may not be visible in them yet. A job holds a slot from its admission until its task was
// seen STOPPED, so the limit holds whatever is on its way.
func decide(jobs []scanv1.ScanJob, earlier map[types.UID]verdict, limit int32) map[types.UID]verdict {
	verdicts := map[types.UID]verdict{}
	var waiting []*scanv1.ScanJob
	var taken int32
	for i := range jobs {
		job := &jobs[i]
		switch {
		case openAttempt(job) != nil:
			taken++
		case !wantsSlot(job):
		case earlier[job.UID].admitted && earlier[job.UID].attempt == nextNumber(job):
			taken++
			verdicts[job.UID] = earlier[job.UID]
		default:
			waiting = append(waiting, job)
		}
	}
	slices.SortFunc(waiting, inOrder)
	for _, job := range waiting {
		word := verdict{attempt: nextNumber(job)}
		if taken < limit {
			taken++
			word.admitted = true
		} else {
			word.reason = scanv1.ReasonConcurrencyLimit
			word.message = fmt.Sprintf("all %d slots (spec.capacity.maxConcurrentTasks) of ScanEnvironment %s are taken", limit, job.Spec.EnvironmentName)
		}
		verdicts[job.UID] = word
	}
	return verdicts
}

// wantsSlot says whether a job would start an attempt now if it could.
func wantsSlot(job *scanv1.ScanJob) bool {
	return !finished(job) && openAttempt(job) == nil && job.DeletionTimestamp.IsZero() &&
		!job.Spec.Suspend && !job.Spec.Cancel && job.Status.NextAttemptTime == nil
}

// inOrder orders waiting jobs: higher priority first, then older, then by name.
func inOrder(a, b *scanv1.ScanJob) int {
	return cmp.Or(
		cmp.Compare(b.Spec.Priority, a.Spec.Priority),
		a.CreationTimestamp.Compare(b.CreationTimestamp.Time),
		cmp.Compare(a.Name, b.Name),
	)
}
