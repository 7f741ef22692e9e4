package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"k8s.io/utils/ptr"

	"github.com/scanjob-dev/scanjob/api/contract"
	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/jobs"
)

const (
	// seedVariable repeats a run of the storm.
	seedVariable = "E2E_SEED"

	stormPullRequests = 300
	stormEvents       = 1000
	stormRounds       = 6
	stormSlots        = 5
	// The scans of this repository run until they are stopped. So many are under way from the beginning to the end.
	strayRepository = "infra-strays"
	strays          = 2
	// Each branch has so many commits to go to, forward and back.
	stormCommits = 6
)

// storm is 300 pull requests in three repositories that are opened, pushed to, set back and closed, and what becomes of the
// 1,000 events of that.
type storm struct {
	*world
	random *rand.Rand
	forges []*forge
	pulls  []*stormPull
	// emitted counts the events of pull requests, delivered those that the queue got; naive counts the delivered ones that a
	// design of one task an event would have started a task for.
	emitted, delivered, naive int
	// waiting are the events that are on their way, in the order in which they will arrive.
	waiting []awslocal.Event
	// stray closes the pull requests whose scans are under way all the time.
	stray func()
}

type stormPull struct {
	id     string
	forge  *forge
	branch int
	closed bool
	// became counts how often a commit became the head.
	became map[string]int
}

func (p *stormPull) head() string { return p.forge.head(p.branch) }

func newStorm(w *world, seed uint64) *storm {
	w.t.Helper()
	s := &storm{world: w, random: rand.New(rand.NewPCG(seed, 0))}
	for _, name := range []string{"payments", "infra-dns", "infra-web"} {
		s.forges = append(s.forges, w.newForge(name, stormPullRequests/3, stormCommits))
	}
	return s
}

// open opens so many pull requests.
func (s *storm) open(count int) {
	s.t.Helper()
	for range count {
		number := len(s.pulls)
		p := &stormPull{forge: s.forges[number%len(s.forges)], branch: number / len(s.forges), became: map[string]int{}}
		s.pulls = append(s.pulls, p)
	}
	opened := s.pulls[len(s.pulls)-count:]
	s.pushAll(opened, func(*stormPull) int { return 0 })
	for _, p := range opened {
		id, err := p.forge.repo.OpenPullRequest(s.t.Context(), p.forge.branch(p.branch), "A change")
		if err != nil {
			s.t.Fatal(err)
		}
		p.id = id
		s.emitted++
	}
}

// push moves so many open pull requests to another of their commits, which may be one that they were at before.
func (s *storm) push(count int) {
	s.t.Helper()
	open := s.openPulls()
	s.random.Shuffle(len(open), func(i, j int) { open[i], open[j] = open[j], open[i] })
	open = open[:min(count, len(open))]
	s.pushAll(open, func(p *stormPull) int {
		return (p.forge.at[p.branch] + 1 + s.random.IntN(stormCommits-1)) % stormCommits
	})
	s.emitted += len(open)
}

func (s *storm) pushAll(pulls []*stormPull, to func(*stormPull) int) {
	s.t.Helper()
	for _, f := range s.forges {
		moves := map[int]int{}
		for _, p := range pulls {
			if p.forge == f {
				moves[p.branch] = to(p)
			}
		}
		f.push(moves)
	}
	for _, p := range pulls {
		p.became[p.head()]++
	}
}

// runUntilStoppedIn is a container that ends at once, but for the scans of one repository.
func runUntilStoppedIn(repository string) awslocal.Runner {
	return awslocal.RunnerFunc(func(ctx context.Context, c awslocal.Container) int {
		if c.Environment[contract.EnvRepository] != repository {
			return 0
		}
		<-ctx.Done()
		return 143
	})
}

// sendOut has the scans of a few pull requests run, which end only when they are told to.
func (s *storm) sendOut() {
	s.t.Helper()
	repo, first := s.openPullRequest(strayRepository, "stray-0", map[string]string{"0.txt": "x"})
	ids := []string{first}
	for i := range strays - 1 {
		branch := fmt.Sprint("stray-", i+1)
		if _, err := repo.Commit(s.t.Context(), branch, "Change", map[string]string{branch: "x"}); err != nil {
			s.t.Fatal(err)
		}
		id, err := repo.OpenPullRequest(s.t.Context(), branch, "Another change")
		if err != nil {
			s.t.Fatal(err)
		}
		ids = append(ids, id)
	}
	poll(s.t, func() bool { return s.runningTasks() == strays }, func() string { return fmt.Sprintf("%d tasks run, want %d", s.runningTasks(), strays) })
	s.stray = func() {
		for _, id := range ids {
			if err := repo.ClosePullRequest(s.t.Context(), id); err != nil {
				s.t.Fatal(err)
			}
		}
	}
}

func (s *storm) runningTasks() int {
	running := 0
	for _, task := range s.aws.Tasks() {
		if task.LastStatus == "RUNNING" {
			running++
		}
	}
	return running
}

// close closes so many open pull requests.
func (s *storm) close(count int) {
	s.t.Helper()
	open := s.openPulls()
	for _, i := range s.random.Perm(len(open))[:count] {
		if err := open[i].forge.repo.ClosePullRequest(s.t.Context(), open[i].id); err != nil {
			s.t.Fatal(err)
		}
		open[i].closed = true
		s.emitted++
	}
}

func (s *storm) openPulls() []*stormPull {
	return slices.DeleteFunc(slices.Clone(s.pulls), func(p *stormPull) bool { return p.closed })
}

// release lets a part of the events arrive that are on their way: a tenth never does, a fifth comes twice, and all are in
// an order of their own, also across rounds. Events of tasks are let through as they are.
func (s *storm) release(share float64) {
	s.t.Helper()
	s.aws.Faults().ReleaseEvents(func(held []awslocal.Event) []awslocal.Event {
		var through []awslocal.Event
		for _, event := range held {
			if !isPullRequestEvent(event) {
				through = append(through, event)
				continue
			}
			copies := 1
			switch dice := s.random.Float64(); {
			case dice < 0.1:
				copies = 0
			case dice < 0.3:
				copies = 2
			}
			for range copies {
				s.waiting = append(s.waiting, event)
			}
		}
		s.random.Shuffle(len(s.waiting), func(i, j int) { s.waiting[i], s.waiting[j] = s.waiting[j], s.waiting[i] })
		arrive := int(share * float64(len(s.waiting)))
		for _, event := range s.waiting[:arrive] {
			s.delivered++
			if !s.ends(event) {
				s.naive++
			}
		}
		through = append(through, s.waiting[:arrive]...)
		s.waiting = slices.Clone(s.waiting[arrive:])
		return through
	})
}

func isPullRequestEvent(event awslocal.Event) bool {
	return event.DetailType == "CodeCommit Pull Request State Change"
}

// ends says whether an event is of a pull request that is closed.
func (s *storm) ends(event awslocal.Event) bool {
	s.t.Helper()
	text, err := json.Marshal(event.Detail)
	if err != nil {
		s.t.Fatal(err)
	}
	var detail struct {
		Status string `json:"pullRequestStatus"`
	}
	if err := json.Unmarshal(text, &detail); err != nil {
		s.t.Fatal(err)
	}
	return detail.Status == "Closed"
}

// handled waits until the inbox is empty.
func (s *storm) handled() {
	s.t.Helper()
	depth := awslocal.QueueDepth{}
	pollWhileItMoves(s.t, func() bool {
		var err error
		if depth, err = s.aws.Queue(awslocal.DefaultNames().Queue); err != nil {
			s.t.Fatal(err)
		}
		return depth.Total() == 0
	}, func() string {
		return fmt.Sprintf("the inbox is not empty: %+v, with %d jobs and %d tasks", depth, len(s.allJobs()), len(s.aws.Tasks()))
	})
}

// unscanned counts the heads of open pull requests that have no job that was or is to be carried out.
func (s *storm) unscanned() int {
	s.t.Helper()
	covered := map[string]bool{}
	for _, job := range s.allJobs() {
		if !job.Spec.Cancel || jobs.Complete(&job) {
			covered[job.Spec.Source.CodeCommit.PullRequestID+job.Spec.Source.Revision] = true
		}
	}
	missed := 0
	for _, p := range s.openPulls() {
		if !covered[p.id+p.head()] {
			missed++
		}
	}
	return missed
}

// wantNoneForClosed looks for scans of closed pull requests that go on. It returns how many a sweep has told to stop.
func (s *storm) wantNoneForClosed() (told int) {
	s.t.Helper()
	open := map[string]bool{}
	for _, p := range s.openPulls() {
		open[p.id] = true
	}
	for _, job := range s.allJobs() {
		source := job.Spec.Source.CodeCommit
		switch {
		case open[source.PullRequestID]:
		case !jobs.Finished(&job) && !job.Spec.Cancel:
			s.t.Errorf("%s of the closed pull request %s goes on", job.Name, source.PullRequestID)
		case source.Repository == strayRepository && job.Spec.Cancel:
			told++
		}
	}
	return told
}

// peak is how many tasks there were at once.
func (s *storm) peak() int {
	type edge struct {
		at   time.Time
		step int
	}
	var edges []edge
	for _, task := range s.aws.Tasks() {
		edges = append(edges, edge{task.CreatedAt, 1}, edge{task.StoppedAt, -1})
	}
	slices.SortFunc(edges, func(a, b edge) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return a.step - b.step
	})
	now, most := 0, 0
	for _, e := range edges {
		now += e.step
		most = max(most, now)
	}
	return most
}

// The promise of triggers: whatever becomes of the events, every open head is scanned exactly once, nothing runs for a pull
// request that is closed, and the limit of tasks holds.
func TestEveryOpenHeadIsScannedOnceWhateverBecomesOfTheEvents(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	if given := os.Getenv(seedVariable); given != "" {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("repeat this run with %s=%d", seedVariable, seed)
	w := newWorld(t, func(e *scanv1.ScanEnvironment) { e.Spec.Capacity.MaxConcurrentTasks = stormSlots })
	w.aws.RunContainersWith(runUntilStoppedIn(strayRepository))
	s := newStorm(w, seed)
	m := w.manage(managerOptions{})
	trigger := w.listening(func(trigger *scanv1.ScanTrigger) {
		trigger.Spec.DebounceSeconds = ptr.To[int32](1)
		trigger.Spec.SweepIntervalSeconds = ptr.To[int32](86400)
		// What is to be counted at the end must be there at the end.
		trigger.Spec.SuccessfulJobsHistoryLimit, trigger.Spec.FailedJobsHistoryLimit = ptr.To[int32](10_000), ptr.To[int32](10_000)
	})
	w.awaitTrigger(trigger, "swept at first", func(status scanv1.ScanTriggerStatus) bool { return status.LastSweepTime != nil })

	s.sendOut()
	begin := time.Now()
	const perRound, closes = stormPullRequests / stormRounds, 100 / stormRounds
	for round := range stormRounds {
		s.aws.Faults().HoldEvents()
		s.open(perRound)
		left := stormEvents*(round+1)/stormRounds - s.emitted - closes
		for range 2 {
			s.push(left / 2)
		}
		s.close(closes)
		var denied *awslocal.Fault
		switch round {
		case 2:
			// The times of the events have to do.
			denied = s.aws.Faults().Deny("*", "codecommit:GetPullRequest")
		case 3:
			m.stop()
		}
		s.release(0.6)
		switch round {
		case 2:
			s.handled()
			denied.Clear()
		case 3:
			m = w.manage(managerOptions{})
		}
	}
	s.aws.Faults().HoldEvents()
	s.release(1)
	s.handled()
	// The events of these are lost, and only a sweep can end their scans.
	s.aws.Faults().HoldEvents()
	s.stray()
	s.aws.Faults().ReleaseEvents(func(held []awslocal.Event) []awslocal.Event { return slices.DeleteFunc(held, isPullRequestEvent) })
	if running := s.runningTasks(); running < strays {
		t.Fatalf("%d tasks run before the sweep, want %d at least", running, strays)
	}
	missedBefore := s.unscanned()
	swept := w.sweep(trigger)
	missedAfter := s.unscanned()
	if told := s.wantNoneForClosed(); told != strays || int(swept.Closed) < strays {
		t.Errorf("the sweep told %d scans of closed pull requests to stop, want %d; it says that it ended those of %d", told, strays, swept.Closed)
	}
	all := w.allSettled(len(s.openPulls()))
	t.Logf("%d events of %d pull requests, %d delivered; %d open heads, missed before the sweep %d, after it %d; %d jobs, %d tasks at most %d at once, where one task an event would have made %d; in %.0f s",
		s.emitted, len(s.pulls), s.delivered, len(s.openPulls()), missedBefore, missedAfter, len(all), len(w.aws.Tasks()), s.peak(), s.naive, time.Since(begin).Seconds())

	if swept.Message != "" || len(swept.Problems) > 0 || int(swept.Missed) != missedBefore || missedAfter != 0 {
		t.Errorf("the sweep found %+v; %d heads were missed before it, %d after it", swept, missedBefore, missedAfter)
	}
	s.wantScannedOnce(all)
	if peak := s.peak(); peak > stormSlots {
		t.Errorf("%d tasks at once, where %d are allowed", peak, stormSlots)
	}
	if tasks := len(w.aws.Tasks()); tasks >= s.naive {
		t.Errorf("%d tasks, no fewer than the %d of one task an event", tasks, s.naive)
	}
}

// wantScannedOnce looks at the jobs when all is over. A scan can be done in the moment in which it is told to stop, because the
// branch went on; where the branch is set back in that moment, its head is scanned again, and that is no second scan of
// one that was wanted.
func (s *storm) wantScannedOnce(all []scanv1.ScanJob) {
	s.t.Helper()
	wanted, unwanted := map[string]int{}, map[string]int{}
	for i := range all {
		job := &all[i]
		head := job.Spec.Source.CodeCommit.PullRequestID + " " + job.Spec.Source.Revision
		switch {
		case jobs.Complete(job) && job.Spec.Cancel:
			unwanted[head]++
		case jobs.Complete(job):
			wanted[head]++
		case !job.Spec.Cancel:
			s.t.Errorf("%s failed for another reason than that it was not needed: %+v", job.Name, job.Status.Conditions)
		}
	}
	again, twice := 0, 0
	for head, count := range wanted {
		if count > 1 {
			twice++
			s.t.Errorf("%s was scanned %d times", head, count)
		}
		if unwanted[head] > 0 {
			again++
		}
	}
	for _, p := range s.pulls {
		for commit, times := range p.became {
			if head := p.id + " " + commit; wanted[head]+unwanted[head] > times {
				s.t.Errorf("%s was scanned %d times, and %d times told to stop too late; it was the head %d times", head, wanted[head], unwanted[head], times)
			}
		}
		head := p.id + " " + p.head()
		if !p.closed && wanted[head]+unwanted[head] == 0 {
			s.t.Errorf("the head of the open pull request %s was not scanned", p.id)
		}
	}
	for _, task := range s.aws.Tasks() {
		if task.StoppedAt.IsZero() {
			s.t.Errorf("task %s still runs", task.ARN)
		}
	}
	s.t.Logf("%d heads were scanned; %d scans were done while they were being stopped, %d of them of heads that were scanned again; %d heads were scanned twice",
		len(wanted), len(unwanted), again, twice)
}
