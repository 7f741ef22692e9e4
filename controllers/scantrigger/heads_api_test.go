package scantrigger

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/events"
)

// longAgo has everything until now be long before the last sweep, also to whoever handles events.
func (w *world) longAgo(trigger *v1alpha1.ScanTrigger) {
	w.t.Helper()
	w.reload(trigger)
	before := trigger.DeepCopy()
	later := metav1.NewTime(time.Now().Add(time.Hour).Truncate(time.Second))
	trigger.Status.LastSweepTime = &later
	if err := w.client.Status().Patch(w.t.Context(), trigger, client.MergeFrom(before)); err != nil {
		w.t.Fatal(err)
	}
	w.eventually("the cache knows of the sweep", func() string {
		cached := &v1alpha1.ScanTrigger{}
		if err := w.cached.Get(w.t.Context(), client.ObjectKeyFromObject(trigger), cached); err != nil {
			return err.Error()
		}
		if !cached.Status.LastSweepTime.Equal(&later) {
			return "the last sweep was " + cached.Status.LastSweepTime.String()
		}
		return ""
	})
}

// cacheHas waits until the cache has the jobs as they are.
func (w *world) cacheHas() {
	w.t.Helper()
	w.eventually("the cache has the jobs", func() string {
		var list v1alpha1.ScanJobList
		if err := w.cached.List(w.t.Context(), &list, client.InNamespace(w.namespace)); err != nil {
			return err.Error()
		}
		live := w.jobs()
		if len(list.Items) != len(live) {
			return fmt.Sprintf("%d jobs, want %d", len(list.Items), len(live))
		}
		for _, job := range list.Items {
			if job.ResourceVersion != live[job.Name].ResourceVersion {
				return job.Name + " is old"
			}
		}
		return ""
	})
}

// An event can tell of more than a sweep sees: of a commit that is no head any more, and of who pushed.
func TestLateEventIsScannedWhereNoSweepCouldDecideAboutIt(t *testing.T) {
	t.Run("every revision is asked for", func(t *testing.T) {
		w := newHostedWorld(t)
		w.environment(account)
		o := w.repository("payments")
		id, first := o.open("feature")
		late := o.event(events.PullRequestCreated, id)
		head := o.commit("feature", first, "more.txt")
		trigger := w.trigger("main", func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.Supersede = ptr.To(false) })
		w.firstSweep(trigger)
		w.wantRunning("after the sweep", head)
		w.longAgo(trigger)
		w.handle(late)
		w.wantRunning("after the late event", head, first)
	})
	t.Run("the expression asks who pushed, and the sweep may not know", func(t *testing.T) {
		w := newHostedWorld(t)
		w.environment(account)
		o := w.repository("payments")
		trigger := w.trigger("main", func(trigger *v1alpha1.ScanTrigger) {
			trigger.Spec.Expression = `event.actor.endsWith("user/developer")`
		})
		w.firstSweep(trigger)
		id, first := o.open("feature")
		head := o.commit("feature", first, "more.txt")
		late := o.event(events.PullRequestUpdated, id)
		late.CallerARN = "arn:aws:iam::111122223333:user/developer"
		w.aws.Faults().Deny("*", "codecommit:DescribePullRequestEvents")
		w.askSweep(trigger)
		w.wantRunning("after the sweep")
		w.longAgo(trigger)
		w.handle(late)
		w.wantRunning("after the late event", head)
	})
}

func TestHeadThatABranchWasSetBackToIsScannedOnceThoughItsJobIsPruned(t *testing.T) {
	w := newHostedWorld(t)
	w.environment(account)
	o := w.repository("payments")
	trigger := w.trigger("main", func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.SuccessfulJobsHistoryLimit = ptr.To[int32](0) })
	w.firstSweep(trigger)
	id, first := o.open("feature")
	created := o.event(events.PullRequestCreated, id)
	created.Time = created.Time.Add(-20 * time.Second)
	w.handle(created)
	o.commit("feature", first, "more.txt")
	updated := o.event(events.PullRequestUpdated, id)
	updated.Time = created.Time.Add(10 * time.Second)
	w.handle(updated)
	w.deleteBranch(o.name, "feature")
	w.makeBranch(o.name, "feature", first)
	back := o.event(events.PullRequestUpdated, id)
	back.Time = created.Time.Add(20 * time.Second)
	w.handle(back)
	w.wantRunning("after the branch was set back", first)
	names := len(w.jobs())
	for _, job := range w.jobs() {
		condition := v1alpha1.ConditionComplete
		if job.Spec.Cancel {
			condition = v1alpha1.ConditionFailed
		}
		w.finish(&job, condition)
	}
	w.longAgo(trigger)
	// Another job that is beyond the limit goes; that of the head shows that it was scanned, and stays.
	_, other := o.open("other")
	w.askSweep(trigger)
	w.end(other, v1alpha1.ConditionComplete)
	w.longAgo(trigger)
	w.eventually("the other job is pruned", func() string {
		for name, job := range w.jobs() {
			if job.Spec.Source.Revision == other {
				return name + " is there"
			}
		}
		return ""
	})
	if status := w.askSweep(trigger); status.Sweep.Missed != 0 || len(w.jobs()) != names {
		t.Errorf("%d jobs, want %d; status %+v", len(w.jobs()), names, status.Sweep)
	}
}

func TestHeadIsScannedThoughAllNamesOfItsScansAreTaken(t *testing.T) {
	w := newHostedWorld(t)
	w.environment(account)
	o := w.repository("payments")
	trigger := w.trigger("main")
	w.firstSweep(trigger)
	id, first := o.open("feature")
	base := time.Now().Add(-30 * time.Second)
	event := func(after time.Duration) events.PullRequest {
		e := o.event(events.PullRequestUpdated, id)
		e.Time, e.EventID = base.Add(after), fmt.Sprint("event-", after)
		return e
	}
	w.handle(event(0))
	o.commit("feature", first, "more.txt")
	second := event(10 * time.Second)
	w.handle(second)
	w.deleteBranch(o.name, "feature")
	w.makeBranch(o.name, "feature", first)
	w.handle(event(20 * time.Second))
	w.wantRunning("after the branch was set back", first)
	// By a clock that is fast, the push before comes last.
	second.Time, second.EventID = time.Now().Add(5*time.Second), "event-fast"
	w.handle(second)
	w.cacheHas()
	for range 2 {
		w.askSweep(trigger)
		w.wantRunning("after a sweep", first)
	}
	if status := w.askSweep(trigger); status.Sweep.Missed != 0 {
		t.Errorf("status %+v", status.Sweep)
	}
}

func TestSweepSeesJobsThatAreMadeWhileItGoesOn(t *testing.T) {
	w := newHostedWorld(t)
	environment := w.environment(account)
	o := w.repository("payments")
	trigger := w.trigger("main", noSweep)
	id, first := o.open("feature")
	created := o.event(events.PullRequestCreated, id)
	created.Time = time.Now().Add(5 * time.Second)
	run := newSweep(w.maker, w.maker.clients.For(scopeOf(environment)).InBackground(), Listener{Trigger: trigger, Environment: environment}, demand{}, time.Now(), nil)
	w.handle(created)
	head := o.commit("feature", first, "more.txt")
	w.cacheHas()
	if err := run.everything(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.wantRunning("after the sweep", head)
}

func TestSweepCancelsNoHead(t *testing.T) {
	w := newHostedWorld(t)
	w.environment(account)
	o := w.repository("payments")
	trigger := w.trigger("main", func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.Supersede = ptr.To(false) })
	w.firstSweep(trigger)
	id, first := o.open("feature")
	created := o.event(events.PullRequestCreated, id)
	head := o.commit("feature", first, "more.txt")
	updated := o.event(events.PullRequestUpdated, id)
	created.Time = updated.Time.Add(time.Second)
	w.handle(created)
	w.handle(updated)
	w.edit(trigger, func(spec *v1alpha1.ScanTriggerSpec) { spec.Supersede = ptr.To(true) })
	w.cacheHas()
	w.askSweep(trigger)
	w.wantRunning("after a sweep", head)
}

func TestClosedPullRequestIsEndedBesideOneWhoseJobIsRefused(t *testing.T) {
	w := newHostedWorld(t)
	w.environment(account)
	o := w.repository("payments")
	closed, head := o.open("feature")
	trigger := w.trigger("main")
	w.firstSweep(trigger)
	w.wantRunning("at first", head)
	o.close(closed)
	o.open("refused")
	w.refuse("scanjob.dev/trigger", "main")
	status := w.askSweep(trigger)
	w.wantRunning("after the sweep")
	if status.Sweep.Closed != 1 || len(status.Sweep.Problems) != 1 {
		t.Errorf("status %+v", status.Sweep)
	}
}

func TestTriggerOfPushesNeedsNoListOfRepositories(t *testing.T) {
	w := newHostedWorld(t)
	w.environment(account)
	w.repository("payments")
	w.aws.Faults().Deny("*", "codecommit:ListRepositories")
	trigger := w.trigger("pushes", func(trigger *v1alpha1.ScanTrigger) {
		trigger.Spec.Events, trigger.Spec.Repositories = []v1alpha1.TriggerEvent{v1alpha1.EventPush}, []string{"payments"}
	})
	if status := w.firstSweep(trigger); status.Sweep.Message != "" || status.Sweep.Retries != 0 {
		t.Errorf("status %+v", status.Sweep)
	}
}

func TestRepositoryThatCameAfterTheSweepIsLookedAtFromItsBeginning(t *testing.T) {
	w := newHostedWorld(t)
	w.environment(account)
	trigger := w.trigger("main", func(trigger *v1alpha1.ScanTrigger) { trigger.Spec.Repositories = []string{"payments"} })
	w.firstSweep(trigger)
	// As if another repository, with a pull request in it, got the name.
	o := w.repository("payments")
	_, head := o.open("feature")
	w.longAgo(trigger)
	w.askSweep(trigger)
	w.wantRunning("after the sweep", head)
}

func TestFailedSweepsForgetNothing(t *testing.T) {
	w := newHostedWorld(t)
	w.environment(account)
	secret := w.repository("a-secret")
	w.aws.Faults().DenyResource("*", "codecommit:ListPullRequests", "arn:aws:codecommit:us-east-1:111122223333:a-secret")
	trigger := w.trigger("main")
	w.firstSweep(trigger)
	_, hidden := secret.open("feature")
	w.longAgo(trigger)
	fault := w.aws.Faults().Fail("codecommit", "ListRepositories", awslocal.Forever, awslocal.Throttled())
	for retries := range int32(2) {
		w.reload(trigger)
		before := trigger.DeepCopy()
		metav1.SetMetaDataAnnotation(&trigger.ObjectMeta, v1alpha1.AnnotationSweep, fmt.Sprint("try-", retries))
		w.patch(trigger, before)
		w.eventually("wait for a sweep that fails", func() string {
			w.reload(trigger)
			if sweep := trigger.Status.Sweep; sweep.Retries != retries+1 || !strings.Contains(sweep.Message, "Throttling") || len(sweep.Problems) != 1 {
				return fmt.Sprintf("%+v", sweep)
			}
			return ""
		})
	}
	fault.Clear()
	w.aws.Faults().Clear()
	status := w.askSweep(trigger)
	w.wantRunning("after a sweep that gets through", hidden)
	if status.Sweep.Retries != 0 || len(status.Sweep.Problems) != 0 {
		t.Errorf("status %+v", status.Sweep)
	}
}

func TestSweepWithMoreProblemsThanCanBeRememberedDoesNotGetThrough(t *testing.T) {
	s := theSweep()
	for i := range problemsInStatus {
		s.problem(fmt.Sprint("repository-", i), v1alpha1.ReasonAccessDenied, "allow it")
	}
	if err := s.report(); err != nil || len(s.found.Problems) != problemsInStatus {
		t.Errorf("%d problems, error %v", len(s.found.Problems), err)
	}
	s.problem("one-more", v1alpha1.ReasonAccessDenied, "allow it")
	if err := s.report(); err == nil || !strings.Contains(err.Error(), "513 repositories") {
		t.Errorf("error = %v", err)
	}
}
