package scanjob

import (
	"context"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// The admission loop takes all that is startable each time that it looks, and it looks often.
func TestARepetitionOfRunTaskComesBeforeNewAdmissions(t *testing.T) {
	r := newRig(t, newJob(admittedAt(0), withFinalizer, withAttempts(running(unanswered))))
	cluster := r.attempt().ClusterARN
	budget, launch := r.reconciler.tasks.Budget(accountOf(cluster), regionOf(cluster)), launchOf(newEnvironment())
	now := time.Now()
	tasks, _ := budget.Startable(launch, now)
	budget.Spend(launch, tasks+100, now) // seconds until there is a token, however slow this machine is
	_, wait := budget.Startable(launch, now)
	next := now.Add(wait + time.Millisecond)
	if tasks, _ := budget.Startable(launch, next); tasks != 1 {
		t.Fatalf("%d tasks can be started when the next token is there", tasks)
	}
	r.succeed()
	if calls := r.aws.CallCount("ecs", "RunTask"); calls != 0 {
		t.Fatalf("RunTask is called %d times without a token", calls)
	}
	if tasks, _ := budget.Startable(launch, next); tasks != 0 {
		t.Errorf("%d new tasks may take the token that the repetition waits for", tasks)
	}
}

func TestAJobThatMeetsConflictsWaitsForLongerEachTime(t *testing.T) {
	r := newRig(t, newJob())
	conflicts := 12 // two in each reconcile: the attempt's record, and the status
	r.reconciler.client = interceptor.NewClient(r.kube, interceptor.Funcs{
		SubResourcePatch: func(ctx context.Context, c client.Client, name string, object client.Object, patch client.Patch, options ...client.SubResourcePatchOption) error {
			if conflicts > 0 {
				conflicts--
				return apierrors.NewConflict(schema.GroupResource{Group: "scanjob.dev", Resource: "scanjobs"}, object.GetName(), nil)
			}
			return c.SubResource(name).Patch(ctx, object, patch, options...)
		},
	})
	r.admit()
	var last time.Duration
	for conflicts > 0 {
		again := r.succeed().RequeueAfter
		if again <= last {
			t.Fatalf("after %s the next repetition is in %s", last, again)
		}
		last = again
	}
	if last < time.Second {
		t.Errorf("the sixth repetition is in %s", last)
	}
	r.succeed()
	conflicts = 1
	r.change(cancelled)
	if again := r.succeed().RequeueAfter; again > 50*time.Millisecond {
		t.Errorf("after a write that succeeded the next repetition is in %s", again)
	}
}
