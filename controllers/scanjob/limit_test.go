package scanjob

import (
	"fmt"
	"testing"

	ctrl "sigs.k8s.io/controller-runtime"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// The check of a changed environment takes a second, and for ever while AWS cannot be reached.
func TestAChangedLimitTakesEffectBeforeItsEnvironmentIsChecked(t *testing.T) {
	r := newRig(t, newJob())
	admission := r.reconciler.admission
	change := func(apply func(*scanv1.ScanEnvironment)) {
		t.Helper()
		environment := &scanv1.ScanEnvironment{}
		if err := r.kube.Get(t.Context(), r.environmentKey(), environment); err != nil {
			t.Fatal(err)
		}
		apply(environment)
		environment.Generation++
		if err := r.kube.Update(t.Context(), environment); err != nil {
			t.Fatal(err)
		}
	}
	admitted := func() int {
		t.Helper()
		r.clock.Step(longestPause)
		if _, err := admission.Reconcile(t.Context(), ctrl.Request{NamespacedName: r.environmentKey()}); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, word := range admission.queues()[r.environmentKey()].verdicts {
			if word.admitted {
				n++
			}
		}
		return n
	}
	environment := &scanv1.ScanEnvironment{}
	if err := r.kube.Get(t.Context(), r.environmentKey(), environment); err != nil {
		t.Fatal(err)
	}
	environment.Status.CheckedSpec = environment.CheckedSpec()
	if err := r.kube.Status().Update(t.Context(), environment); err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		job := named(fmt.Sprint(i))
		admission.jobs.put(&job)
	}
	change(func(e *scanv1.ScanEnvironment) { e.Spec.Capacity.MaxConcurrentTasks = 2 })
	if n := admitted(); n != 2 {
		t.Fatalf("with a lowered limit of 2, %d jobs are admitted", n)
	}
	change(func(e *scanv1.ScanEnvironment) { e.Spec.Capacity.MaxConcurrentTasks = 4 })
	if n := admitted(); n != 4 {
		t.Errorf("with a raised limit of 4, %d jobs are admitted", n)
	}
	change(func(e *scanv1.ScanEnvironment) { e.Spec.Capacity.MaxConcurrentTasks, e.Spec.Capacity.Drain = 1, true })
	if n := admitted(); n != 4 {
		t.Errorf("with a limit of 1, %d jobs are admitted, want those of before and no more", n)
	}
	change(func(e *scanv1.ScanEnvironment) { e.Spec.Capacity.MaxConcurrentTasks, e.Spec.ContainerName = 6, "other" })
	if n := admitted(); n != 4 {
		t.Errorf("with an environment that is to be checked, %d jobs are admitted", n)
	}
}
