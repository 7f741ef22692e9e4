package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/controller-runtime/pkg/client"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// The variables of make chaos.
const (
	// seedVariable repeats the choices of one run.
	seedVariable = "CHAOS_SEED"
	// seedsVariable is how many runs there are, jobsVariable how many jobs each has.
	seedsVariable = "CHAOS_SEEDS"
	jobsVariable  = "CHAOS_JOBS"

	defaultSeeds = 10
	defaultJobs  = 60

	// runsAtOnce is more than there are cores: most of a run is waiting, for leases, retries and sweeps.
	runsAtOnce = 3

	// troublePerJob is about what a job takes while all goes wrong.
	troublePerJob = 60 * time.Millisecond
)

func TestInvariantsHoldWhateverGoesWrong(t *testing.T) {
	jobs := number(t, jobsVariable, defaultJobs)
	var seeds []uint64
	if os.Getenv(seedVariable) != "" {
		seeds = []uint64{number(t, seedVariable, 0)}
	} else {
		first := uint64(time.Now().UnixNano() / 1_000_000)
		for i := range number(t, seedsVariable, defaultSeeds) {
			seeds = append(seeds, first+i)
		}
	}
	var runs errgroup.Group
	runs.SetLimit(runsAtOnce)
	for _, seed := range seeds {
		runs.Go(func() error {
			t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
				t.Logf("repeat this run's choices with %s=%d %s=%d", seedVariable, seed, jobsVariable, jobs)
				newWorld(t, seed).run(int(jobs))
			})
			return nil
		})
	}
	if err := runs.Wait(); err != nil {
		t.Error(err)
	}
}

func number(t *testing.T, variable string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

// run is one run from its begin to its end.
func (w *world) run(count int) {
	t := w.t
	began := time.Now()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	jobs, err := newLoad(ctx, w, count)
	must(t, err)
	witness, err := newWitness(ctx, w)
	must(t, err)
	defer witness.watches.Wait()
	defer cancel()

	// Trouble lasts as long as there is work for it, but a run must come to its end.
	trouble, calm := context.WithTimeout(ctx, time.Duration(count)*troublePerJob)
	defer calm()
	var struck map[string]int
	var disturbing sync.WaitGroup
	disturbing.Go(func() { struck = w.disturb(trouble) })
	prepared := time.Since(began)
	must(t, jobs.submit(ctx))
	jobs.fates.Wait()
	w.until("most jobs are at their end", func() (bool, string) {
		there, settled := witness.sums()
		return settled*10 >= count*8 || trouble.Err() != nil, fmt.Sprintf("%d of %d jobs are at their end", settled, there)
	})
	calm()
	disturbing.Wait()
	troubled := time.Since(began) - prepared

	w.sweep()
	swept := time.Since(began) - prepared - troubled
	w.until("all is over", func() (bool, string) { return w.over(jobs, witness) })
	cancel()
	witness.watches.Wait()
	w.verify(jobs, witness)
	if os.Getenv("CHAOS_NOTES") != "" {
		t.Log(strings.Join(w.notes, "\n"))
	}
	t.Logf("%d jobs were deleted by force, and sweeps stopped %d tasks", len(w.forcedJobs()), w.orphansStopped())
	t.Logf("%d jobs, %d versions of them, %d tasks, %d managers; %.1f s to prepare, %.1f s with trouble, %.1f s to sweep and %.1f s to the end: %v",
		count, witness.versions, len(w.aws.Tasks()), len(w.herd.log()),
		prepared.Seconds(), troubled.Seconds(), swept.Seconds(), (time.Since(began) - prepared - troubled - swept).Seconds(), struck)
}

// over says whether nothing more will happen.
func (w *world) over(jobs *load, witness *witness) (bool, string) {
	there, settled := witness.sums()
	live := len(slices.DeleteFunc(w.aws.Tasks(), func(task awslocal.Task) bool { return !task.StoppedAt.IsZero() }))
	depth, err := w.aws.Queue(awslocal.DefaultNames().Queue)
	must(w.t, err)
	var unfinished []string
	for _, job := range witness.all() {
		if !isSettled(job) && witness.gone[job.UID] == nil && len(unfinished) < 3 {
			unfinished = append(unfinished, job.Name+": "+asJSON(job.Status))
		}
	}
	deleted := 0
	for _, gone := range jobs.deleted {
		if gone {
			deleted++
		}
	}
	want := len(jobs.pulls) + len(jobs.byHand) - deleted
	slots, err := w.slots()
	return there == want && settled == there && live == 0 && depth.Total() == 0 && slots == 0 && err == nil,
		fmt.Sprintf("there are %d jobs, want %d; %d are at their end; %d tasks live; the inbox is %+v; %v slots are in use (%v)\n%s",
			there, want, settled, live, depth, slots, err, strings.Join(unfinished, "\n"))
}

// sweep has the triggers look for pull requests whose events were lost.
func (w *world) sweep() {
	for _, repository := range repositories() {
		trigger := &scanv1.ScanTrigger{}
		key := client.ObjectKey{Namespace: w.ns, Name: repository.name}
		must(w.t, w.kube.Get(w.t.Context(), key, trigger))
		before := trigger.DeepCopy()
		trigger.Annotations = map[string]string{scanv1.AnnotationSweep: "at the end"}
		must(w.t, w.kube.Patch(w.t.Context(), trigger, client.MergeFrom(before)))
		w.until("trigger "+repository.name+" has swept", func() (bool, string) {
			must(w.t, w.kube.Get(w.t.Context(), key, trigger))
			return trigger.Status.LastHandledSweep == "at the end", asJSON(trigger.Status)
		})
	}
}

// verify looks at everything when all is over.
func (w *world) verify(jobs *load, witness *witness) {
	all := witness.all()
	forced := w.forcedJobs()
	w.wantTasks(all, witness.unseen, forced)
	w.wantLimits(all, forced)
	w.wantQuiet()
	byName, byPull := map[string]int{}, map[pull]int{}
	for uid, job := range all {
		if witness.gone[uid] != nil {
			if !jobs.deleted[job.Name] {
				w.violated("%s is gone, and nobody deleted it", job.Name)
			}
			continue
		}
		byName[job.Name]++
		source := job.Spec.Source.CodeCommit
		if source.PullRequestID != "" {
			byPull[pull{source.Repository, source.PullRequestID}]++
		}
		w.wantEnd(job)
	}
	for _, p := range jobs.pulls {
		if byPull[p] != 1 {
			w.violated("pull request %s of %s has %d jobs, want 1", p.id, p.repository, byPull[p])
		}
	}
	for _, name := range jobs.byHand {
		if !jobs.deleted[name] && byName[name] != 1 {
			w.violated("%s is lost", name)
		}
	}
	if len(w.violations) > 0 {
		w.t.Errorf("seed %d: %d violations:\n%s\n%s", w.seed, len(w.violations), strings.Join(w.violations[:min(10, len(w.violations))], "\n"), w.lastWords())
		w.t.Logf("what the test did:\n%s", strings.Join(w.notes, "\n"))
	}
}

// orphansStopped is how many tasks sweeps have stopped.
func (w *world) orphansStopped() int {
	return len(slices.DeleteFunc(w.aws.Tasks(), func(task awslocal.Task) bool {
		return !strings.HasPrefix(task.StoppedReason, "ScanJob operator: its ScanJob")
	}))
}

// slots adds up the slots in use and the jobs that wait, as the managers' metrics tell.
func (w *world) slots() (float64, error) {
	sum, told := 0.0, 0
	for _, address := range w.herd.metrics() {
		text, err := w.read(address)
		if err != nil {
			return 0, err
		}
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, "scanjob_slots_in_use{") && !strings.HasPrefix(line, "scanjob_waiting_jobs{") {
				continue
			}
			value, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ' ')+1:]), 64)
			if err != nil {
				return 0, err
			}
			sum += value
			told++
		}
	}
	if told == 0 {
		return 0, errors.New("no manager tells")
	}
	return sum, nil
}

func (w *world) read(address string) (text string, err error) {
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}
