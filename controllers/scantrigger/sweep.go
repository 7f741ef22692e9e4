package scantrigger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/clip"
	"github.com/scanjob-dev/scanjob/internal/codecommit"
	"github.com/scanjob-dev/scanjob/internal/jobs"
	"github.com/scanjob-dev/scanjob/internal/triggers"
)

const (
	// listedInStatus bounds the lists of a sweep's status.
	listedInStatus = 16
	// unavailableInARow is how many repositories AWS may leave unanswered before a sweep is given up for now.
	unavailableInARow = 3
)

// sweep is one sweep.
type sweep struct {
	maker    *Maker
	client   *codecommit.Client
	listener Listener
	demand   demand
	began    time.Time
	// jobs are the trigger's as they were before CodeCommit was asked, by pull request. They are the cache's: not to be
	// changed.
	jobs map[pullRequestKey][]v1alpha1.ScanJob
	// open are the pull requests that were found open, or whose repository could not be looked at.
	open     map[pullRequestKey]bool
	unlooked map[string]bool
	// sweptBefore says that there was a sweep that chose in the same way.
	sweptBefore bool
	// made counts the jobs that it created, for whatever reason.
	made  int32
	found v1alpha1.SweepStatus
}

type pullRequestKey struct{ repository, id string }

func newSweep(maker *Maker, client *codecommit.Client, l Listener, d demand, began time.Time, list []v1alpha1.ScanJob) *sweep {
	chosen := selection(&l.Trigger.Spec)
	last := l.Trigger.Status.Sweep
	r := &sweep{
		maker: maker, client: client, listener: l, demand: d, began: began,
		jobs: map[pullRequestKey][]v1alpha1.ScanJob{}, open: map[pullRequestKey]bool{}, unlooked: map[string]bool{},
		sweptBefore: l.Trigger.Status.LastSweepTime != nil && last != nil && last.Selection == chosen,
		found:       v1alpha1.SweepStatus{StartTime: metav1.NewTime(began.Truncate(time.Second)), Selection: chosen},
	}
	for i := range list {
		if source := list[i].Spec.Source.CodeCommit; source != nil && source.PullRequestID != "" {
			key := pullRequestKey{source.Repository, source.PullRequestID}
			r.jobs[key] = append(r.jobs[key], list[i])
		}
	}
	return r
}

// everything is the sweep. Its error says why it did not get through; what concerns single repositories is in found.
func (r *sweep) everything(ctx context.Context) error {
	repositories, err := r.repositories(ctx)
	if err != nil {
		return err
	}
	unavailable := 0
	for _, repository := range repositories {
		err := r.repository(ctx, repository)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			unavailable = 0
			continue
		case errors.Is(err, codecommit.ErrRepositoryNotFound):
			r.unmatched(repository)
			continue
		}
		problem := r.problemOf(repository, err)
		if problem.Reason != v1alpha1.ReasonAWSUnavailable {
			unavailable = 0
		} else if unavailable++; unavailable == unavailableInARow {
			return errors.New(problem.Message)
		}
		if len(r.found.Problems) == listedInStatus {
			return fmt.Errorf("more than %d repositories could not be looked at, the last of them %s: %s: %s",
				listedInStatus, repository, problem.Reason, problem.Message)
		}
		r.unlooked[repository] = true
		r.found.Problems = append(r.found.Problems, problem)
	}
	return r.end(ctx)
}

// repositories returns the names of the repositories to look at.
func (r *sweep) repositories(ctx context.Context) ([]string, error) {
	spec := &r.listener.Trigger.Spec
	if !slices.ContainsFunc(spec.Events, isPullRequestEvent) {
		return nil, nil
	}
	names, literal := triggers.RepositoryNames(spec.Repositories)
	if !literal {
		all, err := r.client.Repositories(ctx)
		if err != nil {
			return nil, fmt.Errorf("the repositories cannot be listed: %s", explain(err, "codecommit:ListRepositories"))
		}
		names = nil
		for _, name := range all {
			if triggers.MatchesAny(spec.Repositories, name) {
				names = append(names, name)
			}
		}
		for _, entry := range spec.Repositories {
			if !slices.ContainsFunc(all, func(name string) bool { return triggers.MatchesAny([]string{entry}, name) }) {
				r.unmatched(entry)
			}
		}
	}
	slices.Sort(names)
	r.found.Repositories = int32(len(names))
	return names, nil
}

func isPullRequestEvent(e v1alpha1.TriggerEvent) bool { return e != v1alpha1.EventPush }

func (r *sweep) unmatched(entry string) {
	if len(r.found.UnmatchedPatterns) < listedInStatus {
		r.found.UnmatchedPatterns = append(r.found.UnmatchedPatterns, entry)
	}
}

// repository looks at the open pull requests of a repository. One whose job cannot be made does not keep the others from
// theirs.
func (r *sweep) repository(ctx context.Context, repository string) error {
	ids, err := r.client.OpenPullRequests(ctx, repository)
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range ids {
		pr, err := r.client.PullRequest(ctx, id)
		if errors.Is(err, codecommit.ErrPullRequestNotFound) {
			continue
		}
		if err != nil {
			// The next one would meet the same.
			return errors.Join(append(errs, err)...)
		}
		if !pr.Open {
			continue
		}
		r.open[pullRequestKey{repository, id}] = true
		if err := r.pullRequest(ctx, pr); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// pullRequest makes good what events did not bring of one open pull request.
func (r *sweep) pullRequest(ctx context.Context, pr codecommit.PullRequest) error {
	trigger := r.listener.Trigger
	if !triggers.WantsBranch(&trigger.Spec, pr.TargetBranch()) {
		return nil
	}
	r.found.PullRequests++
	list := r.jobs[pullRequestKey{pr.Repository, pr.ID}]
	need := r.needOf(pr, list)
	if need == needNothing {
		return r.supersede(ctx, pr, list)
	}
	push, err := r.lastPush(ctx, pr)
	if err != nil {
		return err
	}
	c, ok := r.changeOf(pr, push, list)
	if !ok || !r.stillNeeds(need, c, pr, list) {
		return nil
	}
	if need == needReplay {
		c.Replay = r.demand.since.UTC().Format(time.RFC3339)
	}
	about := r.maker.inquire(pr.ID)
	about.know(scopeOf(r.listener.Environment), pr)
	made, err := r.maker.isMade(ctx, trigger, c)
	if err != nil {
		return err
	}
	said, err := r.maker.offer(ctx, []Listener{r.listener}, c, about)
	if err != nil {
		return err
	}
	if said[triggers.AnswerWanted] > 0 && (!made || need == needRescan) {
		r.made++
		if need == needRescan || need == needScan && !r.lookedAt(pr.Repository, c.Happened) {
			r.found.Missed++
		}
	}
	return nil
}

// supersede cancels older revisions whose end an event was to bring.
func (r *sweep) supersede(ctx context.Context, pr codecommit.PullRequest, list []v1alpha1.ScanJob) error {
	outdated := func(job v1alpha1.ScanJob) bool {
		return job.Spec.Source.Revision != pr.SourceCommit && !jobs.Finished(&job) && !job.Spec.Cancel
	}
	if !ptr.Deref(r.listener.Trigger.Spec.Supersede, true) || !slices.ContainsFunc(list, outdated) {
		return nil
	}
	return r.maker.supersede(ctx, r.listener, triggers.Change{Repository: pr.Repository, PullRequestID: pr.ID})
}

// lastPush asks how a pull request came to its head. Where the operator's role may not, the last activity has to do, of
// somebody unknown.
func (r *sweep) lastPush(ctx context.Context, pr codecommit.PullRequest) (codecommit.Push, error) {
	push, err := r.client.LastPush(ctx, pr)
	if err == nil {
		return push, nil
	}
	if class := codecommit.ClassOf(err); class == awsclient.ClassUnavailable || class == awsclient.ClassNotFound {
		return codecommit.Push{}, err
	}
	r.maker.warn(r.listener.Trigger, v1alpha1.ReasonPullRequestUnknown, "A sweep cannot find out when, and by whom, pull request %s of %s got its head: %s. Allow codecommit:DescribePullRequestEvents on the repository.",
		pr.ID, pr.Repository, awsclient.Short(err))
	return codecommit.Push{Time: pr.LastActivity}, nil
}

// end cancels the scans of pull requests that are not open any more.
func (r *sweep) end(ctx context.Context) error {
	for key, list := range r.jobs {
		if r.open[key] || r.unlooked[key.repository] || !slices.ContainsFunc(list, func(job v1alpha1.ScanJob) bool {
			return !jobs.Finished(&job) && !job.Spec.Cancel
		}) {
			continue
		}
		pr, err := r.client.PullRequest(ctx, key.id)
		switch {
		case err == nil && pr.Open:
			continue
		case err != nil && !errors.Is(err, codecommit.ErrPullRequestNotFound):
			return fmt.Errorf("pull request %s of %s cannot be looked at: %s", key.id, key.repository, explain(err, "codecommit:GetPullRequest"))
		}
		cancelled, err := r.maker.Close(ctx, []Listener{r.listener}, key.repository, key.id)
		if err != nil {
			return err
		}
		if cancelled > 0 {
			r.found.Closed++
		}
	}
	return nil
}

// problemOf says why a repository could not be looked at.
func (r *sweep) problemOf(repository string, err error) v1alpha1.SweepProblem {
	problem := v1alpha1.SweepProblem{Repository: repository, Reason: v1alpha1.ReasonRepositoryUnreadable}
	switch class := codecommit.ClassOf(err); {
	case ofCluster(err):
		problem.Reason = v1alpha1.ReasonJobNotCreated
	case awsclient.RoleRefused(err):
		problem.Reason = v1alpha1.ReasonAssumeRoleFailed
	case class == awsclient.ClassAccessDenied:
		problem.Reason = v1alpha1.ReasonAccessDenied
	case class == awsclient.ClassUnavailable:
		problem.Reason = v1alpha1.ReasonAWSUnavailable
	}
	problem.Message = clip.Bytes(explain(err, "codecommit:ListPullRequests and codecommit:GetPullRequest"), messageBytes)
	if r.sweptBefore {
		problem.Since = sinceOf(&r.listener.Trigger.Status, repository)
	}
	return problem
}

// replayed is the answer to the annotation that asked for a replay.
func (r *sweep) replayed() *v1alpha1.ReplayStatus {
	status := &v1alpha1.ReplayStatus{Since: r.demand.replay, Time: r.found.StartTime, Jobs: r.made}
	if len(r.found.Problems) > 0 {
		status.Message = fmt.Sprintf("%d repositories could not be looked at, see status.sweep.problems; set the annotation to another form of the time to try again", len(r.found.Problems))
	}
	return status
}
