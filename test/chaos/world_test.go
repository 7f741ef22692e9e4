package chaos

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/controllers"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/devstack"
)

// patience bounds every wait for which nothing moves.
const patience = 90 * time.Second

// world is all that one seed plays in: a namespace, an AWS and managers of its own.
type world struct {
	t      *testing.T
	seed   uint64
	ns     string
	kube   client.WithWatch
	stack  *devstack.Stack
	aws    *awslocal.Server
	proxy  *proxy
	herd   *herd
	canary string
	// environments are those of the namespace, by name.
	environments map[string]*scanv1.ScanEnvironment
	limits       limits
	// forced are the UIDs of the jobs that were deleted by force, and when.
	forced sync.Map

	mu         sync.Mutex
	violations []string
	// notes are what the test did, and when.
	notes []string
}

// The environments of a world.
const (
	steady = "steady" // FARGATE
	spot   = "spot"   // FARGATE_SPOT before FARGATE, with a fallback
	narrow = "narrow" // one slot
)

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	w := &world{t: t, seed: seed, environments: map[string]*scanv1.ScanEnvironment{}}
	random := w.random("world")
	w.canary = fmt.Sprintf("AKIA%016X", random.Uint64())
	scheme, err := controllers.NewScheme()
	must(t, err)
	w.kube, err = client.NewWithWatch(plane.Config, client.Options{Scheme: scheme})
	must(t, err)
	w.ns = plane.Namespace(t)
	w.stack, err = devstack.Start(t.Context(), devstack.Options{Dir: t.TempDir(), Timing: timing()})
	must(t, err)
	t.Cleanup(func() { must(t, w.stack.Close()) })
	w.aws = w.stack.AWS
	w.aws.RunContainersWith(&containers{world: w, runs: map[string]int{}})

	w.environment(steady, int32(2+random.IntN(3)))
	w.environment(spot, int32(2+random.IntN(2)), func(e *scanv1.ScanEnvironment) {
		e.Spec.Capacity.Strategy = []scanv1.CapacityProviderStrategyItem{
			{CapacityProvider: scanv1.CapacityProviderFargateSpot, Weight: 3}, {CapacityProvider: scanv1.CapacityProviderFargate, Weight: int32(random.IntN(2))},
		}
		e.Spec.Capacity.OnDemandFallback = ptr.To(true)
	})
	w.environment(narrow, 1)

	server, err := url.Parse(plane.Config.Host)
	must(t, err)
	w.proxy, err = newProxy(server.Host)
	must(t, err)
	t.Cleanup(func() { must(t, w.proxy.close()) })
	w.herd, err = newHerd(w)
	must(t, err)
	t.Cleanup(w.herd.close)
	for name, environment := range w.environments {
		w.until(fmt.Sprintf("environment %s is Ready", name), func() (bool, string) {
			err := w.kube.Get(t.Context(), client.ObjectKeyFromObject(environment), environment)
			must(t, err)
			return meta.IsStatusConditionTrue(environment.Status.Conditions, scanv1.ConditionReady), fmt.Sprint(environment.Status.Conditions)
		})
	}
	return w
}

// timing makes a task take some 60 ms beside its container.
func timing() awslocal.Timing {
	const each = 10 * time.Millisecond
	return awslocal.Timing{Provisioning: each, Pending: each, Activating: each, Deactivating: each, Stopping: each, Deprovisioning: each}
}

func (w *world) environment(name string, limit int32, change ...func(*scanv1.ScanEnvironment)) {
	w.t.Helper()
	environment := w.stack.Environment(w.ns, name)
	environment.Spec.Capacity.MaxConcurrentTasks = limit
	for _, alter := range change {
		alter(environment)
	}
	must(w.t, w.kube.Create(w.t.Context(), environment))
	w.environments[name] = environment
	w.limits.begin(name, limit)
}

// random is a source of choices for one part of the run, whatever the other parts draw.
func (w *world) random(part string) *rand.Rand {
	var stream uint64
	for _, c := range part {
		stream = stream*31 + uint64(c)
	}
	return rand.New(rand.NewPCG(w.seed, stream))
}

// violated notes that an invariant does not hold. The run goes on, so that its end tells more.
func (w *world) violated(format string, values ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	const most = 3000 // a status is long, and the first of many violations tells most
	text := fmt.Sprintf(format, values...)
	w.violations = append(w.violations, text[:min(most, len(text))])
}

// forcedJobs are the jobs that were deleted by force, and when.
func (w *world) forcedJobs() map[types.UID]time.Time {
	jobs := map[types.UID]time.Time{}
	w.forced.Range(func(uid, at any) bool {
		jobs[uid.(types.UID)] = at.(time.Time)
		return true
	})
	return jobs
}

// note writes down what the test does.
func (w *world) note(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notes = append(w.notes, time.Now().UTC().Format("15:04:05.000 ")+what)
}

// until polls a condition that also tells how far it is; it fails when that has not changed for long.
func (w *world) until(what string, condition func() (met bool, progress string)) {
	w.t.Helper()
	moved, last := time.Now(), ""
	for {
		met, progress := condition()
		switch {
		case met:
			return
		case progress != last:
			moved, last = time.Now(), progress
			w.note(what + ": " + progress[:min(len(progress), 300)])
		case time.Since(moved) > patience:
			w.t.Fatalf("seed %d: waited in vain until %s: %s\n%s", w.seed, what, progress, w.lastWords())
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// lastWords are the ends of the managers' logs.
func (w *world) lastWords() string {
	const most = 4000
	var text strings.Builder
	logs := w.herd.log()
	for _, log := range logs[max(0, len(logs)-2):] {
		fmt.Fprintf(&text, "a manager's last words:\n%s\n", log[max(0, len(log)-most):])
	}
	return text.String()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
