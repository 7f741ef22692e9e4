package e2e

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/devstack"
	"github.com/scanjob-dev/scanjob/test/iam"
)

// externalID is the identifier in config/aws/iam/cross-account/environment.
const externalID = "replace-with-an-identifier-of-your-own"

// otherAccount starts an AWS of another account beside the first one, with config/aws/iam as it is applied there.
func otherAccount(t *testing.T, first *devstack.Stack) *devstack.Stack {
	t.Helper()
	roles, err := iam.Manifests{
		Components: []string{iam.Environment}, Values: []string{iam.Account, iam.OtherAccount, iam.OtherAccount, iam.Account},
	}.Roles(iam.OtherAccount)
	if err != nil {
		t.Fatal(err)
	}
	return startStack(t, devstack.Options{Account: iam.OtherAccount, Roles: roles, Beside: first})
}

// The role of the environment wants an external identifier, so that nobody can have the manager use it who was not given
// one. With it the scan runs in the other account, with all that is that account's. The manager itself has its role by Pod
// Identity, whose session tags make the most of what the policies must allow.
func TestScanInAnotherAccount(t *testing.T) {
	own := startStack(t, devstack.Options{Roles: roles})
	count(t, own)
	other := otherAccount(t, own)
	variables, _ := podIdentityEnvironment(t, own, podIdentity(t))
	identity := podConfig(t, own, variables)
	role := "arn:aws:iam::" + iam.OtherAccount + ":role/" + iam.EnvironmentRole

	w := worldOf(t, own, func(environment *scanv1.ScanEnvironment) {
		environment.Spec = other.Environment("", "").Spec
		environment.Spec.AssumeRoleARN = role
	})
	w.manage(managerOptions{aws: &identity})
	for _, row := range []struct {
		name, externalID string
		says             string
	}{
		{"without an external identifier", "", "if it asks for sts:ExternalId, set externalID"},
		{"with one that was not agreed on", "of-somebody-else", "see that the sts:ExternalId that it asks for is the one of externalID"},
	} {
		t.Run(row.name+" the role is refused and the environment says what to do", func(t *testing.T) {
			w.changeEnvironment(func(environment *scanv1.ScanEnvironment) { environment.Spec.ExternalID = row.externalID })
			w.environmentSays(scanv1.ReasonAssumeRoleFailed, "assumeRoleARN: the role "+role+" could not be assumed", row.says)
		})
	}

	repo, err := other.CreateRepository(t.Context(), "payments")
	if err != nil {
		t.Fatal(err)
	}
	file, _ := leak(t)
	commit, err := repo.Commit(t.Context(), "main", "Begin", map[string]string{"config/credentials": file})
	if err != nil {
		t.Fatal(err)
	}
	w.changeEnvironment(func(environment *scanv1.ScanEnvironment) { environment.Spec.ExternalID = externalID })
	w.submit("scan", func(job *scanv1.ScanJob) {
		job.Spec.Mode, job.Spec.Source.Revision = scanv1.ScanModeTree, commit
	})
	job := w.finished("scan")
	wantReason(t, job, scanv1.ConditionComplete, scanv1.ReasonScanned)
	wantReason(t, job, scanv1.ConditionReported, scanv1.ReasonFindingsReceived)
	attempt := job.Status.Attempts[0]
	if attempt.ClusterARN != other.Resources.ClusterARN {
		t.Errorf("the task was started in %s, want %s", attempt.ClusterARN, other.Resources.ClusterARN)
	}
	// With these its task can be found and stopped when the environment has another role.
	if attempt.RoleARN != role || attempt.ExternalID != externalID {
		t.Errorf("the attempt has role %s and external identifier %s on record", attempt.RoleARN, attempt.ExternalID)
	}
	if !strings.Contains(other.Resources.ClusterARN, iam.OtherAccount) {
		t.Errorf("the other account's cluster is %s", other.Resources.ClusterARN)
	}
	wantCallers(t, own, other)
}

// The environment gets another role, which nobody may assume, while a task runs. The task is watched and stopped with the role
// and the external identifier that it was started with.
func TestTaskOfAnEarlierRoleIsStoppedWithThatRole(t *testing.T) {
	t.Parallel()
	own := startStack(t, devstack.Options{Roles: roles})
	other := otherAccount(t, own)
	other.AWS.RunContainersWith(awslocal.UntilStopped())
	w := worldOf(t, own, func(environment *scanv1.ScanEnvironment) {
		environment.Spec = other.Environment("", "").Spec
		environment.Spec.AssumeRoleARN = "arn:aws:iam::" + iam.OtherAccount + ":role/" + iam.EnvironmentRole
		environment.Spec.ExternalID = externalID
	})
	w.manage(managerOptions{})
	w.submit("scan")
	w.wait("scan", "ran", func(job *scanv1.ScanJob) bool { return job.Status.Phase == scanv1.PhaseRunning })
	w.changeEnvironment(func(environment *scanv1.ScanEnvironment) {
		environment.Spec.AssumeRoleARN, environment.Spec.ExternalID = "arn:aws:iam::"+iam.OtherAccount+":role/next", ""
	})
	w.environmentSays(scanv1.ReasonAssumeRoleFailed, ":role/next could not be assumed")
	w.change("scan", func(job *scanv1.ScanJob) { job.Spec.Cancel = true })
	job := w.wait("scan", "failed", func(job *scanv1.ScanJob) bool {
		return meta.IsStatusConditionTrue(job.Status.Conditions, scanv1.ConditionFailed)
	})
	wantReason(t, job, scanv1.ConditionFailed, scanv1.ReasonCancelled)
	if tasks := other.AWS.Tasks(); len(tasks) != 1 || tasks[0].StoppedAt.IsZero() {
		t.Errorf("the tasks are %+v, want one that has stopped", tasks)
	}
}

// wantCallers looks who did what: in the manager's account nothing but assuming the role, in the other one all the rest.
func wantCallers(t *testing.T, own, other *devstack.Stack) {
	t.Helper()
	for _, call := range own.AWS.Calls() {
		if roleOf(call.Principal) == iam.ManagerRole && call.Operation != "AssumeRole" {
			t.Errorf("the manager called %s %s with its own role", call.Service, call.Operation)
		}
	}
	if tasks := len(own.AWS.Tasks()); tasks != 0 {
		t.Errorf("%d tasks were started in the manager's account", tasks)
	}
	session := "arn:aws:sts::" + iam.OtherAccount + ":assumed-role/" + iam.EnvironmentRole + "/" + awsclient.SessionName
	task := "arn:aws:sts::" + iam.OtherAccount + ":assumed-role/" + iam.TaskRole + "/"
	callers := map[string]string{}
	for _, call := range other.AWS.Calls() {
		if call.Err == "" {
			callers[call.Service+":"+call.Operation] = call.Principal
		}
	}
	for operation, caller := range map[string]string{
		"ecs:RunTask": session, "sqs:ReceiveMessage": session, "codecommit:GitPull": task, "sns:Publish": task, "s3:PutObject": task,
	} {
		if !strings.HasPrefix(callers[operation], caller) {
			t.Errorf("%s was called by %q, want %s", operation, callers[operation], caller)
		}
	}
}

// changeEnvironment patches the spec of the world's environment.
func (w *world) changeEnvironment(alter func(*scanv1.ScanEnvironment)) {
	w.t.Helper()
	environment := w.environment()
	before := environment.DeepCopy()
	alter(environment)
	if err := w.kube.Patch(w.t.Context(), environment, client.MergeFrom(before)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) environment() *scanv1.ScanEnvironment {
	w.t.Helper()
	environment := &scanv1.ScanEnvironment{}
	if err := w.kube.Get(w.t.Context(), types.NamespacedName{Namespace: w.ns, Name: "default"}, environment); err != nil {
		w.t.Fatal(err)
	}
	return environment
}

// environmentSays waits until the environment is not Ready, for its newest spec, for that reason and in words that hold the
// texts.
func (w *world) environmentSays(reason string, texts ...string) {
	w.t.Helper()
	var environment *scanv1.ScanEnvironment
	poll(w.t, func() bool {
		environment = w.environment()
		ready := meta.FindStatusCondition(environment.Status.Conditions, scanv1.ConditionReady)
		if ready == nil || ready.Status != "False" || ready.Reason != reason || ready.ObservedGeneration != environment.Generation {
			return false
		}
		for _, text := range texts {
			if !strings.Contains(ready.Message, text) {
				return false
			}
		}
		return true
	}, func() string {
		return "the environment never said " + reason + ": " + strings.Join(texts, ", ") + "; its status: " + toYAML(environment.Status)
	})
}
