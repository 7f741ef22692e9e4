package jobs

import (
	"cmp"
	"slices"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// Excess returns which of the jobs are beyond the history limits, oldest first: of those that are settled and not on their
// way out, all but the newest so many that are Complete and the newest so many that Failed. A limit that is nil keeps all.
func Excess(jobs []*v1alpha1.ScanJob, successful, failed *int32) []*v1alpha1.ScanJob {
	var complete, spoiled []*v1alpha1.ScanJob
	for _, job := range jobs {
		switch {
		case !Settled(job) || !job.DeletionTimestamp.IsZero():
		case Complete(job):
			complete = append(complete, job)
		default:
			spoiled = append(spoiled, job)
		}
	}
	excess := append(oldest(complete, successful), oldest(spoiled, failed)...)
	slices.SortFunc(excess, byAge)
	return excess
}

// oldest returns all but the newest so many.
func oldest(jobs []*v1alpha1.ScanJob, keep *int32) []*v1alpha1.ScanJob {
	if keep == nil || len(jobs) <= int(*keep) {
		return nil
	}
	slices.SortFunc(jobs, byAge)
	return jobs[:len(jobs)-int(*keep)]
}

// byAge orders jobs by creation, which Kubernetes keeps in whole seconds, and within one second by their names.
func byAge(a, b *v1alpha1.ScanJob) int {
	return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
}
