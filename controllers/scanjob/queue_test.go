package scanjob

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sony/gobreaker/v2"
	"k8s.io/apimachinery/pkg/types"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

func of(repository string) func(*scanv1.ScanJob) {
	return func(job *scanv1.ScanJob) { job.Spec.Source.CodeCommit.Repository = repository }
}

// play lets a queue be served to its end, with limit slots each of which is free again after one round, and returns the
// jobs in the order of their starts.
func play(jobs []scanv1.ScanJob, limit int32, arrive map[int][]scanv1.ScanJob) []string {
	var order []string
	now, verdicts := plenty(limit), map[types.UID]verdict{}
	for round := 0; len(jobs) > 0 || len(arrive) > 0; round++ {
		jobs = append(jobs, arrive[round]...)
		delete(arrive, round)
		decided := decide(candidates(jobs), verdicts, now)
		var started []verdict
		jobs = slices.DeleteFunc(jobs, func(job scanv1.ScanJob) bool {
			word := decided.verdicts[job.UID]
			if word.admitted {
				started = append(started, word)
				order = append(order, job.Name)
			}
			return word.admitted
		})
		verdicts = decided.verdicts
		now.now = now.now.Add(time.Second)
	}
	return order
}

func TestRepositoriesTakeTurns(t *testing.T) {
	var many []scanv1.ScanJob
	for i := range 500 {
		many = append(many, named(fmt.Sprintf("big-%03d", i), of("big"), createdAt(time.Duration(i)*time.Millisecond)))
	}
	var few []scanv1.ScanJob
	for i := range 20 {
		few = append(few, named(fmt.Sprintf("small-%02d", i), of(fmt.Sprintf("small-%02d", i)), createdAt(time.Hour)))
	}
	order := play(many, 20, map[int][]scanv1.ScanJob{1: few})
	last := 0
	for i, name := range order {
		if strings.HasPrefix(name, "small-") {
			last = i + 1
		}
	}
	if last > 41 || len(order) != 520 {
		t.Errorf("the last of 20 repositories with a job each starts as number %d of %d, want 41 at the latest", last, len(order))
	}
}

// A repository that always has one job waiting is not a new one each time.
func TestARepositoryThatComesBackWaitsForItsTurn(t *testing.T) {
	var many []scanv1.ScanJob
	arrive := map[int][]scanv1.ScanJob{}
	for i := range 10 {
		many = append(many, named(fmt.Sprintf("patient-%d", i), of("patient"), createdAt(0)))
		arrive[i] = []scanv1.ScanJob{named(fmt.Sprintf("busy-%d", i), of("busy"), createdAt(time.Hour))}
	}
	order := play(many, 1, arrive)
	if patient := strings.Count(strings.Join(order[:10], " "), "patient"); patient < 5 {
		t.Errorf("of the first ten starts the repository that waits gets %d: %v", patient, order)
	}
}

func TestTheOrderOfTheQueue(t *testing.T) {
	for _, row := range []struct {
		name   string
		jobs   []scanv1.ScanJob
		served map[string]int64
		want   string
	}{
		{name: "one of each repository, the older repository's first", want: "a1 b1 a2 a3",
			jobs: []scanv1.ScanJob{named("a1", of("a")), named("a2", of("a"), createdAt(1)), named("a3", of("a"), createdAt(2)), named("b1", of("b"), createdAt(3))}},
		{name: "the repository first that was served longest ago", want: "b1 a1 b2 a2", served: map[string]int64{"a": 2, "b": 1},
			jobs: []scanv1.ScanJob{named("a1", of("a")), named("a2", of("a"), createdAt(1)), named("b1", of("b"), createdAt(2)), named("b2", of("b"), createdAt(3))}},
		{name: "priority before turns", want: "a2 b1 a1", served: map[string]int64{"a": 2},
			jobs: []scanv1.ScanJob{named("a1", of("a")), named("a2", of("a"), priority(1)), named("b1", of("b"))}},
	} {
		t.Run(row.name, func(t *testing.T) {
			waiting := candidates(row.jobs)
			inOrder(waiting, row.served)
			var got []string
			for _, c := range waiting {
				got = append(got, c.key.Name)
			}
			if strings.Join(got, " ") != row.want {
				t.Errorf("the order is %v, want %s", got, row.want)
			}
		})
	}
}

func TestWhatKeepsAJobWaiting(t *testing.T) {
	starting := scanv1.Attempt{RecordedAt: *at(0)}
	stopping := scanv1.Attempt{RecordedAt: *at(0), StopRequestedFor: scanv1.ClassCancelled}
	soughtFor := scanv1.Attempt{RecordedAt: *at(0), UnlistedSince: at(0)}
	spent := func(job *scanv1.ScanJob) {
		zero := int32(0)
		job.Spec.InfrastructureBackoffLimit = &zero
		withAttempts(missedCapacity())(job)
	}
	for _, row := range []struct {
		name   string
		change func(*situation)
		jobs   []scanv1.ScanJob
		// want is the verdict on job a: admitted, the reason for waiting, or admitted to FARGATE.
		want string
	}{
		{name: "nothing", want: "admitted"},
		{name: "AWS's rate", change: func(s *situation) { s.strategy.tasks = 0 }, want: scanv1.ReasonRateLimited},
		{name: "an open circuit", change: func(s *situation) { s.strategy.state = gobreaker.StateOpen }, want: scanv1.ReasonCapacityUnavailable},
		{name: "a full environment before all", change: func(s *situation) { s.limit, s.strategy.state, s.strategy.tasks = 0, gobreaker.StateOpen, 0 }, want: scanv1.ReasonConcurrencyLimit},
		{name: "not a half-open circuit, for one job", change: func(s *situation) { s.strategy.state = gobreaker.StateHalfOpen }, want: "admitted"},
		{name: "a half-open circuit, while another job tries", change: func(s *situation) { s.strategy.state = gobreaker.StateHalfOpen }, want: scanv1.ReasonCapacityUnavailable,
			jobs: []scanv1.ScanJob{named("b", withAttempts(starting))}},
		{name: "not a half-open circuit, where the other job's task has started", change: func(s *situation) { s.strategy.state = gobreaker.StateHalfOpen }, want: "admitted",
			jobs: []scanv1.ScanJob{named("b", withAttempts(running()))}},
		{name: "not the circuit of Spot, once the environment has had no capacity more often than the job's limit", want: "FARGATE",
			change: func(s *situation) {
				s.fallback, s.strategy = true, capacity{tasks: 9, state: gobreaker.StateOpen, misses: 7}
			}},
		{name: "the circuit of Spot until then", want: scanv1.ReasonCapacityUnavailable,
			change: func(s *situation) {
				s.fallback, s.strategy = true, capacity{tasks: 9, state: gobreaker.StateOpen, misses: 6}
			}},
		{name: "the circuit of Spot, where no fallback is wanted", want: scanv1.ReasonCapacityUnavailable,
			change: func(s *situation) { s.strategy = capacity{tasks: 9, state: gobreaker.StateOpen, misses: 7} }},
		{name: "not a half-open circuit of Spot, however often there was no capacity: one job finds out", want: "admitted",
			change: func(s *situation) {
				s.fallback, s.strategy = true, capacity{tasks: 9, state: gobreaker.StateHalfOpen, misses: 700}
			}},
		{name: "nor while another job finds out", want: "FARGATE", jobs: []scanv1.ScanJob{named("b", withAttempts(starting))},
			change: func(s *situation) {
				s.fallback, s.strategy = true, capacity{tasks: 9, state: gobreaker.StateHalfOpen, misses: 700}
			}},
		{name: "nor the rate of Spot, which is no reason to wait for one that finds out", want: "FARGATE",
			change: func(s *situation) {
				s.fallback, s.strategy = true, capacity{state: gobreaker.StateHalfOpen, misses: 700}
			}},
		{name: "not a half-open circuit, where the other job's task is not wanted any more", want: "admitted",
			change: func(s *situation) { s.strategy.state = gobreaker.StateHalfOpen }, jobs: []scanv1.ScanJob{named("b", withAttempts(stopping))}},
		{name: "not a half-open circuit, where the other job's task is only looked for", want: "admitted",
			change: func(s *situation) { s.strategy.state = gobreaker.StateHalfOpen }, jobs: []scanv1.ScanJob{named("b", withAttempts(soughtFor))}},
		{name: "the bound of a circuit that has just closed", want: scanv1.ReasonCapacityUnavailable,
			change: func(s *situation) { s.strategy.bound = 2 }, jobs: []scanv1.ScanJob{named("b", withAttempts(starting)), named("c", withAttempts(starting))}},
		{name: "not below it", want: "admitted",
			change: func(s *situation) { s.strategy.bound = 2 }, jobs: []scanv1.ScanJob{named("b", withAttempts(starting)), named("c", withAttempts(running()))}},
		{name: "the slot of a task that is only looked for", want: scanv1.ReasonConcurrencyLimit,
			change: func(s *situation) { s.limit = 1 }, jobs: []scanv1.ScanJob{named("b", withAttempts(soughtFor))}},
		{name: "the rate of FARGATE, where it falls back", want: scanv1.ReasonRateLimited,
			change: func(s *situation) {
				s.fallback, s.strategy, s.onDemand.tasks = true, capacity{tasks: 9, state: gobreaker.StateOpen, misses: 7}, 0
			}},
	} {
		t.Run(row.name, func(t *testing.T) {
			now := plenty(10)
			if row.change != nil {
				row.change(&now)
			}
			word := decide(candidates(append([]scanv1.ScanJob{named("a")}, row.jobs...)), nil, now).verdicts["a"]
			got := word.place.reason
			switch {
			case word.admitted && word.onDemand != "":
				got = "FARGATE"
			case word.admitted:
				got = "admitted"
			}
			if got != row.want {
				t.Errorf("the verdict is %s, want %s", got, row.want)
			}
		})
	}
	t.Run("a job that has used up its own attempts falls back while others do not", func(t *testing.T) {
		now := plenty(10)
		now.fallback = true
		verdicts := decide(candidates([]scanv1.ScanJob{named("a", spent), named("b")}), nil, now).verdicts
		if verdicts["a"].onDemand == "" || verdicts["b"].onDemand != "" {
			t.Errorf("%+v", verdicts)
		}
	})
}

func TestNoMoreJobsStartThanTheRateAllows(t *testing.T) {
	now := plenty(10)
	now.strategy.tasks = 2
	decided := decide(candidates([]scanv1.ScanJob{named("a"), named("b"), named("c")}), nil, now)
	if decided.strategy != 2 || decided.waiting != 1 || decided.inUse != 2 {
		t.Errorf("%+v", decided)
	}
}

// Each word to a waiting job is a write.
func TestWhenAJobIsToldOfItsWaiting(t *testing.T) {
	limited, throttled := scanv1.ReasonConcurrencyLimit, scanv1.ReasonRateLimited
	for _, row := range []struct {
		name   string
		now    place
		told   place
		waited time.Duration
		silent time.Duration
		want   place
	}{
		{"not at once", place{limited, 7}, place{}, 900 * time.Millisecond, 900 * time.Millisecond, place{}},
		{"after a second", place{limited, 7}, place{}, time.Second, time.Second, place{limited, 7}},
		{"not of each step", place{limited, 6}, place{limited, 7}, time.Hour, time.Hour, place{limited, 7}},
		{"of half the way", place{limited, 3}, place{limited, 7}, time.Hour, time.Minute, place{limited, 3}},
		{"not of it within a minute", place{limited, 3}, place{limited, 7}, time.Hour, 59 * time.Second, place{limited, 7}},
		{"of others that were put in front", place{limited, 20}, place{limited, 7}, time.Hour, time.Minute, place{limited, 20}},
		{"of another reason", place{throttled, 7}, place{limited, 7}, time.Hour, 15 * time.Second, place{throttled, 7}},
		{"not of reasons that come and go", place{throttled, 7}, place{limited, 7}, time.Hour, 14 * time.Second, place{limited, 7}},
	} {
		t.Run(row.name, func(t *testing.T) {
			word := verdict{attempt: 1, place: row.now}
			word.tell(&candidate{attempt: 1}, verdict{attempt: 1, since: noon().Add(-row.waited), told: row.told, toldAt: noon().Add(-row.silent)}, noon())
			if word.told != row.want {
				t.Errorf("the job is told %+v, want %+v", word.told, row.want)
			}
		})
	}
}

func TestANewManagerReadsWhatAJobWasTold(t *testing.T) {
	want := place{reason: scanv1.ReasonRateLimited, position: 1234}
	job := newJob()
	waits(job, want.reason, want.message("default"))
	if got := candidateOf(job).told; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	waits(job, scanv1.ReasonEnvironmentNotReady, want.message("default"))
	if got := candidateOf(job).told; got != (place{}) {
		t.Errorf("got %+v of a job that waited for its environment", got)
	}
}

func TestSubnetsThatWereFullAreLeftOut(t *testing.T) {
	full := func(reason string) func(*scanv1.ScanJob) {
		attempt := spoiledBy(scanv1.ClassInfrastructure)
		attempt.Reason = reason
		return withAttempts(attempt)
	}
	const text = "Unexpected EC2 error while attempting to Create Network Interface in subnet '%s': InsufficientFreeAddressesInSubnet"
	all := []string{"subnet-a", "subnet-b", "subnet-c"}
	for _, row := range []struct {
		name string
		job  *scanv1.ScanJob
		want []string
	}{
		{"none at first", newJob(), nil},
		{"the one that ECS names", newJob(full(fmt.Sprintf(text, "subnet-b"))), []string{"subnet-a", "subnet-c"}},
		{"two of them", newJob(full(fmt.Sprintf(text, "subnet-b")), full(fmt.Sprintf(text, "subnet-a"))), []string{"subnet-c"}},
		{"none where all are full", newJob(full(fmt.Sprintf(text, "subnet-a subnet-b subnet-c"))), nil},
		{"the first where ECS names none", newJob(full("InsufficientFreeAddresses")), []string{"subnet-b", "subnet-c"}},
		{"the second the next time", newJob(full("InsufficientFreeAddresses"), full("InsufficientFreeAddresses")), []string{"subnet-c"}},
		{"none for another reason", newJob(full("subnet-a: Timeout waiting for network interface provisioning to complete.")), nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := subnetsOf(row.job, all); !slices.Equal(got, row.want) {
				t.Errorf("got %v, want %v", got, row.want)
			}
		})
	}
}
