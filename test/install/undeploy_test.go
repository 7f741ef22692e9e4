package install

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/testplane"
)

// Whoever removes the manager first leaves tasks that run and objects whose finalizers nobody takes away.
func TestUndeployStopsTheScansBeforeTheManagerGoes(t *testing.T) {
	steps := deletions(t)
	if want := []string{"config/crd", "config/default"}; !slices.Equal(steps, want) {
		t.Fatalf("make undeploy deletes %v, want %v", steps, want)
	}

	w := newWorld(t)
	w.startManager()
	environment := w.stack.Environment(w.team, "default")
	w.create(environment)
	w.environmentIs(metav1.ConditionTrue)
	w.stack.AWS.RunContainersWith(awslocal.UntilStopped())
	job := scanJob(w.team, "running")
	w.create(job)
	w.runs(job)

	var definitions []client.Object
	for _, object := range build(t, "crd") {
		if err := w.kube.Delete(t.Context(), object); err != nil {
			t.Fatal(err)
		}
		definitions = append(definitions, object)
	}
	for _, definition := range definitions {
		w.gone(definition)
	}
	tasks := w.stack.AWS.Tasks()
	if len(tasks) != 1 || tasks[0].LastStatus != "STOPPED" {
		t.Errorf("the tasks are %+v", tasks)
	}
	if err := w.kube.List(t.Context(), &scanv1.ScanJobList{}, client.InNamespace(w.team)); err == nil {
		t.Error("ScanJobs are still served")
	}
}

// deletions are the folders whose objects make undeploy deletes, in their order.
func deletions(t *testing.T) (folders []string) {
	t.Helper()
	directory, err := testplane.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "make", "--no-print-directory", "--dry-run", "undeploy")
	command.Dir = directory
	lines, err := command.Output()
	if err != nil {
		t.Fatalf("make --dry-run undeploy: %v", err)
	}
	for line := range strings.Lines(string(lines)) {
		if !strings.Contains(line, " delete ") {
			continue
		}
		_, rest, _ := strings.Cut(line, " build ")
		folders = append(folders, strings.Fields(rest)[0])
	}
	return folders
}
