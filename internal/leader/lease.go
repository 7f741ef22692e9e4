// Package leader tells a manager whether it still holds its Lease. Leader election itself ends a manager that has lost it, but
// a moment late where the process, or the machine, was stopped for longer than the Lease lasts: what the process was about
// to do, it does first.
package leader

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/utils/clock"
)

// The times of leader election, which are those of controller-runtime.
const (
	// Duration is how long a Lease lasts that is not renewed.
	Duration = 15 * time.Second
	// RenewDeadline is when a leader gives up that cannot renew it, RetryPeriod how often it tries.
	RenewDeadline = 10 * time.Second
	RetryPeriod   = 2 * time.Second
)

// namespaceFile tells a pod its namespace.
const namespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// Lease is the lock of leader election, and knows until when nobody else can hold it.
type Lease struct {
	resourcelock.Interface
	duration time.Duration
	clock    clock.PassiveClock

	mu      sync.Mutex
	renewed time.Time
}

// NewLease returns the Lease of that name for a manager with an identity of its own. An empty namespace is the pod's. The
// Lease lasts for duration when it is not renewed; a call for it may take half of renewDeadline.
func NewLease(config *rest.Config, namespace, name string, duration, renewDeadline time.Duration) (*Lease, error) {
	if namespace == "" {
		text, err := os.ReadFile(namespaceFile)
		if err != nil {
			return nil, fmt.Errorf("find the namespace of the Lease; outside of a pod, set --leader-election-namespace: %w", err)
		}
		namespace = strings.TrimSpace(string(text))
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	identity := resourcelock.ResourceLockConfig{Identity: host + "_" + string(uuid.NewUUID())}
	lock, err := resourcelock.NewFromKubeconfig(resourcelock.LeasesResourceLock, namespace, name, identity, config, renewDeadline)
	if err != nil {
		return nil, fmt.Errorf("make the Lease %s/%s: %w", namespace, name, err)
	}
	return &Lease{Interface: lock, duration: duration, clock: clock.RealClock{}}, nil
}

// Create makes the Lease.
func (l *Lease) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return l.write(record, func() error { return l.Interface.Create(ctx, record) })
}

// Update takes, renews or gives back the Lease.
func (l *Lease) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return l.write(record, func() error { return l.Interface.Update(ctx, record) })
}

// write notes when a write began that makes this manager the holder: others count from later on.
func (l *Lease) write(record resourcelock.LeaderElectionRecord, write func() error) error {
	began := l.clock.Now()
	if err := write(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.renewed = began; record.HolderIdentity != l.Identity() {
		l.renewed = time.Time{}
	}
	return nil
}

// Held says that no other manager can hold the Lease. What was written to the cluster before is there when the next one reads.
func (l *Lease) Held() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	// The clock that Sub goes by stands still while a machine is suspended; the wall clock, without that reading, does not.
	passed := max(now.Sub(l.renewed), now.Round(0).Sub(l.renewed.Round(0)))
	return !l.renewed.IsZero() && passed < l.duration
}
