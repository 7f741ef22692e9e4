package scantrigger

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/lru"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/clip"
	"github.com/scanjob-dev/scanjob/internal/codecommit"
	"github.com/scanjob-dev/scanjob/internal/triggers"
)

// MakerOptions are what a Maker needs. CodeCommit and Metrics may be left out.
type MakerOptions struct {
	// Client writes, and reads what need not be the newest: from a cache, or from the API server.
	Client client.Client
	// Live reads from the API server itself. Which job is the newest of a pull request is decided on it: two events that
	// are handled at once would not see each other's jobs in a cache.
	Live client.Reader
	// Recorder writes the events of ScanTriggers.
	Recorder events.EventRecorder
	// CodeCommit tells what state pull requests are in. Without it, the times of events alone decide which is the newest
	// revision, and triggers that look at paths scan everything.
	CodeCommit *codecommit.Clients
	// Metrics counts; see NewMetrics. Default: counters that nobody reads.
	Metrics *Metrics
}

// Maker makes the ScanJobs of changes. It needs no manager: a process that gets its events in another way, or asks for the
// state that pull requests are in, makes the same jobs.
type Maker struct {
	client      client.Client
	live        client.Reader
	recorder    events.EventRecorder
	clients     *codecommit.Clients
	metrics     *Metrics
	expressions *triggers.Expressions
	// touches remembers what was found of the files between two commits, which never changes.
	touches *lru.Cache
}

// NewMaker returns a Maker. It fails only where CEL cannot be set up.
func NewMaker(options MakerOptions) (*Maker, error) {
	x, err := triggers.NewExpressions()
	if err != nil {
		return nil, err
	}
	if options.Metrics == nil {
		options.Metrics = newMetrics()
	}
	return &Maker{
		client: options.Client, live: options.Live, recorder: options.Recorder, clients: options.CodeCommit,
		metrics: options.Metrics, expressions: x, touches: lru.New(touchesCached),
	}, nil
}

// +kubebuilder:rbac:groups=scanjob.dev,resources=scanjobs,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Answers that the Maker gives beside those of triggers.Match.
const (
	// answerStale: the pull request has another head by now.
	answerStale triggers.Answer = "stale"
	// answerClosed: the pull request is closed, merged or gone.
	answerClosed triggers.Answer = "closed"
	// answerSwept: a sweep has dealt with it long ago.
	answerSwept triggers.Answer = "swept"
)

// Offered counts the triggers that a change was offered to by what they said.
type Offered map[triggers.Answer]int

// Offer asks each trigger whether it wants a change, and makes sure that the jobs of those that do exist. A trigger that
// fails does not keep the others from their job; the error means that the change has to be offered again. Everything in it
// can be repeated, so a crash at any point does no harm.
func (m *Maker) Offer(ctx context.Context, listeners []Listener, c triggers.Change) (Offered, error) {
	return m.offer(ctx, listeners, c, m.inquire(c.Repository, c.PullRequestID))
}

func (m *Maker) offer(ctx context.Context, listeners []Listener, c triggers.Change, about *inquiry) (Offered, error) {
	said := Offered{}
	var errs []error
	for _, l := range listeners {
		answer, err := m.offerTo(ctx, l, c, about)
		if err != nil {
			if refused(err) {
				m.warn(l.Trigger, v1alpha1.ReasonScanJobRefused, "A %s event of %s is tried again until the queue gives it up: %v", c.Event, c.Repository, err)
			}
			errs = append(errs, fmt.Errorf("trigger %s: %w", client.ObjectKeyFromObject(l.Trigger), err))
			continue
		}
		said[answer]++
		if answer != triggers.AnswerWanted {
			log.FromContext(ctx).V(1).Info("A trigger does not want an event", "trigger", client.ObjectKeyFromObject(l.Trigger),
				"because", answer, "repository", c.Repository, "event", c.EventID)
		}
	}
	return said, errors.Join(errs...)
}

// offerTo goes from what costs nothing to what asks the host.
func (m *Maker) offerTo(ctx context.Context, l Listener, c triggers.Change, about *inquiry) (triggers.Answer, error) {
	answer, problem := triggers.Match(ctx, &l.Trigger.Spec, c, m.expressions)
	if problem != nil {
		m.warnOfSpec(ctx, l.Trigger, c, problem)
	}
	if answer != triggers.AnswerWanted {
		return answer, nil
	}
	job, err := m.jobOf(ctx, l.Trigger, c)
	if err != nil {
		return "", err
	}
	switch {
	case job != nil && !triggers.Rescan(job, c):
		// A repetition: what has to be known for it is in the job.
		return triggers.AnswerWanted, m.scan(ctx, l, c, false)
	case c.PullRequestID == "":
		return m.offerPush(ctx, l, c)
	case job == nil && c.EventID != "" && sweptLongAgo(l, c):
		// A sweep that looked at what this event tells of has made a job of it, which is gone since, or did not want it.
		return answerSwept, nil
	}
	return m.offerPullRequest(ctx, l, c, about)
}

func (m *Maker) offerPush(ctx context.Context, l Listener, c triggers.Change) (triggers.Answer, error) {
	touched, err := m.touchesWanted(ctx, l, c, c.Base)
	switch {
	case err != nil:
		return "", err
	case !touched:
		return triggers.AnswerPaths, nil
	}
	return triggers.AnswerWanted, m.scan(ctx, l, c, false)
}

// offerPullRequest scans a change only where it brought the head that the pull request has now. Where the host cannot be
// asked, the jobs that are there decide.
func (m *Maker) offerPullRequest(ctx context.Context, l Listener, c triggers.Change, about *inquiry) (triggers.Answer, error) {
	supersede := ptr.Deref(l.Trigger.Spec.Supersede, true)
	if supersede {
		list, err := m.jobsOfPullRequest(ctx, m.client, l.Trigger, c.Repository, c.PullRequestID)
		if err != nil {
			return "", err
		}
		if by := triggers.Overtaken(list, c); by != nil {
			m.tellStale(l.Trigger, c, by.Spec.Source.Revision)
			return answerStale, nil
		}
	}
	standing, head, err := m.standing(ctx, l, c, about)
	if err != nil {
		return "", err
	}
	switch {
	case standing == triggers.StandingClosed:
		_, err := m.Close(ctx, []Listener{l}, c.Repository, c.PullRequestID)
		return answerClosed, err
	case standing == triggers.StandingStale && supersede:
		m.tellStale(l.Trigger, c, head.Commit)
		return answerStale, nil
	}
	touched, err := m.touchesWanted(ctx, l, c, head.MergeBase)
	switch {
	case err != nil:
		return "", err
	case !touched:
		return triggers.AnswerPaths, nil
	}
	return triggers.AnswerWanted, m.scan(ctx, l, c, standing == triggers.StandingCurrent)
}

// jobOf returns the trigger's usual job for a change, nil where it is not there.
func (m *Maker) jobOf(ctx context.Context, trigger *v1alpha1.ScanTrigger, c triggers.Change) (*v1alpha1.ScanJob, error) {
	name, err := triggers.JobName(trigger.Name, c, triggers.Scans(c)[0])
	if err != nil {
		return nil, err
	}
	job := &v1alpha1.ScanJob{}
	err = m.client.Get(ctx, types.NamespacedName{Namespace: trigger.Namespace, Name: name}, job)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read ScanJob %s: %w", name, err)
	}
	return job, nil
}

// warnOfSpec tells of a change that is scanned although, or because, a part of the spec cannot be followed.
func (m *Maker) warnOfSpec(ctx context.Context, trigger *v1alpha1.ScanTrigger, c triggers.Change, problem error) {
	log.FromContext(ctx).Info("An event is scanned because the trigger's spec cannot be followed", "trigger", client.ObjectKeyFromObject(trigger),
		"event", c.EventID, "problem", problem.Error())
	reason := v1alpha1.ReasonInvalidSpec
	if errors.Is(problem, triggers.ErrExpressionFailed) {
		reason = v1alpha1.ReasonExpressionFailed
	}
	m.warn(trigger, reason, "A %s event of %s is scanned to be on the safe side: %v", c.Event, c.Repository, problem)
}

func (m *Maker) tellStale(trigger *v1alpha1.ScanTrigger, c triggers.Change, head string) {
	m.tell(trigger, corev1.EventTypeNormal, v1alpha1.ReasonStaleEvent, "A %s event of pull request %s of %s was dropped: it brought %.12s, and the pull request has gone on to %.12s.",
		c.Event, c.PullRequestID, c.Repository, c.Commit, head)
}

// refused says whether an error stays until somebody changes something: the trigger, a policy, a quota, a job in the way.
func refused(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || errors.Is(err, errNameTaken)
}

// warn writes a Warning event of a trigger.
func (m *Maker) warn(trigger *v1alpha1.ScanTrigger, reason, format string, arguments ...any) {
	m.tell(trigger, corev1.EventTypeWarning, reason, format, arguments...)
}

func (m *Maker) tell(trigger *v1alpha1.ScanTrigger, kind, reason, format string, arguments ...any) {
	m.recorder.Eventf(trigger, nil, kind, reason, "CreateScanJob", "%s", clip.Note(fmt.Sprintf(format, arguments...)))
}
