package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/scanjob-dev/scanjob/controllers"
	"github.com/scanjob-dev/scanjob/controllers/scanjob"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/codecommit"
	"github.com/scanjob-dev/scanjob/internal/fargate"
	"github.com/scanjob-dev/scanjob/internal/inbox"
	"github.com/scanjob-dev/scanjob/internal/leader"
)

// managerVariable makes this test binary a manager; its value is managerSettings as JSON.
const managerVariable = "CHAOS_MANAGER"

// metricsLine opens the line on which a manager tells where its metrics are.
const metricsLine = "metrics of this manager: "

// The managers' Lease lasts long enough for a machine with much else to do. Where its holder was killed, the test ends it: see
// herd.release. A Lease counts in whole seconds.
const (
	leaseName     = "chaos"
	leaseDuration = 4 * time.Second
	renewDeadline = 3 * time.Second
)

// managerSettings are what a manager must know beside its environment.
type managerSettings struct {
	// Namespace is the only one that it looks at; its Lease is there too.
	Namespace string
	// APIServer is the address to reach the API server at, in place of the kubeconfig's.
	APIServer string
	// GitEndpoint is the local AWS's.
	GitEndpoint string
}

// runManager is the main function of a manager: cmd/manager with waits that a test has the time for.
func runManager(text string) int {
	if err := manage(ctrl.SetupSignalHandler(), text); err != nil {
		fmt.Fprintln(os.Stderr, "manager:", err)
		return 1
	}
	return 0
}

func manage(ctx context.Context, text string) error {
	var settings managerSettings
	if err := json.Unmarshal([]byte(text), &settings); err != nil {
		return err
	}
	ctrl.SetLogger(zap.New())
	kube, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	kube.Host, kube.QPS = settings.APIServer, -1
	scheme, err := controllers.NewScheme()
	if err != nil {
		return err
	}
	lease, err := leader.NewLease(kube, settings.Namespace, leaseName, leaseDuration, renewDeadline)
	if err != nil {
		return err
	}
	cached := controllers.CacheOptions()
	cached.DefaultNamespaces = map[string]cache.Config{settings.Namespace: {}}
	mgr, err := ctrl.NewManager(kube, ctrl.Options{
		Scheme:                              scheme,
		Metrics:                             metricsserver.Options{BindAddress: "0"},
		HealthProbeBindAddress:              "0",
		Cache:                               cached,
		Client:                              client.Options{Cache: &client.CacheOptions{Unstructured: true}},
		LeaderElection:                      true,
		LeaderElectionResourceLockInterface: lease,
		LeaseDuration:                       ptr.To(leaseDuration), RenewDeadline: ptr.To(renewDeadline), RetryPeriod: ptr.To(250 * time.Millisecond),
		LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		return err
	}
	aws, err := awsclient.Load(ctx)
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	if err := serveMetrics(registry); err != nil {
		return err
	}
	unlimited := fargate.Rate{Burst: 10_000, PerSecond: 10_000}
	err = controllers.Setup(ctx, mgr, awsclient.NewFactory(aws), controllers.Options{
		ScanJob: scanjob.Options{
			GitEndpoint: settings.GitEndpoint, PollInterval: 200 * time.Millisecond, CapacityProbeAfter: 100 * time.Millisecond,
			Backoff: scanjob.Backoff{
				Scan: 10 * time.Millisecond, ScanMax: 50 * time.Millisecond,
				Infrastructure: 10 * time.Millisecond, InfrastructureMax: 50 * time.Millisecond,
			},
			Leading:  lease.Held,
			ListsLag: 3 * time.Second, SweepInterval: 2 * time.Second, OrphanAfter: 200 * time.Millisecond,
			Quotas: fargate.Quotas{RunTask: unlimited, Modify: unlimited, Read: unlimited, OnDemandLaunches: unlimited, SpotLaunches: unlimited},
		},
		Inbox:      inbox.Options{WaitTime: time.Second, VisibilityTimeout: 2 * time.Second, RetryAfter: time.Second},
		CodeCommit: codecommit.Options{CallsPerSecond: 1000},
		Metrics:    registry,
	})
	if err != nil {
		return err
	}
	return mgr.Start(ctx)
}

// serveMetrics answers with the metrics at an address that it prints.
func serveMetrics(registry *prometheus.Registry) error {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(metricsLine + "http://" + listener.Addr().String())
	server := &http.Server{Handler: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), ReadHeaderTimeout: time.Second}
	go func() { fmt.Fprintln(os.Stderr, "metrics:", server.Serve(listener)) }()
	return nil
}
