// Command manager is the operator: it turns events and schedules into ScanJobs and runs them as Fargate tasks.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	// The image holds nothing but this program: the zones of schedules and the roots that Mozilla trusts are part of it.
	_ "time/tzdata"

	_ "golang.org/x/crypto/x509roots/fallback"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/scanjob-dev/scanjob/controllers"
	"github.com/scanjob-dev/scanjob/controllers/scanjob"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/codecommit"
	"github.com/scanjob-dev/scanjob/internal/fargate"
	"github.com/scanjob-dev/scanjob/internal/leader"
)

// leaderElectionID names the Lease that at most one manager holds.
const leaderElectionID = "scanjob.dev"

// gcPercent is how much the heap may grow over what lives before garbage is collected, unless GOGC says. Nearly all that
// lives is the cache of jobs, and to collect twice as often costs little beside what room for as much garbage would take.
const gcPercent = 50

type settings struct {
	metricsAddress          string
	secureMetrics           bool
	probeAddress            string
	pprofAddress            string
	leaderElect             bool
	leaderElectionNamespace string
	region                  string
	gitEndpoint             string
	pollInterval            time.Duration
	workers                 int
	codeCommitRate          float64
	quotas                  fargate.Quotas
	capacityProbeAfter      time.Duration
	sweepInterval           time.Duration
	zap                     zap.Options
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "preflight" {
		os.Exit(preflight(ctrl.SetupSignalHandler(), os.Args[2:], os.Stdout, os.Stderr))
	}
	var s settings
	flag.StringVar(&s.metricsAddress, "metrics-bind-address", ":8443", `address of the metrics endpoint; "0" switches it off`)
	flag.BoolVar(&s.secureMetrics, "metrics-secure", true, "serve metrics over HTTPS to callers that the API server authenticates and authorises")
	flag.StringVar(&s.probeAddress, "health-probe-bind-address", ":8081", "address of /healthz and /readyz")
	flag.StringVar(&s.pprofAddress, "pprof-bind-address", "0", `address of Go's profiles, for whoever can reach it; "0" switches it off`)
	flag.BoolVar(&s.leaderElect, "leader-elect", false, "let at most one of several managers work")
	flag.StringVar(&s.leaderElectionNamespace, "leader-election-namespace", "", "namespace of the leader election Lease (default: the manager's own)")
	flag.StringVar(&s.region, "aws-region", "", "region of environments that name none (default: the AWS SDK's)")
	flag.StringVar(&s.gitEndpoint, "codecommit-git-endpoint", scanjob.DefaultGitEndpoint, "address of CodeCommit's Git service, for FIPS and VPC endpoints; {region} and {suffix} are replaced")
	flag.DurationVar(&s.pollInterval, "task-poll-interval", 15*time.Second, "how often ECS is asked about running tasks, beside its events")
	flag.IntVar(&s.workers, "scanjob-workers", 16, "how many ScanJobs are reconciled at once")
	flag.Float64Var(&s.codeCommitRate, "codecommit-calls-per-second", 5, "how often one operation of CodeCommit is called at most, per account and region")
	s.quotas = fargate.DefaultQuotas()
	quota := func(name string, rate *fargate.Rate, of string) {
		flag.TextVar(rate, name, *rate, "AWS's limit on "+of+" per account and region, as BURST:PER_SECOND; a little less of it is used")
	}
	quota("quota-run-task", &s.quotas.RunTask, "RunTask calls for Fargate")
	quota("quota-modify", &s.quotas.Modify, "RunTask and StopTask calls together")
	quota("quota-read", &s.quotas.Read, "DescribeTasks and ListTasks calls together")
	quota("quota-on-demand-launches", &s.quotas.OnDemandLaunches, "tasks started on FARGATE")
	quota("quota-spot-launches", &s.quotas.SpotLaunches, "tasks started on FARGATE_SPOT")
	flag.DurationVar(&s.capacityProbeAfter, "capacity-probe-after", 30*time.Second, "how long an environment starts no task after Fargate had no capacity, before one job tries")
	flag.DurationVar(&s.sweepInterval, "sweep-interval", 5*time.Minute, "how often the tasks in ECS are compared with the ScanJobs")
	s.zap.BindFlags(flag.CommandLine)
	flag.Parse()
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(&s.zap)))
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}

	if err := run(ctrl.SetupSignalHandler(), s); err != nil {
		fmt.Fprintln(os.Stderr, "manager:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) error {
	scheme, err := controllers.NewScheme()
	if err != nil {
		return err
	}
	kubernetes, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find the cluster: %w", err)
	}
	// The API server's own priority and fairness is the limit.
	kubernetes.QPS = -1

	serving := metricsserver.Options{BindAddress: s.metricsAddress}
	if s.secureMetrics {
		serving.SecureServing = true
		serving.FilterProvider = filters.WithAuthenticationAndAuthorization
	}
	var lock resourcelock.Interface
	var leading func() bool
	if s.leaderElect {
		lease, err := leader.NewLease(kubernetes, s.leaderElectionNamespace, leaderElectionID, leader.Duration, leader.RenewDeadline)
		if err != nil {
			return err
		}
		lock, leading = lease, lease.Held
	}
	mgr, err := ctrl.NewManager(kubernetes, ctrl.Options{
		Scheme:                              scheme,
		Metrics:                             serving,
		HealthProbeBindAddress:              s.probeAddress,
		PprofBindAddress:                    s.pprofAddress,
		LeaderElection:                      s.leaderElect,
		LeaderElectionResourceLockInterface: lock,
		LeaseDuration:                       ptr.To(leader.Duration), RenewDeadline: ptr.To(leader.RenewDeadline), RetryPeriod: ptr.To(leader.RetryPeriod),
		LeaderElectionReleaseOnCancel: true,
		Cache:                         controllers.CacheOptions(),
		Client:                        client.Options{Cache: &client.CacheOptions{Unstructured: true}},
	})
	if err != nil {
		return fmt.Errorf("make the manager: %w", err)
	}
	if err := mgr.AddHealthzCheck("healthz", healthz.Ping); err != nil {
		return err
	}
	if err := mgr.AddReadyzCheck("readyz", healthz.Ping); err != nil {
		return err
	}

	aws, err := awsclient.Load(ctx)
	if err != nil {
		return fmt.Errorf("load the AWS configuration: %w", err)
	}
	if s.region != "" {
		aws.Region = s.region
	}
	calls, err := awsclient.NewMetrics(metrics.Registry)
	if err != nil {
		return err
	}
	err = controllers.Setup(ctx, mgr, awsclient.NewFactory(calls.Count(aws)), controllers.Options{
		ScanJob: scanjob.Options{
			GitEndpoint: s.gitEndpoint, PollInterval: s.pollInterval, Workers: s.workers,
			Quotas: s.quotas, CapacityProbeAfter: s.capacityProbeAfter, SweepInterval: s.sweepInterval, Leading: leading,
		},
		CodeCommit: codecommit.Options{CallsPerSecond: s.codeCommitRate},
		Metrics:    metrics.Registry,
	})
	if err != nil {
		return err
	}
	return mgr.Start(ctx)
}
