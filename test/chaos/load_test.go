package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/devstack"
)

// fate is what somebody does to a job while it is on its way.
type fate string

const (
	fateNone    fate = ""
	fateCancel  fate = "cancel"
	fateSuspend fate = "suspend" // and resume
	fateDelete  fate = "delete"
	fateForce   fate = "delete by force" // the finalizer taken off, while no manager runs
	fateTouch   fate = "touch"           // an annotation: the controller's next write meets a conflict
)

// load is the jobs of a run: half of them pull requests, half created by hand.
type load struct {
	world *world
	// pulls are the pull requests, byHand the jobs, of which deleted are not to be there at the end.
	pulls   []pull
	byHand  []string
	deleted map[string]bool
	// fates are on their way.
	fates sync.WaitGroup
	// waves are the sets of jobs that come at once.
	waves [][]func(context.Context) error
}

type pull struct{ repository, id string }

// repository has a trigger of its own, whose jobs run in an environment.
type repository struct{ name, environment string }

func repositories() []repository { return []repository{{"payments", steady}, {"infra", spot}} }

// newLoad prepares so many jobs.
func newLoad(ctx context.Context, w *world, count int) (*load, error) {
	l := &load{world: w, deleted: map[string]bool{}}
	var group errgroup.Group
	openers := make([]func() error, len(repositories()))
	for i, repository := range repositories() {
		group.Go(func() (err error) {
			openers[i], err = l.prepare(ctx, repository.name, repository.environment)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	random := w.random("load")
	var wave []func(context.Context) error
	for i := range count {
		if random.IntN(2) == 0 {
			open := openers[random.IntN(len(openers))]
			wave = append(wave, func(context.Context) error { return open() })
		} else {
			wave = append(wave, l.hand(random, i))
		}
		if random.IntN(20) == 0 || i == count-1 {
			l.waves = append(l.waves, wave)
			wave = nil
		}
	}
	return l, nil
}

// prepare makes a repository with a trigger, and returns what opens a pull request in it.
func (l *load) prepare(ctx context.Context, name, environment string) (func() error, error) {
	repository, err := l.world.stack.CreateRepository(ctx, name)
	if err != nil {
		return nil, err
	}
	for _, arguments := range [][]string{
		{"commit", "--quiet", "--allow-empty", "-m", "Begin"}, {"commit", "--quiet", "--allow-empty", "-m", "Change"},
		{"push", "--quiet", "origin", "HEAD~1:refs/heads/main", "HEAD:refs/heads/change"},
	} {
		if _, err := repository.Git(ctx, arguments...); err != nil {
			return nil, err
		}
	}
	trigger := l.world.stack.Trigger(l.world.ns, name, environment)
	trigger.Spec.Repositories = []string{name}
	trigger.Spec.SweepIntervalSeconds = ptr.To[int32](86400) // when it is asked to
	trigger.Spec.SuccessfulJobsHistoryLimit, trigger.Spec.FailedJobsHistoryLimit = ptr.To[int32](10_000), ptr.To[int32](10_000)
	trigger.Spec.Template.Spec.ActiveDeadlineSeconds = ptr.To[int64](activeDeadline)
	if err := l.world.kube.Create(ctx, trigger); err != nil {
		return nil, err
	}
	open, err := l.world.aws.PullRequestOpener(devstack.Developer, name, "change", "main")
	return func() error {
		id, err := open()
		l.pulls = append(l.pulls, pull{name, id})
		return err
	}, err
}

// activeDeadline is the jobs' deadline in seconds, which none must need.
const activeDeadline = 600

// hand creates a job as people do, and does to it what people do.
func (l *load) hand(random *rand.Rand, i int) func(context.Context) error {
	w := l.world
	name := fmt.Sprintf("%s%03d", handPrefix, i)
	environment := []string{steady, steady, spot, spot, narrow}[random.IntN(5)]
	job := &scanv1.ScanJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: name},
		Spec: scanv1.ScanJobSpec{
			EnvironmentName: environment,
			Source: scanv1.ScanSource{
				CodeCommit: &scanv1.CodeCommitSource{Repository: fmt.Sprintf("team-%d", random.IntN(4))}, Revision: strings.Repeat("6f1c", 10),
			},
			ScanJobOptions: scanv1.ScanJobOptions{
				Priority:                   int32(random.IntN(3) * 10),
				BackoffLimit:               ptr.To(int32(random.IntN(3))),
				InfrastructureBackoffLimit: ptr.To(int32(2 + random.IntN(5))),
				ActiveDeadlineSeconds:      ptr.To[int64](activeDeadline),
			},
		},
	}
	what := []fate{fateCancel, fateSuspend, fateDelete, fateTouch, fateTouch, fateTouch}[random.IntN(6)]
	if random.IntN(3) > 0 {
		what = fateNone
	}
	if planOf(w.seed, name).exits[0] == hangs {
		what = []fate{fateCancel, fateDelete, fateForce, fateForce}[random.IntN(4)] // nothing else ends it in time
	}
	after := time.Duration(random.IntN(800)) * time.Millisecond
	l.byHand = append(l.byHand, name)
	l.deleted[name] = what == fateDelete || what == fateForce
	return func(ctx context.Context) error {
		if err := w.kube.Create(ctx, job); err != nil {
			return err
		}
		l.fates.Go(func() {
			if err := l.meet(ctx, name, what, after); client.IgnoreNotFound(err) != nil {
				w.violated("the test could not %s %s: %v", what, name, err)
			}
		})
		return nil
	}
}

// meet has a job meet its fate.
func (l *load) meet(ctx context.Context, name string, what fate, after time.Duration) error {
	if what == fateNone {
		return nil
	}
	time.Sleep(after)
	switch what {
	case fateCancel:
		return l.patch(ctx, name, `{"spec":{"cancel":true}}`)
	case fateSuspend:
		if err := l.patch(ctx, name, `{"spec":{"suspend":true}}`); err != nil {
			return err
		}
		time.Sleep(after)
		return l.patch(ctx, name, `{"spec":{"suspend":false,"priority":20}}`)
	case fateDelete:
		return l.world.kube.Delete(ctx, l.job(name))
	case fateForce:
		return l.force(ctx, name)
	}
	for i := range 5 {
		if err := l.patch(ctx, name, fmt.Sprintf(`{"metadata":{"annotations":{"touched":"%d"}}}`, i)); err != nil {
			return err
		}
		time.Sleep(after / 5)
	}
	return nil
}

// force deletes a job that has a task with its finalizer taken off while no manager runs: only a sweep can find the task.
func (l *load) force(ctx context.Context, name string) error {
	job := l.job(name)
	for begun := time.Now(); time.Since(begun) < patience; pause(ctx, 50*time.Millisecond) {
		if err := l.world.kube.Get(ctx, client.ObjectKeyFromObject(job), job); err != nil {
			return err
		}
		if attempt := openAttempt(job); attempt != nil && attempt.TaskARN != "" || isFinished(job) {
			break
		}
	}
	l.world.note("delete " + name + " by force")
	return l.world.herd.without(func() error {
		l.world.forced.Store(job.UID, time.Now())
		if err := l.world.kube.Delete(ctx, l.job(name)); err != nil {
			return err
		}
		return client.IgnoreNotFound(l.patch(ctx, name, `{"metadata":{"finalizers":null}}`))
	})
}

func (l *load) job(name string) *scanv1.ScanJob {
	return &scanv1.ScanJob{ObjectMeta: metav1.ObjectMeta{Namespace: l.world.ns, Name: name}}
}

func (l *load) patch(ctx context.Context, name, merge string) error {
	return l.world.kube.Patch(ctx, l.job(name), client.RawPatch(types.MergePatchType, []byte(merge)))
}

// submit creates the jobs, wave by wave.
func (l *load) submit(ctx context.Context) error {
	random := l.world.random("waves")
	for _, wave := range l.waves {
		for _, create := range wave {
			if err := create(ctx); err != nil {
				return err
			}
		}
		time.Sleep(time.Duration(random.IntN(200)) * time.Millisecond)
	}
	return nil
}
