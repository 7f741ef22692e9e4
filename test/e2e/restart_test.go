package e2e

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"

	"github.com/scanjob-dev/scanjob/api/contract"
	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// The manager's cache holds no findings, and the manager writes the status that they are in.
func TestFindingsStayInTheStatusWhateverTheManagerWritesAfterThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.aws.RunContainersWith(awslocal.RunnerFunc(func(ctx context.Context, c awslocal.Container) int {
		if err := publish(ctx, c); err != nil {
			t.Error(err)
		}
		<-ctx.Done()
		return contract.ExitFindings
	}))
	w.manage(managerOptions{})
	w.submit("scan", func(job *scanv1.ScanJob) {
		job.Annotations = map[string]string{corev1.LastAppliedConfigAnnotation: "{}"}
	})
	found := w.wait("scan", "had its findings", func(job *scanv1.ScanJob) bool {
		return job.Status.Findings != nil && job.Status.Phase == scanv1.PhaseRunning
	})
	w.change("scan", func(job *scanv1.ScanJob) { job.Spec.Cancel = true })
	ended := w.wait("scan", "was released", func(job *scanv1.ScanJob) bool { return isSettled(job) && len(job.Finalizers) == 0 })
	if !slices.Equal(ended.Status.Findings.Items, found.Status.Findings.Items) || len(ended.Status.Findings.Items) != 1 {
		t.Errorf("the findings were %+v and are %+v", found.Status.Findings, ended.Status.Findings)
	}
	if _, ok := ended.Annotations[corev1.LastAppliedConfigAnnotation]; !ok || len(ended.ManagedFields) == 0 {
		t.Errorf("the metadata lost something: %+v", ended.ObjectMeta)
	}
}

func TestAManagerThatIsStartedAgainTouchesNothingButTheTasksThatRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.aws.RunContainersWith(publishes())
	first := w.manage(managerOptions{})
	for _, name := range []string{"finished-a", "finished-b", "finished-c"} {
		w.submit(name)
	}
	for _, name := range []string{"finished-a", "finished-b", "finished-c"} {
		w.wait(name, "was released", func(job *scanv1.ScanJob) bool { return isSettled(job) && len(job.Finalizers) == 0 })
	}
	w.aws.RunContainersWith(awslocal.UntilStopped())
	running := []string{"running-a", "running-b"}
	for _, name := range running {
		w.submit(name)
	}
	for _, name := range running {
		w.wait(name, "ran", func(job *scanv1.ScanJob) bool { return job.Status.Phase == scanv1.PhaseRunning })
	}
	first.stop()

	calls, began := len(w.aws.Calls()), time.Now()
	writes, kube := countWrites(plane.Config)
	w.manage(managerOptions{kube: kube})
	// A look at a job asks ECS for its task from the next poll on; those after it have nothing new to tell.
	w.described(began, len(running))
	w.described(time.Now(), len(running))

	for _, task := range w.aws.Tasks() {
		if task.LastStatus == "STOPPED" && task.DescribedAt.After(began) {
			t.Errorf("ECS was asked about the task of a finished job: %s", task.StartedBy)
		}
	}
	for _, call := range w.aws.Calls()[calls:] {
		if call.Service == "ecs" && slices.Contains([]string{"RunTask", "StopTask"}, call.Operation) {
			t.Errorf("%s was called", call.Operation)
		}
	}
	if made := writes.of("/scanjobs"); len(made) > 0 {
		t.Errorf("the manager wrote ScanJobs that needed nothing: %q", made)
	}
}

// described waits until ECS was asked about so many tasks after a moment.
func (w *world) described(after time.Time, count int) {
	w.t.Helper()
	told := func() int {
		n := 0
		for _, task := range w.aws.Tasks() {
			if task.DescribedAt.After(after) {
				n++
			}
		}
		return n
	}
	poll(w.t, func() bool { return told() >= count }, func() string { return "ECS was not asked about all tasks that run" })
}

// requests are those that change something in the cluster.
type requests struct {
	mu   sync.Mutex
	made []string
}

// countWrites returns a configuration whose writes are noted.
func countWrites(config *rest.Config) (*requests, *rest.Config) {
	noted, counting := &requests{}, rest.CopyConfig(config)
	counting.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			if request.Method != http.MethodGet {
				noted.mu.Lock()
				noted.made = append(noted.made, request.Method+" "+request.URL.Path)
				noted.mu.Unlock()
			}
			return next.RoundTrip(request)
		})
	})
	return noted, counting
}

// of returns the requests whose path holds a text.
func (r *requests) of(path string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []string
	for _, made := range r.made {
		if strings.Contains(made, path) {
			found = append(found, made)
		}
	}
	return found
}
