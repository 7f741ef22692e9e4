package scantrigger

import (
	"errors"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/codecommit"
	"github.com/scanjob-dev/scanjob/internal/events"
	"github.com/scanjob-dev/scanjob/internal/jobs"
	"github.com/scanjob-dev/scanjob/internal/triggers"
)

// need is what an open pull request's head lacks.
type need string

const (
	// needNothing: it is scanned, being scanned, or was looked at by an earlier sweep.
	needNothing need = "nothing"
	// needScan: there is no job for it.
	needScan need = "scan"
	// needRescan: its jobs were cancelled, because the branch went on before it was set back.
	needRescan need = "rescan"
	// needReplay: its scan failed, and a replay asks for it again.
	needReplay need = "replay"
)

// needOf says what a head may lack, as far as the state of the pull request and its jobs tell. list are the trigger's jobs
// for the pull request.
func (r *sweep) needOf(pr codecommit.PullRequest, list []v1alpha1.ScanJob) need {
	replay := r.replays(pr)
	found, failed := false, false
	for i := range list {
		job := &list[i]
		if job.Spec.Source.Revision != pr.SourceCommit {
			continue
		}
		found = true
		switch {
		case jobs.Complete(job):
			return needNothing
		case job.Spec.Cancel:
		case !jobs.Finished(job):
			return needNothing
		default:
			failed = true
		}
	}
	switch {
	case !found && !replay && r.lookedAt(pr.Repository, pr.LastActivity):
		return needNothing
	case !found:
		return needScan
	case replay:
		return needReplay
	case failed:
		return needNothing
	}
	return needRescan
}

// stillNeeds says whether what needOf suspects holds now that it is known how the head came about.
func (r *sweep) stillNeeds(suspected need, c triggers.Change, pushed time.Time, pr codecommit.PullRequest, list []v1alpha1.ScanJob) bool {
	switch suspected {
	case needScan:
		return r.replays(pr) || !r.lookedAt(pr.Repository, pushed)
	case needRescan:
		return triggers.Scanned(list, c) == nil
	}
	return suspected == needReplay
}

// replays says whether the replay that is asked for concerns a pull request.
func (r *sweep) replays(pr codecommit.PullRequest) bool {
	return r.demand.replay != "" && r.demand.invalid == nil && !pr.LastActivity.Before(r.demand.since)
}

// lookedAt says whether an earlier sweep has seen what happened in a repository at a time.
func (r *sweep) lookedAt(repository string, at time.Time) bool {
	return r.sweptBefore && !at.After(sweptUntil(&r.listener.Trigger.Status, repository))
}

// sweptBefore says whether there was a sweep that chose pull requests as the trigger does now.
func sweptBefore(l Listener) bool {
	status := &l.Trigger.Status
	return status.LastSweepTime != nil && status.SweptSelection == selection(&l.Trigger.Spec, scopeOf(l.Environment))
}

// clockMargin is how far the clock of the manager, which dates sweeps, and that of the host, which dates events, may be apart.
const clockMargin = 15 * time.Minute

// sweptLongAgo says whether a sweep has decided about what an event tells of. A sweep sees heads alone, and knows less of who
// pushed than an event does, so it has decided only for triggers that scan heads alone and do not ask about the event.
func sweptLongAgo(l Listener, c triggers.Change) bool {
	spec := &l.Trigger.Spec
	return ptr.Deref(spec.Supersede, true) && spec.Expression == "" && sweptBefore(l) &&
		!c.Happened.Add(clockMargin).After(sweptUntil(&l.Trigger.Status, c.Repository))
}

// changeOf returns what an event would have told of the head; ok is false where the trigger does not want events of the kind
// that it would have been.
func (r *sweep) changeOf(pr codecommit.PullRequest, push codecommit.Push, list []v1alpha1.ScanJob) (c triggers.Change, ok bool) {
	wants := func(event v1alpha1.TriggerEvent) bool { return slices.Contains(r.listener.Trigger.Spec.Events, event) }
	kind := events.PullRequestUpdated
	switch {
	case push.Opened && !wants(v1alpha1.EventPullRequestCreated):
		return triggers.Change{}, false
	case push.Opened:
		kind = events.PullRequestCreated
	case !wants(v1alpha1.EventPullRequestUpdated):
		// Only what a pull request is opened with is wanted. Where the event of that was lost, its successor is all there is.
		if len(list) > 0 || r.lookedAt(pr.Repository, pr.Created) {
			return triggers.Change{}, false
		}
		kind = events.PullRequestCreated
	}
	resolved := r.listener.Environment.Status.Resolved
	return triggers.OfPullRequest(events.PullRequest{
		EventKind: kind, Repository: pr.Repository, ID: pr.ID, Title: pr.Title, AuthorARN: pr.AuthorARN, CallerARN: push.ActorARN,
		SourceReference: pr.SourceReference, SourceBranch: pr.SourceBranch(), TargetReference: pr.TargetReference, TargetBranch: pr.TargetBranch(),
		SourceCommit: pr.SourceCommit, TargetCommit: pr.TargetCommit, RevisionID: pr.RevisionID,
		Account: resolved.Account, Region: resolved.Region, Time: push.Time.Truncate(time.Second),
	}, r.began)
}

// sinceOf is sweptUntil for the record: the start of the last sweep that got through a repository, nil where none did.
func sinceOf(status *v1alpha1.ScanTriggerStatus, repository string) *metav1.Time {
	if status.Sweep != nil {
		if patterns := status.Sweep.UnmatchedPatterns; len(patterns) > 0 && triggers.MatchesAny(patterns, repository) {
			// It was not there.
			return nil
		}
		for i := range status.Sweep.Problems {
			if status.Sweep.Problems[i].Repository == repository {
				return status.Sweep.Problems[i].Since.DeepCopy()
			}
		}
	}
	return status.LastSweepTime.DeepCopy()
}

// explain says in few words what went wrong, and what to allow where access is denied.
func explain(err error, actions string) string {
	if ofCluster(err) || awsclient.RoleRefused(err) {
		return err.Error()
	}
	if codecommit.ClassOf(err) == awsclient.ClassAccessDenied {
		return "allow " + actions + ": " + awsclient.Short(err)
	}
	return awsclient.Short(err)
}

// ofCluster says whether an error is an answer of the API server of Kubernetes.
func ofCluster(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) || errors.Is(err, errNameTaken)
}
