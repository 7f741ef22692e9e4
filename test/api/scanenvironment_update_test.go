package api

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// environmentUpdateRules are what a change of a ScanEnvironment is refused for. The environment that they change has a
// limit of 100, and 40 slots are in use.
func environmentUpdateRules() []rule {
	return []rule{
		{
			name:   "a limit below what is running is refused, with the values that are valid",
			covers: "object: spec.capacity.maxConcurrentTasks must not be lowered below status.slots.inUse without spec.capacity.drain",
			patch:  `{spec: {capacity: {maxConcurrentTasks: 39}}}`,
			want:   "<nil>: Invalid value: spec.capacity.maxConcurrentTasks must be 40 to 10000, because that many slots are in use; set spec.capacity.drain to lower it all the same and let their tasks end",
		},
	}
}

func TestWhatAChangeOfAnEnvironmentIsRefusedFor(t *testing.T) {
	k, namespace := busyEnvironment(t)
	for _, r := range environmentUpdateRules() {
		t.Run(r.name, func(t *testing.T) {
			if got := k.update(t, namespace, r.patch); got != r.want {
				t.Errorf("the user reads\n  %s\nwant\n  %s", got, r.want)
			}
		})
	}
}

func TestLimitsThatABusyEnvironmentAccepts(t *testing.T) {
	k, namespace := busyEnvironment(t)
	for _, row := range []accepted{
		{"as many as are running", `{spec: {capacity: {maxConcurrentTasks: 40}}}`},
		{"more than before", `{spec: {capacity: {maxConcurrentTasks: 101}}}`},
		{"fewer than are running, with drain", `{spec: {capacity: {maxConcurrentTasks: 1, drain: true}}}`},
		{"another change under a limit that is too low already", `{spec: {containerName: other}}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := k.update(t, namespace, row.patch); got != "" {
				t.Errorf("refused: %s", got)
			}
		})
	}
}

func busyEnvironment(t *testing.T) (kind, string) {
	t.Helper()
	k, namespace := scanEnvironment(), plane.Namespace(t)
	stored, err := k.client(t, namespace).Create(t.Context(), k.object(t), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	merge(stored.Object, parse(t, `{status: {slots: {inUse: 40, waiting: 3}}}`))
	if _, err := k.client(t, namespace).UpdateStatus(t.Context(), stored, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	return k, namespace
}
