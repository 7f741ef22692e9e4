package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/devstack"
)

// pullsPerRepository is CodeCommit's limit on open pull requests.
const pullsPerRepository = 1000

// opener opens pull requests in as many repositories as it takes.
type opener struct {
	open []func() (string, error)
	// sent says when the event of a pull request was sent, by its number.
	sent map[string]time.Time
}

// opener makes a trigger, and repositories for so many pull requests.
func (w *world) opener(ctx context.Context, count int) (*opener, error) {
	trigger := w.stack.Trigger(namespace, "main", "default")
	if err := w.kube.Create(ctx, trigger); err != nil {
		return nil, err
	}
	o := &opener{sent: map[string]time.Time{}}
	for i := range (count + pullsPerRepository - 1) / pullsPerRepository {
		repository, err := w.stack.CreateRepository(ctx, fmt.Sprintf("payments-%d", i))
		if err != nil {
			return nil, err
		}
		for _, branch := range []string{"main", "change"} {
			if _, err := repository.Commit(ctx, branch, "Change", map[string]string{branch: "text\n"}); err != nil {
				return nil, err
			}
		}
		open, err := w.stack.AWS.PullRequestOpener(devstack.Developer, repository.Name, "change", "main")
		if err != nil {
			return nil, err
		}
		o.open = append(o.open, open)
	}
	return o, w.until(ctx, "the trigger is Ready", func() (bool, error) {
		err := w.kube.Get(ctx, client.ObjectKeyFromObject(trigger), trigger)
		return err == nil && meta.IsStatusConditionTrue(trigger.Status.Conditions, scanv1.ConditionReady), err
	})
}

// next opens a pull request.
func (o *opener) next() error {
	now := time.Now()
	id, err := o.open[len(o.sent)/pullsPerRepository]()
	o.sent[id] = now
	return err
}

// burst is 1,000 pull requests at once under AWS's documented quotas.
func burst(ctx context.Context, o options) (figures map[string]float64, err error) {
	w, err := newWorld(ctx, o, time.Second, 10000)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	quotas := awslocal.DefaultQuotas()
	quotas.OnDemandVCPU, quotas.SpotVCPU = 0, 0 // the rates are measured
	w.stack.AWS.Faults().EnforceQuotas(quotas)
	count := o.scaled(1000)
	pulls, err := w.opener(ctx, count)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	for range count {
		if err := pulls.next(); err != nil {
			return nil, err
		}
	}
	sent := time.Since(began)
	if err := w.until(ctx, "all tasks are started", func() (bool, error) { return w.stack.AWS.TaskCount() >= count, nil }); err != nil {
		return nil, err
	}
	var first, last time.Time
	throttles := 0
	for _, call := range w.stack.AWS.Calls() {
		if call.Service == "ecs" && call.Operation == "RunTask" {
			if first.IsZero() {
				first = call.Time
			}
			last = call.Time
		}
		if call.Err == "ThrottlingException" {
			throttles++
			fmt.Fprintf(os.Stderr, "%s was throttled %s after the begin\n", call.Operation, call.Time.Sub(began).Round(time.Millisecond))
		}
	}
	least := float64(count-quotas.RunTask.Burst) / quotas.RunTask.PerSecond
	figures = map[string]float64{"throttles": float64(throttles), "secondsToFirst": first.Sub(began).Seconds(), "secondsToSend": sent.Seconds()}
	if least > 0 {
		figures["overLowerBound"] = last.Sub(began).Seconds() / least
	}
	return figures, nil
}

// latency is 200 pull requests a second for a minute.
func latency(ctx context.Context, o options) (map[string]float64, error) {
	return o.latencyAt(ctx, 200, 60)
}

// pace is a rate that two cores bear, with the control plane and the load beside the operator: what it takes by itself.
func pace(ctx context.Context, o options) (map[string]float64, error) {
	return o.latencyAt(ctx, 20, 30)
}

// latencyAt opens so many pull requests a second without quotas. The tasks outlast it: their ends are not measured.
func (o options) latencyAt(ctx context.Context, perSecond, seconds int) (figures map[string]float64, err error) {
	w, err := newWorld(ctx, o, time.Hour, 10000, noQuotas()...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	count := o.scaled(perSecond * seconds)
	pulls, err := w.opener(ctx, count)
	if err != nil {
		return nil, err
	}
	profiled := w.profiled(ctx)
	meter, err := w.meter()
	if err != nil {
		return nil, err
	}
	// Each is sent when it is due, also when the ones before were late.
	for i := range count {
		time.Sleep(time.Until(meter.began.Add(time.Duration(i) * time.Second / time.Duration(perSecond))))
		if err := pulls.next(); err != nil {
			return nil, err
		}
	}
	sent := time.Since(meter.began)
	if err := w.until(ctx, "all tasks are started", func() (bool, error) { return w.stack.AWS.TaskCount() >= count, nil }); err != nil {
		return nil, err
	}
	if err := profiled(); err != nil {
		return nil, err
	}
	var took []time.Duration
	for _, task := range w.stack.AWS.Tasks() {
		took = append(took, task.CreatedAt.Sub(pulls.sent[task.Environment["SCAN_PULL_REQUEST_ID"]]))
	}
	slices.Sort(took)
	figures = map[string]float64{
		"p50Millis":       float64(took[len(took)/2].Milliseconds()),
		"p99Millis":       float64(took[len(took)*99/100].Milliseconds()),
		"eventsPerSecond": float64(count) / sent.Seconds(),
	}
	return figures, meter.perJob(figures, count)
}
