package chaos

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scanjob-dev/scanjob/internal/devstack"
)

// herd is two managers, of which the Lease lets one work. Each is started again when it has ended, for whatever reason.
type herd struct {
	start func() (*devstack.Process, error)
	// release ends the Lease, as the time would that nobody renews it.
	release func()

	mu      sync.Mutex
	alive   [2]*devstack.Process
	logs    []*devstack.Process
	ending  bool
	keepers sync.WaitGroup
	// problem is why no manager could be started.
	problem error
}

// newHerd starts the managers of a world.
func newHerd(w *world) (*herd, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	settings, err := json.Marshal(managerSettings{Namespace: w.ns, APIServer: "https://" + w.proxy.address(), GitEndpoint: w.aws.URL()})
	if err != nil {
		return nil, err
	}
	h := &herd{start: func() (*devstack.Process, error) {
		return devstack.StartManager(binary, plane.Kubeconfig(), nil, append(w.stack.ManagerEnv(), managerVariable+"="+string(settings)), nil)
	}}
	h.release = func() {
		lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: leaseName}}
		// There is none yet before a manager has led.
		if err := w.kube.Patch(context.Background(), lease, client.RawPatch(types.MergePatchType, []byte(`{"spec":{"holderIdentity":""}}`))); client.IgnoreNotFound(err) != nil {
			w.violated("the test cannot end the Lease: %v", err)
		}
	}
	for i := range h.alive {
		h.keepers.Go(func() { h.keep(i) })
	}
	return h, nil
}

// keep has one manager run until the end.
func (h *herd) keep(i int) {
	for {
		h.mu.Lock()
		if h.ending {
			h.mu.Unlock()
			return
		}
		process, err := h.start()
		if err != nil {
			h.problem = err
			h.mu.Unlock()
			return
		}
		h.alive[i] = process
		h.logs = append(h.logs, process)
		h.mu.Unlock()
		<-process.Done()
	}
}

// kill ends one manager, or all of them, without a chance to tidy up.
func (h *herd) kill(which ...int) {
	h.mu.Lock()
	for _, i := range which {
		h.signal(i, syscall.SIGKILL)
	}
	h.mu.Unlock()
	h.release()
}

// without does something while no manager runs.
func (h *herd) without(do func() error) error {
	h.mu.Lock()
	for i := range h.alive {
		h.signal(i, syscall.SIGKILL)
		<-h.alive[i].Done()
	}
	err := do()
	h.mu.Unlock()
	h.release()
	return err
}

// signal is for a process that may have ended already.
func (h *herd) signal(i int, signal syscall.Signal) {
	select {
	case <-h.alive[i].Done():
	default:
		_ = syscall.Kill(h.alive[i].PID(), signal)
	}
}

// pause stops a manager for a while in the middle of whatever it does. Where it led, the Lease passes to the other one
// meanwhile, and when it goes on, both take themselves for the leader for a moment.
func (h *herd) pause(ctx context.Context, i int, d time.Duration) {
	h.mu.Lock()
	process := h.alive[i]
	h.signal(i, syscall.SIGSTOP)
	h.mu.Unlock()
	select {
	case <-ctx.Done():
	case <-time.After(d):
	case <-process.Done():
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.alive[i] == process {
		h.signal(i, syscall.SIGCONT)
	}
}

// retire asks a manager to end, as a rollout does.
func (h *herd) retire(i int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.signal(i, syscall.SIGTERM)
}

// any is one of the managers.
func (h *herd) any(random *rand.Rand) int { return random.IntN(len(h.alive)) }

// all are all of them.
func (h *herd) all() []int { return []int{0, 1} }

// close ends all managers.
func (h *herd) close() {
	h.mu.Lock()
	h.ending = true
	for i := range h.alive {
		if h.alive[i] != nil {
			h.signal(i, syscall.SIGKILL)
		}
	}
	h.mu.Unlock()
	h.keepers.Wait()
}

// metrics are the addresses of the metrics of the managers that run.
func (h *herd) metrics() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var addresses []string
	for _, process := range h.alive {
		if _, after, ok := strings.Cut(process.Log(), metricsLine); ok {
			address, _, _ := strings.Cut(after, "\n")
			addresses = append(addresses, address)
		}
	}
	return addresses
}

// log is what all managers so far have printed, one after the other.
func (h *herd) log() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var texts []string
	for _, process := range h.logs {
		texts = append(texts, process.Log())
	}
	return texts
}
