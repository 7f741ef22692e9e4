package scanschedule

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
)

const (
	// batch is how many targets one reconcile asks CodeCommit about: some five seconds at its rate, after which other
	// schedules have their turn and what was done is written down.
	batch = 25
	// silence is after how many unanswered questions in a row the rest of a batch is left for later.
	silence = 3
	// callTimeout bounds the questions about one target, retries and waiting for the rate included.
	callTimeout = 20 * time.Second
)

// start starts the scans of the targets whose moment has come.
func (r *Reconciler) start(ctx context.Context, s *scope) error {
	if s.schedule.Spec.Suspend || s.repositories == nil || s.table == nil {
		return nil
	}
	asked, unanswered := 0, 0
	for _, target := range s.due() {
		if asked == batch || unanswered == silence {
			s.wakeAt(s.now.Add(time.Duration(unanswered) * firstRetry))
			break
		}
		if !s.clear(target) {
			continue
		}
		asked++
		err := r.startOne(ctx, s, target)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var why *obstacle
		switch {
		case err == nil:
			unanswered = 0
		case !errors.As(err, &why):
			return err
		default:
			s.meet(target, why)
			if why.class == awsclient.ClassUnavailable {
				unanswered++
			} else {
				unanswered = 0
			}
		}
	}
	return nil
}

// due returns the targets that wait and whose time has come, those that waited longest first, and asks to be woken for the
// others.
func (s *scope) due() []*v1alpha1.ScheduleTarget {
	var due []*v1alpha1.ScheduleTarget
	targets := s.schedule.Status.Targets
	for i := range targets {
		target := &targets[i]
		if target.State != v1alpha1.TargetWaiting || target.ScheduleTime == nil {
			continue
		}
		if next := timeOf(target.NextAttemptTime); next != nil && s.now.Before(*next) {
			s.wakeAt(*next)
			continue
		}
		due = append(due, target)
	}
	slices.SortStableFunc(due, func(a, b *v1alpha1.ScheduleTarget) int {
		return timeOrZero(a.NextAttemptTime).Compare(timeOrZero(b.NextAttemptTime))
	})
	return due
}

// moment returns when a target's scan should have started.
func (s *scope) moment(target *v1alpha1.ScheduleTarget) time.Time {
	return s.table.moment(s.schedule.UID, target.Repository, target.ScheduleTime.Time, s.schedule.Spec.JitterSeconds)
}

// clear says whether nothing that is known without asking CodeCommit keeps a target's scan from starting.
func (s *scope) clear(target *v1alpha1.ScheduleTarget) bool {
	deadline := deadlineOf(&s.schedule.Spec, s.moment(target))
	if !deadline.IsZero() && s.now.After(deadline) {
		message := fmt.Sprintf("the scan of the run of %s did not start within startingDeadlineSeconds (%d)", stamp(target.ScheduleTime.Time),
			*s.schedule.Spec.StartingDeadlineSeconds)
		if target.Reason != "" {
			message += ": " + target.Reason + ": " + target.Message
		}
		s.settle(target, v1alpha1.TargetMissed, v1alpha1.ReasonStartingDeadlineExceeded, message)
		s.warn(target)
		return false
	}
	if !deadline.IsZero() {
		s.wakeAt(deadline.Add(time.Second))
	}
	if s.schedule.Spec.ConcurrencyPolicy != v1alpha1.ConcurrencyForbid {
		return true
	}
	running := s.unfinished(target)
	if len(running) == 0 {
		return true
	}
	// The end of the job wakes the schedule.
	postpone(target, timeOrZero(target.NextAttemptTime), v1alpha1.ReasonScanUnfinished, "ScanJob "+running[0].Name+" of an earlier run is unfinished")
	return false
}

func (s *scope) unfinished(target *v1alpha1.ScheduleTarget) []*v1alpha1.ScanJob {
	return unfinished(s.children, target, s.defaultBranch())
}

// startOne finds out what there is to scan, and sees to it that the ScanJob exists. Its error is an *obstacle where the
// target is to blame.
func (r *Reconciler) startOne(ctx context.Context, s *scope, target *v1alpha1.ScheduleTarget) error {
	head, err := s.head(ctx, target)
	if err != nil {
		return obstacleOf(err, s.region, target)
	}
	scanner, err := s.scanner()
	if err != nil {
		return err
	}
	base, unchanged := baseOf(&s.schedule.Spec, target.History, head, scanner)
	if unchanged {
		s.settle(target, v1alpha1.TargetUnchanged, "", fmt.Sprintf("the branch is still at %s, up to which everything was scanned", head))
		return nil
	}
	name, err := r.ensureJob(ctx, s, scan{run: target.ScheduleTime.Time, repository: target.Repository, branch: target.Branch, head: head, base: base})
	if err != nil {
		return err
	}
	if s.schedule.Spec.ConcurrencyPolicy == v1alpha1.ConcurrencyReplace {
		for _, job := range s.unfinished(target) {
			if err := r.replace(ctx, job, name); err != nil {
				return err
			}
		}
	}
	target.JobName = name
	s.settle(target, v1alpha1.TargetCreated, "", "")
	return nil
}

// head returns the commit that a target's branch stands at. Where that is the default branch, it asks for its name and
// notes that in the target.
func (s *scope) head(ctx context.Context, target *v1alpha1.ScheduleTarget) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if s.defaultBranch() {
		branch, err := s.repositories.DefaultBranch(ctx, target.Repository)
		if err != nil {
			return "", err
		}
		target.Branch = branch
	}
	return s.repositories.Head(ctx, target.Repository, target.Branch)
}

// scanner identifies what a job that is created now will be scanned with.
func (s *scope) scanner() (string, error) {
	resolved := s.environment.Status.Resolved
	if resolved == nil {
		return "", nil
	}
	return scannerID(resolved.TaskDefinitionARN, s.schedule.Spec.Template.Spec.Container)
}

// ensureJob creates the job of a scan, or finds it, and returns its name.
func (r *Reconciler) ensureJob(ctx context.Context, s *scope, wanted scan) (string, error) {
	name, err := jobName(s.schedule.Name, wanted)
	if err != nil {
		return "", err
	}
	job := newJob(s.schedule, wanted, name)
	err = r.client.Create(ctx, job)
	switch {
	case err == nil:
		s.created(job)
		log.FromContext(ctx).Info("Created a ScanJob", "scanJob", client.ObjectKeyFromObject(job), "repository", wanted.repository,
			"branch", wanted.branch, "revision", wanted.head, "baseRevision", wanted.base, "run", stamp(wanted.run))
		return name, nil
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return "", &obstacle{state: v1alpha1.TargetFailed, reason: v1alpha1.ReasonJobRejected, message: "the namespace is being deleted"}
	case apierrors.IsAlreadyExists(err):
		return name, r.adopt(ctx, s, job)
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		return "", &obstacle{state: v1alpha1.TargetFailed, reason: v1alpha1.ReasonJobRejected, message: "change spec.template, or what refuses the ScanJob: it " + refusal(err, name)}
	case apierrors.IsForbidden(err):
		// A quota, or an admission policy.
		return "", &obstacle{state: v1alpha1.TargetWaiting, reason: v1alpha1.ReasonJobNotCreated, message: "the ScanJob " + refusal(err, name)}
	}
	return "", fmt.Errorf("create ScanJob %s: %w", name, err)
}

// refusal is what the API server says of an object that it refuses, without the object's long name before it.
func refusal(err error, name string) string {
	if _, said, ok := strings.Cut(err.Error(), strconv.Quote(name)+" "); ok {
		return said
	}
	return "is refused: " + err.Error()
}

// adopt takes the job that is there for the wanted one, provided that it is the schedule's.
func (r *Reconciler) adopt(ctx context.Context, s *scope, wanted *v1alpha1.ScanJob) error {
	existing := &v1alpha1.ScanJob{}
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(wanted), existing); err != nil {
		return fmt.Errorf("read ScanJob %s, which exists: %w", wanted.Name, err)
	}
	if metav1.IsControlledBy(existing, s.schedule) {
		return nil
	}
	// A schedule that was deleted and made anew finds its predecessor's jobs, until they are collected.
	return &obstacle{
		state: v1alpha1.TargetWaiting, reason: v1alpha1.ReasonJobNotCreated,
		message: "there is a ScanJob " + wanted.Name + " that is not this schedule's; it is tried again, or delete that job",
	}
}

// replace cancels the job of an earlier run. by names the one that takes its place.
func (r *Reconciler) replace(ctx context.Context, job *v1alpha1.ScanJob, by string) error {
	if job.Spec.Cancel {
		return nil
	}
	changed := job.DeepCopy()
	changed.Spec.Cancel = true
	if changed.Annotations == nil {
		changed.Annotations = map[string]string{}
	}
	changed.Annotations[v1alpha1.AnnotationSupersededBy] = by
	if err := r.client.Patch(ctx, changed, client.MergeFrom(job)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("cancel ScanJob %s: %w", job.Name, err)
	}
	log.FromContext(ctx).Info("Cancelled a ScanJob", "scanJob", client.ObjectKeyFromObject(job), "supersededBy", by)
	return nil
}

// created takes a new job among the children, so that the status counts it before the cache has it.
func (s *scope) created(job *v1alpha1.ScanJob) {
	s.children = append(s.children, childrenOf([]v1alpha1.ScanJob{*job})...)
	s.tell(corev1.EventTypeNormal, "SuccessfulCreate", "CreateScanJob", "created ScanJob "+job.Name)
}
