package scanjob

import (
	"context"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

// Admission is the loop that decides, per environment, which waiting jobs start now. It only decides: the job's own
// reconcile writes the attempt's record. An admission that is not recorded yet counts as a slot; one that is lost with the
// process had no effect.
type Admission struct {
	client client.Client

	mu       sync.Mutex
	verdicts map[types.NamespacedName]map[types.UID]verdict
	notify   func(types.NamespacedName)
}

func newAdmission(c client.Client) *Admission {
	return &Admission{client: c, verdicts: map[types.NamespacedName]map[types.UID]verdict{}, notify: func(types.NamespacedName) {}}
}

func (a *Admission) setupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("admission").
		For(&scanv1.ScanEnvironment{}, builder.WithPredicates(environmentChanged())).
		Watches(&scanv1.ScanJob{}, handler.EnqueueRequestsFromMapFunc(environmentOf)).
		Complete(a)
}

func environmentOf(_ context.Context, object client.Object) []reconcile.Request {
	job, ok := object.(*scanv1.ScanJob)
	if !ok {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: job.Namespace, Name: job.Spec.EnvironmentName}}}
}

// onVerdict sets what is called when a job's verdict has changed. It must not block.
func (a *Admission) onVerdict(notify func(types.NamespacedName)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.notify = notify
}

// verdict returns the word on a job's next attempt; decided is false while there is none.
func (a *Admission) verdict(job *scanv1.ScanJob, attempt int32) (word verdict, decided bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	environment := types.NamespacedName{Namespace: job.Namespace, Name: job.Spec.EnvironmentName}
	word, decided = a.verdicts[environment][job.UID]
	return word, decided && word.attempt == attempt
}

// Reconcile decides for one environment.
func (a *Admission) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	environment := &scanv1.ScanEnvironment{}
	if err := a.client.Get(ctx, request.NamespacedName, environment); err != nil {
		if apierrors.IsNotFound(err) {
			a.mu.Lock()
			delete(a.verdicts, request.NamespacedName)
			a.mu.Unlock()
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if ok, _, _ := ready(environment, environment.Name); !ok {
		return ctrl.Result{}, nil
	}
	jobs, err := unfinishedJobs(ctx, a.client, request.NamespacedName)
	if err != nil {
		return ctrl.Result{}, err
	}
	a.mu.Lock()
	earlier := a.verdicts[request.NamespacedName]
	verdicts := decide(jobs, earlier, environment.Spec.Capacity.MaxConcurrentTasks)
	a.verdicts[request.NamespacedName] = verdicts
	notify := a.notify
	a.mu.Unlock()
	for i := range jobs {
		if word, ok := verdicts[jobs[i].UID]; ok && word != earlier[jobs[i].UID] {
			notify(client.ObjectKeyFromObject(&jobs[i]))
		}
	}
	return ctrl.Result{}, nil
}
