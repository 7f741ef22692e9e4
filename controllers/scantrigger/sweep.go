package scantrigger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/ptr"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/clip"
	"github.com/scanjob-dev/scanjob/internal/codecommit"
	"github.com/scanjob-dev/scanjob/internal/jobs"
	"github.com/scanjob-dev/scanjob/internal/triggers"
)

const (
	// listedInStatus bounds the patterns of a sweep's status, and the problems in it that have a message.
	listedInStatus = 16
	// problemsInStatus bounds the problems of a sweep's status. Each tells since when its repository is to be looked at again,
	// and takes up to some 300 bytes.
	problemsInStatus = 512
	// unavailableInARow is how many questions in a row AWS may leave unanswered before a sweep asks no more.
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
	// open are the pull requests that were found open.
	open map[pullRequestKey]bool
	// problems are the repositories that could not be looked at, in order.
	problems []v1alpha1.SweepProblem
	unlooked map[string]bool
	// unlisted are the repositories whose open pull requests are not known.
	unlisted map[string]bool
	// unavailable counts the questions in a row that AWS left unanswered, and unanswered all of them.
	unavailable, unanswered int
	// sweptBefore says that there was a sweep that chose in the same way.
	sweptBefore bool
	// made counts the jobs that it created, for whatever reason.
	made  int32
	found v1alpha1.SweepStatus
}

type pullRequestKey struct{ repository, id string }

func newSweep(maker *Maker, client *codecommit.Client, l Listener, d demand, began time.Time, list []v1alpha1.ScanJob) *sweep {
	chosen := selection(&l.Trigger.Spec, scopeOf(l.Environment))
	r := &sweep{
		maker: maker, client: client, listener: l, demand: d, began: began,
		jobs: map[pullRequestKey][]v1alpha1.ScanJob{}, open: map[pullRequestKey]bool{}, unlooked: map[string]bool{}, unlisted: map[string]bool{},
		sweptBefore: sweptBefore(l),
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
	for _, repository := range repositories {
		if r.unavailable >= unavailableInARow {
			r.unlisted[repository] = true
			r.problem(repository, v1alpha1.ReasonAWSUnavailable, fmt.Sprintf("it was not asked for, because AWS did not answer %d times in a row", r.unavailable))
			continue
		}
		err := r.repository(ctx, repository)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, codecommit.ErrRepositoryNotFound) {
			r.unmatched(repository)
			err = nil
		}
		r.note(repository, err)
	}
	if err := r.end(ctx); err != nil {
		return err
	}
	return r.report()
}

// note counts the answer about a repository, and remembers it where it is an error.
func (r *sweep) note(repository string, err error) {
	r.count(err)
	if err != nil {
		r.problem(repository, reasonOf(err), explain(err, "codecommit:ListPullRequests and codecommit:GetPullRequest"))
	}
}

// count counts the questions that AWS left unanswered.
func (r *sweep) count(err error) {
	if err == nil || ofCluster(err) || codecommit.ClassOf(err) != awsclient.ClassUnavailable {
		r.unavailable = 0
		return
	}
	r.unavailable++
	r.unanswered++
}

// problem remembers that a repository could not be looked at, for the first reason that there was.
func (r *sweep) problem(repository, reason, message string) {
	if r.unlooked[repository] {
		return
	}
	r.unlooked[repository] = true
	problem := v1alpha1.SweepProblem{Repository: repository, Reason: reason}
	if len(r.problems) < listedInStatus {
		problem.Message = clip.Bytes(message, messageBytes)
	}
	if r.sweptBefore {
		problem.Since = sinceOf(&r.listener.Trigger.Status, repository)
	}
	r.problems = append(r.problems, problem)
}

// report puts the problems into found. Where they are too many to be remembered, what was seen of the others cannot be either,
// and the sweep did not get through.
func (r *sweep) report() error {
	if len(r.problems) > problemsInStatus {
		first := r.problems[0]
		return fmt.Errorf("%d repositories could not be looked at, the first of them %s: %s: %s", len(r.problems), first.Repository, first.Reason, first.Message)
	}
	r.found.Problems = r.problems
	return nil
}

// repositories returns the names of the repositories whose pull requests are to be looked at.
func (r *sweep) repositories(ctx context.Context) ([]string, error) {
	spec := &r.listener.Trigger.Spec
	forPullRequests := slices.ContainsFunc(spec.Events, isPullRequestEvent)
	names, literal := triggers.RepositoryNames(spec.Repositories)
	if !literal || !forPullRequests {
		all, err := r.client.Repositories(ctx)
		if !forPullRequests && literal && codecommit.ClassOf(err) == awsclient.ClassAccessDenied {
			// Nothing but the advice hangs on it.
			return nil, nil
		}
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
	if !forPullRequests {
		return nil, nil
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
		r.unlisted[repository] = !errors.Is(err, codecommit.ErrRepositoryNotFound)
		return err
	}
	var errs []error
	for _, id := range ids {
		pr, err := r.client.PullRequest(ctx, id)
		if errors.Is(err, codecommit.ErrPullRequestNotFound) {
			continue
		}
		if err != nil {
			errs = append(errs, err)
			if class := codecommit.ClassOf(err); class == awsclient.ClassUnavailable || class == awsclient.ClassAccessDenied {
				// The next one would meet the same.
				break
			}
			continue
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
	if need != needNothing {
		// Events may have made jobs since the sweep began.
		fresh, err := r.maker.jobsOfPullRequest(ctx, r.maker.live, trigger, pr.Repository, pr.ID)
		if err != nil {
			return err
		}
		list, need = fresh, r.needOf(pr, fresh)
	}
	if need == needNothing {
		return r.supersede(ctx, pr, list)
	}
	push, err := r.lastPush(ctx, pr)
	if err != nil {
		return err
	}
	c, ok := r.changeOf(pr, push, list)
	if !ok {
		return nil
	}
	pushed := c.Happened
	// The host's word about the head was heard just now. The times of events are of another clock, and must not overrule it.
	c.Happened = noEarlier(pushed, list)
	if !r.stillNeeds(need, c, pushed, pr, list) {
		return nil
	}
	if need == needReplay {
		c.Replay = r.demand.since.UTC().Format(time.RFC3339)
	}
	about := r.maker.inquire(pr.Repository, pr.ID)
	about.know(scopeOf(r.listener.Environment), pr)
	made, err := r.maker.jobOf(ctx, trigger, c)
	if err != nil {
		return err
	}
	said, err := r.maker.offer(ctx, []Listener{r.listener}, c, about)
	if err != nil {
		return err
	}
	if said[triggers.AnswerWanted] > 0 && (made == nil || need == needRescan) {
		r.made++
		if need == needRescan || need == needScan && !r.lookedAt(pr.Repository, pushed) {
			r.found.Missed++
		}
	}
	return nil
}

// noEarlier returns the time of a push, or that of the newest event that a job of the pull request stands for, if that is later.
func noEarlier(pushed time.Time, list []v1alpha1.ScanJob) time.Time {
	for i := range list {
		if at := triggers.EventTime(&list[i]); at.After(pushed) {
			pushed = at
		}
	}
	return pushed
}

// supersede cancels older revisions whose end an event was to bring.
func (r *sweep) supersede(ctx context.Context, pr codecommit.PullRequest, list []v1alpha1.ScanJob) error {
	outdated := func(job v1alpha1.ScanJob) bool {
		return job.Spec.Source.Revision != pr.SourceCommit && !jobs.Finished(&job) && !job.Spec.Cancel
	}
	if !ptr.Deref(r.listener.Trigger.Spec.Supersede, true) || !slices.ContainsFunc(list, outdated) {
		return nil
	}
	// The head's job comes last, whatever the times of events say: the host has just named it.
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		fresh, err := r.maker.jobsOfPullRequest(ctx, r.maker.live, r.listener.Trigger, pr.Repository, pr.ID)
		if err != nil {
			return err
		}
		for i := range fresh {
			if job := &fresh[i]; job.Spec.Source.Revision == pr.SourceCommit && !job.Spec.Cancel {
				return r.maker.moveForward(ctx, job, triggers.Change{Happened: noEarlier(triggers.EventTime(job), fresh)})
			}
		}
		return nil
	})
	if err != nil {
		return err
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

// end cancels the scans of pull requests that are not open any more. One that cannot be looked up does not keep the others
// from their end. Its error is one of the cluster.
func (r *sweep) end(ctx context.Context) error {
	for _, key := range slices.SortedFunc(maps.Keys(r.jobs), compareKeys) {
		if r.open[key] || r.unlisted[key.repository] || r.unavailable >= unavailableInARow || !slices.ContainsFunc(r.jobs[key], func(job v1alpha1.ScanJob) bool {
			return !jobs.Finished(&job) && !job.Spec.Cancel
		}) {
			continue
		}
		pr, err := r.client.PullRequest(ctx, key.id)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, codecommit.ErrPullRequestNotFound) {
			err = nil
		}
		r.note(key.repository, err)
		if err != nil || pr.Open || pr.Repository != "" && pr.Repository != key.repository {
			// A pull request of another repository says nothing of this one.
			continue
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

func compareKeys(a, b pullRequestKey) int {
	return cmp.Or(cmp.Compare(a.repository, b.repository), cmp.Compare(a.id, b.id))
}

// reasonOf says in a word why a repository could not be looked at.
func reasonOf(err error) string {
	switch class := codecommit.ClassOf(err); {
	case ofCluster(err):
		return v1alpha1.ReasonJobNotCreated
	case awsclient.RoleRefused(err):
		return v1alpha1.ReasonAssumeRoleFailed
	case class == awsclient.ClassAccessDenied:
		return v1alpha1.ReasonAccessDenied
	case class == awsclient.ClassUnavailable:
		return v1alpha1.ReasonAWSUnavailable
	}
	return v1alpha1.ReasonRepositoryUnreadable
}

// replayed is the answer to the annotation that asked for a replay.
func (r *sweep) replayed() *v1alpha1.ReplayStatus {
	status := &v1alpha1.ReplayStatus{Since: r.demand.replay, Time: r.found.StartTime, Jobs: r.made}
	if len(r.found.Problems) > 0 {
		status.Message = fmt.Sprintf("%d repositories could not be looked at, see status.sweep.problems; set the annotation to another form of the time to try again", len(r.found.Problems))
	}
	return status
}
