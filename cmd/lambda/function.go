package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/controllers"
	"github.com/scanjob-dev/scanjob/controllers/inbox"
	"github.com/scanjob-dev/scanjob/controllers/scantrigger"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/codecommit"
	"github.com/scanjob-dev/scanjob/internal/events"
)

const (
	// callTimeout bounds one call of the API server.
	callTimeout = 10 * time.Second
	// codeCommitCallsPerSecond is a part of what the manager allows itself: config/lambda has two of the function run at once.
	codeCommitCallsPerSecond = 2
)

// function makes the ScanJobs of events.
type function struct {
	client    client.Client
	maker     *scantrigger.Maker
	recorder  *recorder
	namespace string
}

func newFunction(s settings, config aws.Config) (*function, error) {
	scheme, err := controllers.NewScheme()
	if err != nil {
		return nil, err
	}
	kube, err := client.New(s.kubernetes(config), client.Options{Scheme: scheme, Mapper: kinds()})
	if err != nil {
		return nil, fmt.Errorf("make a client of the cluster: %w", err)
	}
	told := &recorder{scheme: scheme}
	maker, err := scantrigger.NewMaker(scantrigger.MakerOptions{
		Client: kube, Live: kube, Recorder: told,
		CodeCommit: codecommit.NewClients(awsclient.NewFactory(config), codecommit.Options{CallsPerSecond: codeCommitCallsPerSecond}),
	})
	if err != nil {
		return nil, err
	}
	return &function{client: kube, maker: maker, recorder: told, namespace: s.namespace}, nil
}

// kinds are those that the function reads and writes. A client that knows them need not ask the API server for all that it has
// before the first event.
func kinds() meta.RESTMapper {
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{v1alpha1.GroupVersion, eventsv1.SchemeGroupVersion})
	for _, kind := range []string{"ScanTrigger", "ScanEnvironment", "ScanJob"} {
		mapper.Add(v1alpha1.GroupVersion.WithKind(kind), meta.RESTScopeNamespace)
	}
	mapper.Add(eventsv1.SchemeGroupVersion.WithKind("Event"), meta.RESTScopeNamespace)
	return mapper
}

// Handle takes one event of EventBridge. An error has Lambda call again, twice, and then hand the event to the function's
// dead-letter queue. Events that are not about commits are none of the function's business.
func (f *function) Handle(ctx context.Context, body json.RawMessage) error {
	received := time.Now()
	event, err := events.Decode(string(body))
	if err != nil {
		return err
	}
	defer f.recorder.flush(ctx, f.client)
	switch e := event.(type) {
	case events.PullRequest:
		return f.forListeners(ctx, e.Account, e.Region, func(listeners []scantrigger.Listener) error {
			return f.maker.PullRequest(ctx, listeners, e, received)
		})
	case events.Push:
		return f.forListeners(ctx, e.Account, e.Region, func(listeners []scantrigger.Listener) error {
			return f.maker.Push(ctx, listeners, e, received)
		})
	}
	log.FromContext(ctx).Info("Ignored an event", "kind", event.Kind())
	return nil
}

// forListeners calls do with the triggers whose environments have the event's account and region. Where an environment may have
// them and is not there, or was not looked at by the manager yet, that is an error after the others have done their part: the event has to
// come again.
func (f *function) forListeners(ctx context.Context, account, region string, do func([]scantrigger.Listener) error) error {
	var triggers v1alpha1.ScanTriggerList
	if err := f.client.List(ctx, &triggers, client.InNamespace(f.namespace)); err != nil {
		return fmt.Errorf("list the ScanTriggers: %w", err)
	}
	var environments v1alpha1.ScanEnvironmentList
	if err := f.client.List(ctx, &environments, client.InNamespace(f.namespace)); err != nil {
		return fmt.Errorf("list the ScanEnvironments: %w", err)
	}
	known := map[client.ObjectKey]*v1alpha1.ScanEnvironment{}
	for i := range environments.Items {
		known[client.ObjectKeyFromObject(&environments.Items[i])] = &environments.Items[i]
	}
	var listeners []scantrigger.Listener
	var pending []error
	for i := range triggers.Items {
		trigger := &triggers.Items[i]
		environment := known[client.ObjectKey{Namespace: trigger.Namespace, Name: trigger.Spec.EnvironmentName}]
		switch {
		case !trigger.DeletionTimestamp.IsZero() || trigger.Spec.Suspend:
		case environment == nil:
			pending = append(pending, fmt.Errorf("there is no ScanEnvironment %s, which ScanTrigger %s names; create it or change the trigger's spec.environmentName",
				trigger.Spec.EnvironmentName, client.ObjectKeyFromObject(trigger)))
		case environment.Status.Resolved != nil:
			if inbox.Accepts(environment, account, region) {
				listeners = append(listeners, scantrigger.Listener{Trigger: trigger, Environment: environment})
			}
		case environment.Spec.Region == "" || environment.Spec.Region == region:
			pending = append(pending, fmt.Errorf("the event is of account %s in %s, and may be for ScanEnvironment %s, whose references are not resolved yet; see that environment's condition Ready",
				account, region, client.ObjectKeyFromObject(environment)))
		}
	}
	log.FromContext(ctx).Info("Got an event", "account", account, "region", region, "triggers", len(listeners))
	if len(listeners) == 0 && len(pending) == 0 {
		log.FromContext(ctx).Info("No trigger's environment is of this account and region, so the event is dropped", "account", account, "region", region)
	}
	return errors.Join(append(pending, do(listeners))...)
}
