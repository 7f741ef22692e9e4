// Package controllers puts the operator's controllers together.
package controllers

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	inboxrouter "github.com/scanjob-dev/scanjob/controllers/inbox"
	"github.com/scanjob-dev/scanjob/controllers/scanenvironment"
	"github.com/scanjob-dev/scanjob/controllers/scanjob"
	"github.com/scanjob-dev/scanjob/controllers/scanschedule"
	"github.com/scanjob-dev/scanjob/controllers/scantrigger"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/codecommit"
	"github.com/scanjob-dev/scanjob/internal/inbox"
)

// Options are the settings of all controllers.
type Options struct {
	// ScanJob are the settings of the ScanJob controller.
	ScanJob scanjob.Options
	// Inbox are the settings of the queues' consumers; their metrics are set here.
	Inbox inbox.Options
	// Metrics is where the operator's own metrics are registered.
	Metrics prometheus.Registerer
	// CodeCommit are the settings of those who ask CodeCommit.
	CodeCommit codecommit.Options
	// TriggerClock tells when sweeps of triggers are due and how old their jobs are. Default: the real clock.
	TriggerClock clock.PassiveClock
	// ScheduleClock tells when runs of schedules are due. Default: the real clock.
	ScheduleClock clock.PassiveClock
}

// NewScheme returns a scheme with the kinds that the operator reads and writes.
func NewScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, err
	}
	if err := scanv1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	return scheme, nil
}

// CacheOptions are those of the manager's cache. The cache holds every ScanJob there is, so it holds them slim.
func CacheOptions() cache.Options {
	return cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject:         map[client.Object]cache.ByObject{&scanv1.ScanJob{}: {Transform: scanjob.Slim}},
	}
}

// Setup registers all controllers with a manager. They call AWS through the factory's clients.
func Setup(ctx context.Context, mgr ctrl.Manager, aws *awsclient.Factory, options Options) error {
	var err error
	if options.ScanJob.Metrics, err = scanjob.NewMetrics(options.Metrics); err != nil {
		return err
	}
	jobs := scanjob.New(mgr, aws, options.ScanJob)
	if err := jobs.SetupWithManager(ctx, mgr); err != nil {
		return fmt.Errorf("set up the ScanJob controller: %w", err)
	}
	repositories := codecommit.NewClients(aws, options.CodeCommit)
	maker, err := setUpTriggers(ctx, mgr, aws, repositories, options)
	if err != nil {
		return fmt.Errorf("set up the ScanTrigger controllers: %w", err)
	}
	consumers, err := setUpInbox(ctx, mgr, maker, jobs, options)
	if err != nil {
		return fmt.Errorf("set up the inbox: %w", err)
	}
	environments := scanenvironment.New(scanenvironment.Options{Clients: aws, Inbox: consumers})
	if err := environments.SetupWithManager(mgr); err != nil {
		return fmt.Errorf("set up the ScanEnvironment controller: %w", err)
	}
	if err := setUpSchedules(ctx, mgr, repositories, options); err != nil {
		return fmt.Errorf("set up the ScanSchedule controller: %w", err)
	}
	return nil
}

// setUpTriggers makes the controllers of triggers, and returns what makes the jobs of events. repositories is shared by all
// who ask CodeCommit, for its rate.
func setUpTriggers(ctx context.Context, mgr ctrl.Manager, aws *awsclient.Factory, repositories *codecommit.Clients, options Options) (*scantrigger.Maker, error) {
	metrics, err := scantrigger.NewMetrics(options.Metrics)
	if err != nil {
		return nil, err
	}
	if options.TriggerClock == nil {
		options.TriggerClock = clock.RealClock{}
	}
	maker, err := scantrigger.NewMaker(scantrigger.MakerOptions{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder("scantrigger"),
		CodeCommit: repositories, Metrics: metrics,
	})
	if err != nil {
		return nil, err
	}
	reconciler, err := scantrigger.New(scantrigger.ReconcilerOptions{
		Client: mgr.GetClient(), DeadLetters: inbox.NewDeadLetters(aws, options.TriggerClock), Metrics: metrics, Clock: options.TriggerClock,
	})
	if err != nil {
		return nil, err
	}
	if err := reconciler.SetupWithManager(ctx, mgr); err != nil {
		return nil, err
	}
	return maker, scantrigger.NewSweeper(scantrigger.SweeperOptions{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Maker: maker, CodeCommit: repositories, Clock: options.TriggerClock,
	}).SetupWithManager(mgr)
}

// setUpSchedules makes the controller of schedules.
func setUpSchedules(ctx context.Context, mgr ctrl.Manager, repositories *codecommit.Clients, options Options) error {
	metrics, err := scanschedule.NewMetrics(options.Metrics)
	if err != nil {
		return err
	}
	return scanschedule.New(scanschedule.Options{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder("scanschedule"),
		CodeCommit: repositories, Clock: options.ScheduleClock, Metrics: metrics,
	}).SetupWithManager(ctx, mgr)
}

// setUpInbox makes the way of a message: from its queue through the router to whoever it is for.
func setUpInbox(ctx context.Context, mgr ctrl.Manager, maker *scantrigger.Maker, jobs *scanjob.Reconciler, options Options) (*inbox.Consumers, error) {
	if err := inboxrouter.IndexEnvironments(ctx, mgr.GetFieldIndexer()); err != nil {
		return nil, err
	}
	routerMetrics, err := inboxrouter.NewMetrics(options.Metrics)
	if err != nil {
		return nil, err
	}
	queueMetrics, err := inbox.NewMetrics(options.Metrics)
	if err != nil {
		return nil, err
	}
	events := scantrigger.NewHandler(mgr.GetClient(), maker)
	router := inboxrouter.New(inboxrouter.Options{
		Client: mgr.GetClient(), Recorder: mgr.GetEventRecorder("inbox"), Metrics: routerMetrics,
		PullRequests: events, Pushes: events, Tasks: jobs, Findings: jobs,
	})
	settings := options.Inbox
	settings.Metrics = queueMetrics
	consumers := inbox.New(router, settings)
	return consumers, mgr.Add(consumers)
}
