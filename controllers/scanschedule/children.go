package scanschedule

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/jobs"
)

// child is a job of the schedule and what its annotations say.
type child struct {
	job *v1alpha1.ScanJob
	// run is when it was due, repository and branch what it scans. A job whose annotations somebody spoiled has the zero time
	// and an empty branch.
	run                time.Time
	repository, branch string
}

// childrenOf reads the annotations of a schedule's jobs, and orders them by name.
func childrenOf(list []v1alpha1.ScanJob) []child {
	children := make([]child, 0, len(list))
	for i := range list {
		job := &list[i]
		c := child{job: job, branch: job.Annotations[v1alpha1.AnnotationBranch]}
		if source := job.Spec.Source.CodeCommit; source != nil {
			c.repository = source.Repository
		}
		if run, err := time.Parse(time.RFC3339, job.Annotations[v1alpha1.AnnotationScheduledTime]); err == nil {
			c.run = run
		}
		children = append(children, c)
	}
	slices.SortFunc(children, func(a, b child) int { return cmp.Compare(a.job.Name, b.job.Name) })
	return children
}

// unfinished returns the unfinished jobs that earlier runs made for a target, oldest run first. For the default branch that
// is whatever branch it was then.
func unfinished(children []child, target *v1alpha1.ScheduleTarget, defaultBranch bool) []*v1alpha1.ScanJob {
	var found []child
	for _, c := range children {
		earlier := target.ScheduleTime != nil && c.run.Before(target.ScheduleTime.Time)
		if earlier && c.repository == target.Repository && (defaultBranch || c.branch == target.Branch) && !jobs.Finished(c.job) {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(a, b child) int { return cmp.Or(a.run.Compare(b.run), strings.Compare(a.job.Name, b.job.Name)) })
	list := make([]*v1alpha1.ScanJob, 0, len(found))
	for _, c := range found {
		list = append(list, c.job)
	}
	return list
}

// excess returns the finished jobs beyond the history limits, which count per repository and branch.
func excess(spec *v1alpha1.ScanScheduleSpec, children []child) []*v1alpha1.ScanJob {
	byTarget := map[[2]string][]*v1alpha1.ScanJob{}
	for _, c := range children {
		key := [2]string{c.repository, c.branch}
		byTarget[key] = append(byTarget[key], c.job)
	}
	var over []*v1alpha1.ScanJob
	for _, list := range byTarget {
		over = append(over, jobs.Excess(list, spec.SuccessfulJobsHistoryLimit, spec.FailedJobsHistoryLimit)...)
	}
	slices.SortFunc(over, func(a, b *v1alpha1.ScanJob) int { return cmp.Compare(a.Name, b.Name) })
	return over
}
