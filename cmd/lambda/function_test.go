package main

import (
	"errors"
	"slices"
	"strings"
	"testing"

	eventsv1 "k8s.io/api/events/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/events"
)

const (
	account = "111122223333"

	opened   = "codecommit-pullRequestCreated.json"
	updated  = "codecommit-pullRequestSourceBranchUpdated.json"
	closed   = "codecommit-pullRequestStatusChanged.json"
	merged   = "codecommit-pullRequestMergeStatusUpdated.json"
	pushed   = "codecommit-referenceUpdated-push.json"
	deleted  = "codecommit-referenceDeleted.json"
	approved = "codecommit-pullRequestApprovalStateChanged-approve.json"
	task     = "ecs-task-3-running.json"
)

func TestFunctionMakesTheJobsThatTheQueueWouldMake(t *testing.T) {
	w := newWorld(t)
	w.environment("default", account)
	w.trigger("pull-requests", "default")
	w.trigger("pushes", "default", v1alpha1.EventPush)
	first, second := nameOf(t, "pull-requests", sample(t, opened)), nameOf(t, "pull-requests", sample(t, updated))
	push := nameOf(t, "pushes", sample(t, pushed))

	w.handle(opened)
	w.wantJobs("a pull request was opened", first)
	w.handle(opened)
	w.wantJobs("the event came twice", first)
	w.handle(updated)
	w.wantJobs("it got new commits", first, second)
	if _, cancelled := w.jobs(); !slices.Equal(cancelled, []string{first}) {
		t.Errorf("cancelled: %v, want the older revision", cancelled)
	}
	w.handle(opened)
	if _, cancelled := w.jobs(); !slices.Equal(cancelled, []string{first}) {
		t.Errorf("cancelled: %v after the older event came late", cancelled)
	}
	for _, file := range []string{approved, task, deleted, "codecommit-commentOnPullRequestCreated.json"} {
		w.handle(file)
	}
	w.wantJobs("after what is nobody's business", first, second)
	w.handle(pushed)
	w.wantJobs("a branch got new commits", first, second, push)
	w.handle(merged)
	if _, cancelled := w.jobs(); len(cancelled) != 2 {
		t.Errorf("cancelled: %v, want both of the pull request that was merged", cancelled)
	}
	t.Run("and a pull request that is closed ends its scan", func(t *testing.T) {
		w := newWorld(t)
		w.environment("default", account)
		w.trigger("pull-requests", "default")
		w.handle(updated)
		w.handle(closed)
		if names, cancelled := w.jobs(); len(names) != 1 || len(cancelled) != 1 {
			t.Errorf("jobs %v, cancelled %v", names, cancelled)
		}
	})
}

func TestFunctionTellsPeopleBeforeItIsFrozen(t *testing.T) {
	w := newWorld(t)
	w.environment("default", account)
	w.trigger("pull-requests", "default")
	w.handle(opened)
	var told eventsv1.EventList
	if err := w.admin.List(t.Context(), &told, client.InNamespace(w.namespace)); err != nil {
		t.Fatal(err)
	}
	if len(told.Items) != 1 || told.Items[0].Reason != v1alpha1.ReasonPullRequestUnknown || told.Items[0].Regarding.Name != "pull-requests" ||
		told.Items[0].ReportingController != controllerName {
		t.Errorf("events %+v, want that the pull request cannot be looked up", told.Items)
	}
}

func TestFunctionTakesOnlyWhatIsOfTheEnvironmentsAccountAndRegion(t *testing.T) {
	w := newWorld(t)
	w.environment("other", "444455556666")
	w.trigger("foreign", "other")
	w.handle(opened)
	w.wantJobs("an event of another account")

	w.trigger("waits", "new")
	err := w.function.Handle(t.Context(), sample(t, opened))
	if err == nil || !strings.Contains(err.Error(), "no ScanEnvironment new") || !strings.Contains(err.Error(), w.namespace+"/waits") {
		t.Errorf("error = %v, want one, so that the event comes again", err)
	}
	w.wantJobs("a trigger whose environment is not there")

	w.environment("new", "")
	err = w.function.Handle(t.Context(), sample(t, opened))
	if err == nil || !strings.Contains(err.Error(), w.namespace+"/new") || !strings.Contains(err.Error(), "not resolved yet") {
		t.Errorf("error = %v, want one, so that the event comes again", err)
	}
	w.wantJobs("an environment that the manager has not looked at")

	w.environment("default", account)
	w.trigger("pull-requests", "default")
	if err := w.function.Handle(t.Context(), sample(t, opened)); err == nil {
		t.Error("no error while an environment is not resolved")
	}
	w.wantJobs("beside it, a trigger that can be served", nameOf(t, "pull-requests", sample(t, opened)))
}

func TestFunctionFailsForWhatItCannotRead(t *testing.T) {
	w := newWorld(t)
	for name, body := range map[string][]byte{
		"a MiB of garbage": garbage(1 << 20), "no object": []byte(`"text"`), "an event without a detail": []byte(`{"source":"aws.codecommit"}`),
	} {
		if err := w.function.Handle(t.Context(), body); !errors.Is(err, events.ErrUndecodable) {
			t.Errorf("%s: error = %v", name, err)
		}
	}
}

func TestFunctionHasNoMoreRightsThanItNeeds(t *testing.T) {
	w := newWorld(t)
	w.environment("default", account)
	w.trigger("pull-requests", "default")
	other := worldOf(t, w.aws, plane.Namespace(t), w.aws.Config())
	other.environment("default", account)
	other.trigger("pull-requests", "default")
	if err := other.function.Handle(t.Context(), sample(t, opened)); err == nil || !strings.Contains(err.Error(), "forbidden") {
		t.Errorf("error = %v in a namespace without its role", err)
	}
	var role rbacv1.Role
	if err := w.admin.Get(t.Context(), client.ObjectKey{Namespace: w.namespace, Name: "scanjob-function"}, &role); err != nil {
		t.Fatal(err)
	}
	// Each right is missed when it is taken away.
	for i := range role.Rules {
		for j, verb := range role.Rules[i].Verbs {
			if role.Rules[i].APIGroups[0] == eventsv1.GroupName {
				// That an event cannot be written is only logged.
				continue
			}
			without := role.DeepCopy()
			without.Rules[i].Verbs[j] = "watch"
			without.ResourceVersion = ""
			if err := w.admin.Update(t.Context(), without); err != nil {
				t.Fatal(err)
			}
			if err := w.missed(); err == nil || !strings.Contains(err.Error(), "forbidden") {
				t.Errorf("nothing is missed without the right to %s %v: %v", verb, role.Rules[i].Resources, err)
			}
		}
	}
}

// missed has a pull request opened, updated and merged, and returns the first error. All jobs are gone before.
func (w *world) missed() error {
	w.t.Helper()
	if err := w.admin.DeleteAllOf(w.t.Context(), &v1alpha1.ScanJob{}, client.InNamespace(w.namespace)); err != nil {
		w.t.Fatal(err)
	}
	for _, file := range []string{opened, updated, merged} {
		if err := w.function.Handle(w.t.Context(), sample(w.t, file)); err != nil {
			return err
		}
	}
	return nil
}

func TestSettingsNameWhatIsMissing(t *testing.T) {
	_, err := settingsOf(func(string) string { return "" })
	if err == nil {
		t.Fatal("no error")
	}
	for _, name := range []string{envClusterName, envClusterEndpoint, envClusterCA} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
	good := map[string]string{envClusterName: "main", envClusterEndpoint: "http://plain", envClusterCA: "LS0tLS1CRUdJTi4uLg=="}
	if _, err := settingsOf(func(name string) string { return good[name] }); err == nil || !strings.Contains(err.Error(), "https URL") || !strings.Contains(err.Error(), "PEM in base64") {
		t.Errorf("error = %v", err)
	}
}
