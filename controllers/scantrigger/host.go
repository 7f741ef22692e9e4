package scantrigger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/codecommit"
	"github.com/scanjob-dev/scanjob/internal/triggers"
)

const (
	// hostPatience bounds how long an event waits for the host's word, the wait for the account's rate included. A burst of
	// events must not hold up the other messages of the queue, and the times of the events are nearly as good.
	hostPatience = 3 * time.Second
	// touchesCached is how many findings about the files between two commits are kept.
	touchesCached = 4096
)

// scopeOf returns how an environment's repositories are reached.
func scopeOf(environment *v1alpha1.ScanEnvironment) awsclient.Scope {
	scope := awsclient.ScopeOf(environment.Spec)
	if resolved := environment.Status.Resolved; resolved != nil {
		scope.Region = resolved.Region
	}
	return scope
}

// inquiry asks the host about one pull request, once for each way to reach it, however many triggers want to know.
type inquiry struct {
	maker          *Maker
	repository, id string
	answers        map[awsclient.Scope]hostAnswer
}

type hostAnswer struct {
	head triggers.Head
	err  error
}

func (m *Maker) inquire(repository, pullRequestID string) *inquiry {
	return &inquiry{maker: m, repository: repository, id: pullRequestID, answers: map[awsclient.Scope]hostAnswer{}}
}

// know puts in what was asked before.
func (q *inquiry) know(scope awsclient.Scope, pr codecommit.PullRequest) {
	q.answers[scope] = hostAnswer{head: headOf(pr)}
}

func headOf(pr codecommit.PullRequest) triggers.Head {
	return triggers.Head{Open: pr.Open, Commit: pr.SourceCommit, MergeBase: pr.MergeBase, LastActivity: pr.LastActivity}
}

// head returns the host's word. The error is errNoHost where there is nobody to ask.
func (q *inquiry) head(ctx context.Context, scope awsclient.Scope) (triggers.Head, error) {
	answer, asked := q.answers[scope]
	if !asked {
		answer.head, answer.err = q.maker.askForHead(ctx, scope, q.repository, q.id)
		q.answers[scope] = answer
	}
	return answer.head, answer.err
}

var (
	// errNoHost: the Maker was made without a way to ask.
	errNoHost = errors.New("there is no way to ask the host")
	// errElsewhere: the host knows the pull request's number, but as one of another repository.
	errElsewhere = errors.New("the host has it in another repository")
)

func (m *Maker) askForHead(ctx context.Context, scope awsclient.Scope, repository, pullRequestID string) (triggers.Head, error) {
	if m.clients == nil {
		return triggers.Head{}, errNoHost
	}
	pr, err := m.clients.For(scope).PullRequest(ctx, pullRequestID)
	if err != nil {
		return triggers.Head{}, err
	}
	if pr.Repository != repository {
		return triggers.Head{}, fmt.Errorf("%w: %s", errElsewhere, pr.Repository)
	}
	return headOf(pr), nil
}

// standing returns how a change stands to what the host says of its pull request, and what that is. Where the host cannot be
// asked, the standing is empty; that is an error only for triggers that cannot do without.
func (m *Maker) standing(ctx context.Context, l Listener, c triggers.Change, about *inquiry) (triggers.Standing, triggers.Head, error) {
	needed := triggers.LooksAtPaths(&l.Trigger.Spec)
	asking := ctx
	if !needed {
		var cancel context.CancelFunc
		asking, cancel = context.WithTimeout(ctx, hostPatience)
		defer cancel()
	}
	head, err := about.head(asking, scopeOf(l.Environment))
	if err == nil {
		return triggers.StandingOf(c, head), head, nil
	}
	switch class := codecommit.ClassOf(err); {
	case errors.Is(err, errElsewhere):
		m.warn(l.Trigger, v1alpha1.ReasonPullRequestUnknown, "Pull request %s of %s is scanned by the times of its events alone: %v.",
			c.PullRequestID, c.Repository, err)
		return "", head, nil
	case class == awsclient.ClassNotFound:
		m.warn(l.Trigger, v1alpha1.ReasonPullRequestGone, "A %s event of pull request %s of %s was dropped: there is no such pull request any more. Was the repository deleted?",
			c.Event, c.PullRequestID, c.Repository)
		return triggers.StandingClosed, head, nil
	case class == awsclient.ClassUnavailable:
		if needed && !errors.Is(err, errNoHost) {
			return "", head, fmt.Errorf("ask for the merge base of pull request %s of %s: %w", c.PullRequestID, c.Repository, err)
		}
		log.FromContext(ctx).V(1).Info("The host could not be asked for the head of a pull request; the times of events decide",
			"trigger", client.ObjectKeyFromObject(l.Trigger), "pullRequest", c.PullRequestID, "error", err.Error())
		return "", head, nil
	}
	m.warn(l.Trigger, v1alpha1.ReasonPullRequestUnknown, "Pull request %s of %s cannot be looked up, so that the times of events alone decide which revision is the newest: %s. Allow codecommit:GetPullRequest on the repository.",
		c.PullRequestID, c.Repository, awsclient.Short(err))
	return "", head, nil
}

// touchesWanted says whether a change touches a file that the trigger looks for. base is the commit that it is compared with.
// Where that cannot be found out for good, it does, and a Warning event tells; where it cannot be found out now, that is an
// error, and the event comes again.
func (m *Maker) touchesWanted(ctx context.Context, l Listener, c triggers.Change, base string) (bool, error) {
	spec := &l.Trigger.Spec
	if !triggers.LooksAtPaths(spec) || base == "" && c.PullRequestID == "" {
		// A new branch has no commit that it is compared with.
		return true, nil
	}
	if m.clients == nil {
		m.warnOfPaths(l.Trigger, c, errNoHost)
		return true, nil
	}
	if base == "" {
		m.warnOfPaths(l.Trigger, c, errors.New("the commit that it is to be compared with is not known"))
		return true, nil
	}
	key := fmt.Sprintf("%v %s %s %s %q %q", scopeOf(l.Environment), c.Repository, base, c.Commit, spec.Paths, spec.PathsIgnore)
	if found, ok := m.touches.Get(key); ok {
		touched, _ := found.(bool)
		return touched, nil
	}
	touched, err := m.clients.For(scopeOf(l.Environment)).Touches(ctx, c.Repository, base, c.Commit, func(path string) bool {
		return triggers.WantsPath(spec, path)
	})
	switch {
	case err == nil:
		m.touches.Add(key, touched)
		return touched, nil
	case errors.Is(err, codecommit.ErrTooManyDifferences):
		m.warnOfPaths(l.Trigger, c, err)
		return true, nil
	case codecommit.ClassOf(err) == awsclient.ClassUnavailable:
		return false, fmt.Errorf("look at the files of a change of %s: %w", c.Repository, err)
	}
	m.warnOfPaths(l.Trigger, c, errors.New(awsclient.Short(err)))
	return true, nil
}

func (m *Maker) warnOfPaths(trigger *v1alpha1.ScanTrigger, c triggers.Change, problem error) {
	m.warn(trigger, v1alpha1.ReasonPathsUnknown, "A %s event of %s is scanned without a look at its files: %v. Allow codecommit:GetDifferences and codecommit:GetPullRequest where access is denied.",
		c.Event, c.Repository, problem)
}
