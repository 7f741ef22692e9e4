package scanjob

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// candidate is what the admission loop looks at in an unfinished job.
type candidate struct {
	key types.NamespacedName
	uid types.UID
	// repository is what jobs take turns over.
	repository string
	priority   int32
	// created and recorded are Unix nanoseconds: of the job, and of its open attempt, 0 where there is none.
	created, recorded int64
	// attempt is the number of the open attempt, else of the next one.
	attempt int32
	// holds says that an attempt is open, so that the job has a slot.
	holds bool
	// starting says that ECS has not answered for the open attempt.
	starting bool
	// answers says that RunTask's answer for it may still come: not for one that is to be stopped or is only looked for.
	answers bool
	// wants says that the job would start an attempt now if it could.
	wants bool
	// onDemand is why the next attempt, or the open one, asks for FARGATE in place of the environment's strategy.
	onDemand string
	// patience is how many attempts without Spot capacity precede one on FARGATE.
	patience int32
	// told is what the job's condition Admitted says of its waiting.
	told place
}

// place is a job's place in the queue, as its condition tells it.
type place struct {
	reason string
	// position counts from 1.
	position int
}

// candidateOf returns nil where the job is finished.
func candidateOf(job *scanv1.ScanJob) *candidate {
	open := openAttempt(job)
	if finished(job) && open == nil {
		return nil
	}
	c := &candidate{
		key: client.ObjectKeyFromObject(job), uid: job.UID, repository: turnOf(job), priority: job.Spec.Priority,
		created: job.CreationTimestamp.UnixNano(), attempt: nextNumber(job), wants: wantsSlot(job), onDemand: ownFallback(job),
		patience: ptr.Deref(job.Spec.InfrastructureBackoffLimit, 0),
		told:     placeIn(meta.FindStatusCondition(job.Status.Conditions, scanv1.ConditionAdmitted)),
	}
	if open != nil {
		c.holds, c.attempt, c.recorded = true, open.Number, open.RecordedAt.UnixNano()
		c.starting, c.onDemand = open.TaskARN == "", ""
		c.answers = c.starting && open.StopRequestedFor == "" && open.UnlistedSince == nil
		if open.OnDemandFallback {
			c.onDemand = open.FallbackReason
		}
	}
	return c
}

// wantsSlot says whether a job would start an attempt now if it could.
func wantsSlot(job *scanv1.ScanJob) bool {
	return !finished(job) && openAttempt(job) == nil && job.DeletionTimestamp.IsZero() &&
		!job.Spec.Suspend && !job.Spec.Cancel && job.Status.NextAttemptTime == nil && !undecided(job)
}

// undecided says whether a job with a spec.notBefore was not looked at yet: its nextAttemptTime is not set then.
func undecided(job *scanv1.ScanJob) bool {
	return job.Spec.NotBefore != nil && job.Status.Timeline.CreatedTime == nil
}

// turnOf names what a job's turn is for.
func turnOf(job *scanv1.ScanJob) string {
	switch source := job.Spec.Source; {
	case source.CodeCommit != nil:
		return source.CodeCommit.Repository
	case source.Git != nil:
		return source.Git.URL
	}
	return ""
}

// inOrder sorts waiting jobs: higher priority first, then one of each repository in turn, then older. Within a turn the
// repository comes first that was served longest ago, as served tells.
func inOrder(waiting []*candidate, served map[string]int64) {
	slices.SortFunc(waiting, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(b.priority, a.priority), cmp.Compare(a.created, b.created), cmp.Compare(a.key.Name, b.key.Name))
	})
	type line struct {
		repository string
		priority   int32
	}
	turn := make(map[line]int)
	turns := make(map[types.UID]int, len(waiting))
	for _, c := range waiting {
		own := line{c.repository, c.priority}
		turns[c.uid] = turn[own]
		turn[own]++
	}
	if len(turn) == len(waiting) && len(served) == 0 {
		return
	}
	slices.SortStableFunc(waiting, func(a, b *candidate) int {
		return cmp.Or(
			cmp.Compare(b.priority, a.priority),
			cmp.Compare(turns[a.uid], turns[b.uid]),
			cmp.Compare(served[a.repository], served[b.repository]),
		)
	})
}

// forgetServed drops what makes no difference: a repository that was served before every waiting one comes first, as does
// one that was never served.
func forgetServed(served map[string]int64, waiting []*candidate) {
	var least int64
	waits := make(map[string]bool, len(waiting))
	for i, c := range waiting {
		waits[c.repository] = true
		if at := served[c.repository]; i == 0 || at < least {
			least = at
		}
	}
	for repository, at := range served {
		if !waits[repository] && (len(waiting) == 0 || at < least) {
			delete(served, repository)
		}
	}
}
