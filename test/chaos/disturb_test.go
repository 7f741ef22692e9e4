package chaos

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// disturbance is one kind of trouble.
type disturbance struct {
	name string
	// weight is how often it strikes, in relation to the others.
	weight int
	strike func(ctx context.Context, w *world, random *rand.Rand)
}

// outages are those that keep the managers from working, faults those that they have to work with.
func outages() []disturbance { return slices.Concat(managerTroubles(), clusterTroubles()) }

func faults() []disturbance { return slices.Concat(callTroubles(), taskTroubles(), eventTroubles()) }

// changes are what people do to the environments.
func changes() []disturbance {
	return []disturbance{{"change a limit", 1, func(ctx context.Context, w *world, random *rand.Rand) { w.changeLimit(ctx, random) }}}
}

func managerTroubles() []disturbance {
	return []disturbance{
		{"kill a manager", 3, func(_ context.Context, w *world, random *rand.Rand) { w.herd.kill(w.herd.any(random)) }},
		{"kill all managers", 2, func(_ context.Context, w *world, _ *rand.Rand) { w.herd.kill(w.herd.all()...) }},
		{"retire a manager", 1, func(_ context.Context, w *world, random *rand.Rand) { w.herd.retire(w.herd.any(random)) }},
		{"pause a manager beyond its lease", 1, func(ctx context.Context, w *world, random *rand.Rand) {
			w.herd.pause(ctx, w.herd.any(random), leaseDuration+time.Duration(500+random.IntN(1000))*time.Millisecond)
		}},
		{"kill all managers before RunTask is carried out", 1, func(_ context.Context, w *world, _ *rand.Rand) {
			w.aws.Faults().Before("ecs", "RunTask", 1, func(awslocal.Call) { w.herd.kill(w.herd.all()...) })
		}},
		{"kill all managers before RunTask is answered", 2, func(_ context.Context, w *world, _ *rand.Rand) {
			w.aws.Faults().After("ecs", "RunTask", 1, func(awslocal.Call) { w.herd.kill(w.herd.all()...) })
		}},
		{"kill all managers before StopTask is answered", 1, func(_ context.Context, w *world, _ *rand.Rand) {
			w.aws.Faults().After("ecs", "StopTask", 1, func(awslocal.Call) { w.herd.kill(w.herd.all()...) })
		}},
		{"kill all managers before messages are deleted", 1, func(_ context.Context, w *world, _ *rand.Rand) {
			w.aws.Faults().Before("sqs", "DeleteMessageBatch", 1, func(awslocal.Call) { w.herd.kill(w.herd.all()...) })
		}},
	}
}

func callTroubles() []disturbance {
	operation := func(random *rand.Rand) (service, name string) {
		calls := [][2]string{
			{"ecs", "RunTask"}, {"ecs", "RunTask"}, {"ecs", "RunTask"}, {"ecs", "DescribeTasks"}, {"ecs", "ListTasks"}, {"ecs", "StopTask"},
			{"sqs", "ReceiveMessage"}, {"sqs", "DeleteMessageBatch"}, {"codecommit", "GetPullRequest"},
		}
		call := calls[random.IntN(len(calls))]
		return call[0], call[1]
	}
	return []disturbance{
		{"throttle calls", 6, func(_ context.Context, w *world, random *rand.Rand) {
			service, name := operation(random)
			w.aws.Faults().Fail(service, name, 1+random.IntN(5), awslocal.Throttled())
		}},
		{"fail calls", 4, func(_ context.Context, w *world, random *rand.Rand) {
			service, name := operation(random)
			w.aws.Faults().Fail(service, name, 1+random.IntN(4), awslocal.ServerFault())
		}},
		{"lose answers", 6, func(_ context.Context, w *world, random *rand.Rand) {
			service, name := operation(random)
			w.aws.Faults().LoseAnswer(service, name, 1+random.IntN(4))
		}},
		{"delay calls", 3, func(_ context.Context, w *world, random *rand.Rand) {
			service, name := operation(random)
			w.aws.Faults().Delay(service, name, 1+random.IntN(3), time.Duration(random.IntN(400))*time.Millisecond)
		}},
	}
}

func taskTroubles() []disturbance {
	return []disturbance{
		{"have no capacity", 4, func(_ context.Context, w *world, random *rand.Rand) {
			provider := []string{"FARGATE_SPOT", "FARGATE_SPOT", awslocal.Any}[random.IntN(3)]
			w.aws.Faults().NoCapacity(provider, 1+random.IntN(4))
		}},
		{"reach the vCPU quota", 1, func(_ context.Context, w *world, random *rand.Rand) {
			w.aws.Faults().FailRunTask(awslocal.Any, 1+random.IntN(3), awslocal.ReasonVCPULimit)
		}},
		{"fail starts", 3, func(_ context.Context, w *world, random *rand.Rand) {
			failures := []awslocal.StartFailure{awslocal.NetworkTimeout(), awslocal.SubnetFull(), awslocal.ImagePullTimeout()}
			w.aws.Faults().FailStart(1+random.IntN(2), failures[random.IntN(len(failures))])
		}},
		{"reclaim Spot", 4, func(_ context.Context, w *world, random *rand.Rand) {
			w.withLiveTask(random, func(task awslocal.Task) bool { return task.CapacityProvider == "FARGATE_SPOT" }, w.aws.Faults().ReclaimSpot)
		}},
		{"run out of memory", 1, func(_ context.Context, w *world, random *rand.Rand) {
			w.withLiveTask(random, func(task awslocal.Task) bool { return task.LastStatus == "RUNNING" }, w.aws.Faults().OutOfMemory)
		}},
		{"hide new tasks", 2, func(_ context.Context, w *world, random *rand.Rand) {
			w.aws.Faults().Missing(1 + random.IntN(3))
			w.aws.Faults().Unlisted(1 + random.IntN(2))
		}},
	}
}

func eventTroubles() []disturbance {
	return []disturbance{
		{"lose events of tasks", 2, func(_ context.Context, w *world, random *rand.Rand) {
			w.aws.Faults().DropEvents("aws.ecs", 1+random.IntN(10))
		}},
		{"lose events of pull requests", 2, func(_ context.Context, w *world, random *rand.Rand) {
			w.aws.Faults().DropEvents("aws.codecommit", 1+random.IntN(3))
		}},
		{"repeat events", 1, func(_ context.Context, w *world, random *rand.Rand) { w.aws.Faults().DuplicateEvents(random.IntN(3)) }},
		{"repeat messages", 1, func(_ context.Context, w *world, random *rand.Rand) { w.aws.Faults().RepeatMessages(random.IntN(2)) }},
		{"reorder events", 4, func(ctx context.Context, w *world, random *rand.Rand) {
			w.aws.Faults().HoldEvents()
			pause(ctx, time.Duration(100+random.IntN(500))*time.Millisecond)
			// How many there are is not the seed's choice, and must not change the next ones.
			order := rand.New(rand.NewPCG(random.Uint64(), 0))
			w.aws.Faults().ReleaseEvents(func(events []awslocal.Event) []awslocal.Event {
				order.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
				return events
			})
		}},
	}
}

func clusterTroubles() []disturbance {
	return []disturbance{
		{"cut the API server's connections", 1, func(_ context.Context, w *world, _ *rand.Rand) { w.proxy.cut(false) }},
		{"cut the API server off", 1, func(ctx context.Context, w *world, random *rand.Rand) {
			w.proxy.cut(true)
			pause(ctx, time.Duration(random.IntN(400))*time.Millisecond)
			w.proxy.cut(false)
		}},
		{"slow the API server down", 1, func(ctx context.Context, w *world, random *rand.Rand) {
			w.proxy.slow(time.Duration(random.IntN(60)) * time.Millisecond)
			pause(ctx, time.Duration(random.IntN(600))*time.Millisecond)
			w.proxy.slow(0)
		}},
	}
}

// disturb lets trouble strike at random until ctx ends, and then ends all of it. It counts what struck.
func (w *world) disturb(ctx context.Context) map[string]int {
	var all sync.WaitGroup
	var hard, soft, people map[string]int
	// A manager takes a second or two to start and to get the Lease. Where it is never given that, nothing is tested.
	all.Go(func() { hard = w.strike(ctx, "outages", outages(), 500*time.Millisecond, 3*time.Second) })
	all.Go(func() { soft = w.strike(ctx, "faults", faults(), 20*time.Millisecond, 250*time.Millisecond) })
	all.Go(func() { people = w.strike(ctx, "changes", changes(), 300*time.Millisecond, 2*time.Second) })
	all.Wait()
	w.aws.Faults().Clear()
	maps.Copy(hard, soft)
	maps.Copy(hard, people)
	return hard
}

// strike lets one of the disturbances strike after the other, with pauses between least and most.
func (w *world) strike(ctx context.Context, name string, all []disturbance, least, most time.Duration) map[string]int {
	random, struck, sum := w.random(name), map[string]int{}, 0
	for _, d := range all {
		sum += d.weight
	}
	for {
		pause(ctx, least+time.Duration(random.Int64N(int64(most-least))))
		if ctx.Err() != nil {
			return struck
		}
		dice := random.IntN(sum)
		for _, d := range all {
			if dice -= d.weight; dice < 0 {
				w.note(d.name)
				d.strike(ctx, w, random)
				struck[d.name]++
				break
			}
		}
	}
}

// withLiveTask does something to one of the tasks that are wanted and have not stopped, if there is one.
func (w *world) withLiveTask(random *rand.Rand, wanted func(awslocal.Task) bool, do func(arn string) error) {
	dice := random.Int()
	live := slices.DeleteFunc(w.aws.Tasks(), func(task awslocal.Task) bool { return !task.StoppedAt.IsZero() || !wanted(task) })
	if len(live) > 0 {
		// It may have stopped by now.
		_ = do(live[dice%len(live)].ARN)
	}
}

// pause waits, at most until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
