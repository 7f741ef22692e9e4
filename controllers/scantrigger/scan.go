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
	inboxevents "github.com/scanjob-dev/scanjob/internal/events"
	"github.com/scanjob-dev/scanjob/internal/jobs"
	"github.com/scanjob-dev/scanjob/internal/triggers"
)

// scan makes sure that the trigger's job for a change exists, then lets it take the place of older ones. Each step can be
// repeated, so a crash between them does no harm.
func (h *Handler) scan(ctx context.Context, trigger *v1alpha1.ScanTrigger, c triggers.Change) error {
	created, err := h.ensureJob(ctx, trigger, c)
	if err != nil {
		return err
	}
	if !created || c.PullRequestID == "" || !ptr.Deref(trigger.Spec.Supersede, true) {
		return nil
	}
	return h.supersede(ctx, trigger, c)
}

// ensureJob creates the job or finds it. exists is false where the trigger or its namespace is on its way out, and there
// is nothing left to do.
func (h *Handler) ensureJob(ctx context.Context, trigger *v1alpha1.ScanTrigger, c triggers.Change) (exists bool, err error) {
	// Whoever cancels the job that was found does it between reading and writing, and what was read counts no more.
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		exists, err = h.createOrFind(ctx, trigger, c)
		return err
	})
	return exists, err
}

func (h *Handler) createOrFind(ctx context.Context, trigger *v1alpha1.ScanTrigger, c triggers.Change) (exists bool, err error) {
	for _, again := range triggers.Scans(c) {
		name, err := triggers.JobName(trigger.Name, c, again)
		if err != nil {
			return false, err
		}
		existing, err := h.create(ctx, trigger, c, name)
		if err != nil || existing == nil {
			return h.judgeCreation(ctx, trigger, err)
		}
		if !triggers.Rescan(existing, c) {
			return true, h.moveForward(ctx, existing, c)
		}
	}
	return true, nil
}

// moveForward makes a job stand for a later event about its commit: a branch that was set back to the commit has it as
// its head since then, and events from before must not cancel the job. It fails with a conflict where somebody else wrote
// the job meanwhile.
func (h *Handler) moveForward(ctx context.Context, job *v1alpha1.ScanJob, c triggers.Change) error {
	if !c.Happened.After(triggers.EventTime(job)) {
		return nil
	}
	before := job.DeepCopy()
	triggers.Annotate(job, c)
	if err := h.client.Patch(ctx, job, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return fmt.Errorf("write the later event on ScanJob %s: %w", job.Name, err)
	}
	return nil
}

func (h *Handler) judgeCreation(ctx context.Context, trigger *v1alpha1.ScanTrigger, err error) (exists bool, _ error) {
	if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		log.FromContext(ctx).Info("Dropped an event for a namespace that is being deleted", "trigger", client.ObjectKeyFromObject(trigger))
		return false, nil
	}
	return err == nil, err
}

// errNameTaken tells of a job of the wanted name that is another trigger's.
var errNameTaken = errors.New("a ScanJob of that name belongs to somebody else")

// create creates the trigger's job of a name, or returns the one that is there.
func (h *Handler) create(ctx context.Context, trigger *v1alpha1.ScanTrigger, c triggers.Change, name string) (existing *v1alpha1.ScanJob, err error) {
	job := triggers.NewJob(trigger, c, name)
	err = h.client.Create(ctx, job)
	if err == nil {
		h.metrics.created.Inc()
		log.FromContext(ctx).Info("Created a ScanJob", "scanJob", client.ObjectKeyFromObject(job), "trigger", client.ObjectKeyFromObject(trigger),
			"repository", c.Repository, "pullRequest", c.PullRequestID, "revision", c.Commit)
		return nil, nil
	}
	if !apierrors.IsAlreadyExists(err) {
		return nil, fmt.Errorf("create ScanJob %s: %w", name, err)
	}
	existing = &v1alpha1.ScanJob{}
	if err := h.live.Get(ctx, client.ObjectKeyFromObject(job), existing); err != nil {
		return nil, fmt.Errorf("read ScanJob %s, which exists: %w", name, err)
	}
	if !metav1.IsControlledBy(existing, trigger) {
		// A trigger that was deleted and made anew finds its predecessor's jobs, until they are collected.
		return nil, fmt.Errorf("%w: %s; it is tried again, or delete that job", errNameTaken, name)
	}
	return existing, nil
}

// supersede cancels the unfinished jobs of older revisions. Where the change itself is the older one, that is its own job.
func (h *Handler) supersede(ctx context.Context, trigger *v1alpha1.ScanTrigger, c triggers.Change) error {
	// A job that was moved forward after it was listed is not older any more: the conflict has all of them listed again.
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		list, err := h.jobsOfPullRequest(ctx, trigger, c.Repository, c.PullRequestID)
		if err != nil {
			return err
		}
		newest, older := triggers.Superseded(list)
		for _, job := range older {
			if err := h.cancel(ctx, job, newest.Name); err != nil {
				return err
			}
		}
		return nil
	})
}

// close cancels the unfinished jobs of a pull request that is closed or merged, whatever their triggers want now.
func (h *Handler) close(ctx context.Context, queueURL string, e inboxevents.PullRequest) error {
	listening, err := h.listening(ctx, queueURL, e.Account, e.Region)
	if err != nil {
		return err
	}
	cancelled := false
	var errs []error
	for i := range listening {
		list, err := h.jobsOfPullRequest(ctx, &listening[i], e.Repository, e.ID)
		errs = append(errs, err)
		for j := range list {
			if !jobs.Finished(&list[j]) && !list[j].Spec.Cancel {
				cancelled = true
				errs = append(errs, h.cancel(ctx, &list[j], ""))
			}
		}
	}
	err = errors.Join(errs...)
	if err == nil {
		h.metrics.event("PullRequest"+string(e.EventKind), cancelled)
	}
	return err
}

func (h *Handler) jobsOfPullRequest(ctx context.Context, trigger *v1alpha1.ScanTrigger, repository, pullRequestID string) ([]v1alpha1.ScanJob, error) {
	var list v1alpha1.ScanJobList
	err := h.live.List(ctx, &list, client.InNamespace(trigger.Namespace),
		client.MatchingLabels(triggers.Labels(trigger.Name, repository, pullRequestID)))
	if err != nil {
		return nil, fmt.Errorf("list the ScanJobs of pull request %s of %s: %w", pullRequestID, repository, err)
	}
	return triggers.JobsOfPullRequest(list.Items, trigger, repository, pullRequestID), nil
}

// cancel asks for a job's end. by names the job that takes its place, empty where none does; it fails with a conflict where
// the job is not as it was read, because then another may have to give way.
func (h *Handler) cancel(ctx context.Context, job *v1alpha1.ScanJob, by string) error {
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
	if err := h.client.Patch(ctx, job, patch); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("cancel ScanJob %s: %w", job.Name, err)
	}
	h.metrics.cancelled.WithLabelValues(reason).Inc()
	log.FromContext(ctx).Info("Cancelled a ScanJob", "scanJob", client.ObjectKeyFromObject(job), "because", reason, "supersededBy", by)
	return nil
}
