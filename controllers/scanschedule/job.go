package scanschedule

import (
	"strconv"
	"time"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/jobs"
)

// scheduleKind is the kind of the owner of the jobs.
const scheduleKind = "ScanSchedule"

// scan is one scan that a run wants.
type scan struct {
	run                time.Time
	repository, branch string
	// head is the commit to scan, base where a scan of the history goes on from, empty for all of it.
	head, base string
}

// jobName is the name of a scan's ScanJob: a pure function of the schedule's name, the run, the repository and the branch,
// so that whoever repeats a run that was cut short finds the jobs that are there, also where the branch has moved since.
func jobName(schedule string, s scan) (string, error) {
	return jobs.Name(schedule, s.repository, s.branch, "schedule", schedule, strconv.FormatInt(s.run.Unix(), 10), s.repository, s.branch)
}

// newJob returns the ScanJob of a scan.
func newJob(schedule *v1alpha1.ScanSchedule, s scan, name string) *v1alpha1.ScanJob {
	job := jobs.New(schedule, scheduleKind, name, schedule.Spec.EnvironmentName, schedule.Spec.Template, v1alpha1.ScanSource{
		CodeCommit:   &v1alpha1.CodeCommitSource{Repository: s.repository},
		Revision:     s.head,
		BaseRevision: s.base,
	})
	job.Labels[v1alpha1.LabelSchedule] = jobs.LabelValue(schedule.Name)
	job.Labels[v1alpha1.LabelRepository] = jobs.LabelValue(s.repository)
	job.Annotations[v1alpha1.AnnotationScheduledTime] = s.run.UTC().Format(time.RFC3339)
	job.Annotations[v1alpha1.AnnotationBranch] = s.branch
	return job
}
