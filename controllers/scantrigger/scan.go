package scantrigger

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/jobs"
	"github.com/scanjob-dev/scanjob/internal/triggers"
)

// scan makes sure that the trigger's job for a change exists, then lets it take the place of older ones. Each step can be
// repeated, so a crash between them does no harm. confirmed says that the host named the change's commit as the head.
func (m *Maker) scan(ctx context.Context, l Listener, c triggers.Change, confirmed bool) error {
	exists, err := m.ensureJob(ctx, l.Trigger, c, confirmed)
	if err != nil {
		return err
	}
	if !exists || c.PullRequestID == "" || !ptr.Deref(l.Trigger.Spec.Supersede, true) {
		return nil
	}
	return m.supersede(ctx, l, c)
}

// ensureJob creates the job or finds it. exists is false where the trigger or its namespace is on its way out, and there
// is nothing left to do.
func (m *Maker) ensureJob(ctx context.Context, trigger *v1alpha1.ScanTrigger, c triggers.Change, confirmed bool) (exists bool, err error) {
	// Whoever cancels the job that was found does it between reading and writing, and what was read counts no more.
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		exists, err = m.createOrFind(ctx, trigger, c, confirmed)
		return err
	})
	return exists, err
}

func (m *Maker) createOrFind(ctx context.Context, trigger *v1alpha1.ScanTrigger, c triggers.Change, confirmed bool) (exists bool, err error) {
	for _, again := range triggers.Scans(c) {
		name, err := triggers.JobName(trigger.Name, c, again)
		if err != nil {
			return false, err
		}
		job := triggers.NewJob(trigger, c, name)
		job.Spec.NotBefore = triggers.NotBefore(&trigger.Spec, c, confirmed)
		existing, err := m.create(ctx, trigger, c, job)
		if err != nil || existing == nil {
			return m.judgeCreation(ctx, trigger, err)
		}
		if !triggers.Rescan(existing, c) {
			return true, m.moveForward(ctx, existing, c)
		}
		if c.PullRequestID == "" {
			continue
		}
		list, err := m.jobsOfPullRequest(ctx, m.live, trigger, c.Repository, c.PullRequestID)
		if err != nil {
			return false, err
		}
		if scanned := triggers.Scanned(list, c); scanned != nil {
			return true, m.moveForward(ctx, scanned, c)
		}
	}
	return false, fmt.Errorf("the jobs for %.12s of %s were all cancelled: %w", c.Commit, c.Repository, errNoName)
}

// errNoName: every name that a scan of a change may have is taken by a job that was cancelled.
var errNoName = errors.New("there is no name left for another scan")

// moveForward makes a job stand for a later event about its commit: a branch that was set back to the commit has it as
// its head since then, and events from before must not cancel the job. It fails with a conflict where somebody else wrote
// the job meanwhile.
func (m *Maker) moveForward(ctx context.Context, job *v1alpha1.ScanJob, c triggers.Change) error {
	if !c.Happened.After(triggers.EventTime(job)) {
		return nil
	}
	before := job.DeepCopy()
	triggers.Annotate(job, c)
	if err := m.client.Patch(ctx, job, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return fmt.Errorf("write the later event on ScanJob %s: %w", job.Name, err)
	}
	return nil
}

func (m *Maker) judgeCreation(ctx context.Context, trigger *v1alpha1.ScanTrigger, err error) (exists bool, _ error) {
	if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		log.FromContext(ctx).Info("Dropped an event for a namespace that is being deleted", "trigger", client.ObjectKeyFromObject(trigger))
		return false, nil
	}
	return err == nil, err
}

// errNameTaken tells of a job of the wanted name that is another trigger's.
var errNameTaken = errors.New("a ScanJob of that name belongs to somebody else")

// create creates the trigger's job, or returns the one of its name that is there.
func (m *Maker) create(ctx context.Context, trigger *v1alpha1.ScanTrigger, c triggers.Change, job *v1alpha1.ScanJob) (existing *v1alpha1.ScanJob, err error) {
	err = m.client.Create(ctx, job)
	if err == nil {
		m.metrics.created.Inc()
		log.FromContext(ctx).Info("Created a ScanJob", "scanJob", client.ObjectKeyFromObject(job), "trigger", client.ObjectKeyFromObject(trigger),
			"repository", c.Repository, "pullRequest", c.PullRequestID, "revision", c.Commit)
		return nil, nil
	}
	if !apierrors.IsAlreadyExists(err) {
		return nil, fmt.Errorf("create ScanJob %s: %w", job.Name, err)
	}
	existing = &v1alpha1.ScanJob{}
	if err := m.live.Get(ctx, client.ObjectKeyFromObject(job), existing); err != nil {
		return nil, fmt.Errorf("read ScanJob %s, which exists: %w", job.Name, err)
	}
	if !metav1.IsControlledBy(existing, trigger) {
		// A trigger that was deleted and made anew finds its predecessor's jobs, until they are collected.
		return nil, fmt.Errorf("%w: %s; it is tried again, or delete that job", errNameTaken, job.Name)
	}
	return existing, nil
}

// supersede cancels the unfinished jobs of older revisions. Where the change itself is the older one, that is its own job.
func (m *Maker) supersede(ctx context.Context, l Listener, c triggers.Change) error {
	// A job that was moved forward after it was listed is not older any more: the conflict has all of them listed again.
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		list, err := m.jobsOfPullRequest(ctx, m.live, l.Trigger, c.Repository, c.PullRequestID)
		if err != nil {
			return err
		}
		head := ""
		if triggers.Undecided(list) {
			head = m.decide(ctx, l, c.Repository, c.PullRequestID)
		}
		newest, older := triggers.Superseded(list, head)
		for _, job := range older {
			if err := m.cancel(ctx, job, newest.Name); err != nil {
				return err
			}
		}
		return nil
	})
}

// decide asks the host for a pull request's head where the times of events do not tell. It is asked after the jobs were
// listed: what it said before may be older than they are. Where it does not say, the head is empty.
func (m *Maker) decide(ctx context.Context, l Listener, repository, pullRequestID string) string {
	ctx, cancel := context.WithTimeout(ctx, hostPatience)
	defer cancel()
	head, err := m.askForHead(ctx, scopeOf(l.Environment), repository, pullRequestID)
	if err != nil {
		log.FromContext(ctx).V(1).Info("The host could not be asked which of two revisions of one second is the head; both are scanned",
			"trigger", client.ObjectKeyFromObject(l.Trigger), "pullRequest", pullRequestID, "error", err.Error())
		return ""
	}
	return head.Commit
}

// Close cancels the unfinished jobs of a pull request that is closed or merged, whatever their triggers want now. It returns
// how many it cancelled.
func (m *Maker) Close(ctx context.Context, listeners []Listener, repository, pullRequestID string) (cancelled int, err error) {
	var errs []error
	for _, l := range listeners {
		list, err := m.jobsOfPullRequest(ctx, m.live, l.Trigger, repository, pullRequestID)
		errs = append(errs, err)
		for i := range list {
			if jobs.Finished(&list[i]) || list[i].Spec.Cancel {
				continue
			}
			cancelled++
			errs = append(errs, m.cancel(ctx, &list[i], ""))
		}
	}
	return cancelled, errors.Join(errs...)
}

func (m *Maker) jobsOfPullRequest(ctx context.Context, reader client.Reader, trigger *v1alpha1.ScanTrigger, repository, pullRequestID string) ([]v1alpha1.ScanJob, error) {
	var list v1alpha1.ScanJobList
	err := reader.List(ctx, &list, client.InNamespace(trigger.Namespace),
		client.MatchingLabels(triggers.Labels(trigger.Name, repository, pullRequestID)))
	if err != nil {
		return nil, fmt.Errorf("list the ScanJobs of pull request %s of %s: %w", pullRequestID, repository, err)
	}
	return triggers.JobsOfPullRequest(list.Items, trigger, repository, pullRequestID), nil
}

// cancel asks for a job's end. by names the job that takes its place, empty where none does; it fails with a conflict where
// the job is not as it was read, because then another may have to give way.
func (m *Maker) cancel(ctx context.Context, job *v1alpha1.ScanJob, by string) error {
	before := job.DeepCopy()
	job.Spec.Cancel = true
	reason, patch := cancelClosed, client.MergeFrom(before)
	if by != "" {
		reason, patch = cancelSuperseded, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
		if job.Annotations == nil {
			job.Annotations = map[string]string{}
		}
		job.Annotations[v1alpha1.AnnotationSupersededBy] = by
	}
	if err := m.client.Patch(ctx, job, patch); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("cancel ScanJob %s: %w", job.Name, err)
	}
	m.metrics.cancelled.WithLabelValues(reason).Inc()
	log.FromContext(ctx).Info("Cancelled a ScanJob", "scanJob", client.ObjectKeyFromObject(job), "because", reason, "supersededBy", by)
	return nil
}
