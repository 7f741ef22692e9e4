package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/controllers"
	"github.com/scanjob-dev/scanjob/internal/testplane"
)

// plane is started once: a start takes seconds.
var plane *testplane.Plane

func TestMain(m *testing.M) {
	os.Exit(testplane.Main(m, func(started *testplane.Plane) error {
		plane = started
		return nil
	}))
}

// next returns the next row of a watch.
func next(t *testing.T, w *jobWatch) seen {
	t.Helper()
	select {
	case row, ok := <-w.rows:
		if !ok {
			t.Fatalf("the watch ended: %v", w.err)
		}
		return row
	case <-time.After(30 * time.Second):
		t.Fatal("no row came")
	}
	return seen{}
}

func TestRowsAreWhatKubectlWouldPrint(t *testing.T) {
	namespace := plane.Namespace(t)
	api, err := kubernetes.NewForConfig(plane.Config)
	if err != nil {
		t.Fatal(err)
	}
	scheme, err := controllers.NewScheme()
	if err != nil {
		t.Fatal(err)
	}
	kube, err := client.New(plane.Config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	w, err := watchJobs(t.Context(), api.Discovery().RESTClient(), namespace)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()

	job := &scanv1.ScanJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "one"},
		Spec: scanv1.ScanJobSpec{EnvironmentName: "default", Source: scanv1.ScanSource{
			CodeCommit: &scanv1.CodeCommitSource{Repository: "payments", PullRequestID: "7"}, Revision: strings.Repeat("a", 40),
		}},
	}
	if err := kube.Create(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	first := next(t, w)
	if got, want := strings.Join(w.table.names(), " "), "NAME PHASE RESULT FINDINGS REPOSITORY PR AGE"; got != want {
		t.Errorf("the columns are %s, want %s", got, want)
	}
	if first.job.UID != job.UID || first.cells[0] != "one" || first.cells[4] != "payments" || first.cells[5] != "7" {
		t.Errorf("row %q of %s, want that of the job", first.cells, first.job.Name)
	}

	job.Status.Phase, job.Status.Result = scanv1.PhaseSucceeded, scanv1.ResultFindings
	job.Status.Findings = &scanv1.Findings{Total: 3, New: 3}
	if err := kube.Status().Update(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	second := next(t, w)
	if got := strings.Join(second.cells[1:4], " "); got != "Succeeded Findings 3" {
		t.Errorf("the row says %s, want Succeeded Findings 3", got)
	}
	if w.table.key(first.cells) == w.table.key(second.cells) {
		t.Error("the change is not worth a new line")
	}
}

func TestAWatchEndsWithItsContext(t *testing.T) {
	api, err := kubernetes.NewForConfig(plane.Config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	w, err := watchJobs(ctx, api.Discovery().RESTClient(), plane.Namespace(t))
	if err != nil {
		t.Fatal(err)
	}
	ended := errors.New("the manager ended")
	cancel(ended)
	d := &demo{screen: newScreen(os.Stdout)}
	err = d.follow(ctx, w, &outcome{pull: pullRequest{id: "1"}})
	if !errors.Is(err, ended) {
		t.Errorf("error is %v, want the context's cause", err)
	}
	w.close()
}

func TestColumns(t *testing.T) {
	shown := table{columns: []metav1.TableColumnDefinition{
		{Name: "Name"}, {Name: "Phase"}, {Name: "Mode", Priority: 1}, {Name: "Age"},
	}}
	cells := shown.cells(metav1.TableRow{Cells: []any{"a-long-name", nil, "Changes", "1s"}})
	if got := strings.Join(cells, "|"); got != "a-long-name||1s" {
		t.Errorf("cells are %s, want those without -o wide", got)
	}
	shown.format(cells)
	if got, want := shown.format(shown.names()), "NAME          PHASE       AGE"; got != want {
		t.Errorf("header is %q, want %q", got, want)
	}
	if got, want := shown.format([]string{"b", "Succeeded", "12s"}), "b             Succeeded   12s"; got != want {
		t.Errorf("row is %q, want %q", got, want)
	}
	if shown.key([]string{"b", "Running", "1s"}) != shown.key([]string{"b", "Running", "2s"}) {
		t.Error("a row is repeated for its age alone")
	}
}
