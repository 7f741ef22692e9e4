package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
)

// get asks for what `kubectl get -o wide` shows; columns that are only in the wide form are in brackets.
func (k kind) get(t *testing.T, namespace string) (columns, cells string) {
	t.Helper()
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	if err := metav1.AddMetaToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	config := rest.CopyConfig(plane.Config)
	config.APIPath = "/apis"
	config.GroupVersion = &schema.GroupVersion{Group: "scanjob.dev", Version: "v1alpha1"}
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	client, err := rest.RESTClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	var table metav1.Table
	err = client.Get().Namespace(namespace).Resource(k.plural).
		SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").Do(t.Context()).Into(&table)
	if err != nil {
		t.Fatal(err)
	}
	if len(table.Rows) != 1 {
		t.Fatalf("%d rows, want 1", len(table.Rows))
	}
	var names, values []string
	for index, column := range table.ColumnDefinitions {
		name, value := column.Name, fmt.Sprint(table.Rows[0].Cells[index])
		if column.Type == "date" && value != "<nil>" {
			value = "time"
		}
		if column.Name == "Age" {
			value = "time"
		}
		if column.Priority > 0 {
			name, value = "["+name+"]", "["+value+"]"
		}
		names, values = append(names, name), append(values, value)
	}
	return strings.Join(names, " | "), strings.Join(values, " | ")
}

func TestColumnsSayWhatItDoesAndWhatItFound(t *testing.T) {
	for _, row := range []struct {
		name    string
		kind    kind
		spec    string
		status  string
		columns string
		cells   string
	}{
		{
			name: "a ScanJob that found something",
			kind: scanJob(),
			spec: `{spec: {source: {codeCommit: {pullRequestID: "42"}}}}`,
			status: `
status:
  phase: Succeeded
  result: Findings
  findings: {total: 3, new: 2}
  conditions:
  - {type: Admitted, status: "False", reason: Finished, message: "", lastTransitionTime: "2026-11-24T00:00:00Z"}`,
			columns: "Name | Phase | Result | Findings | Repository | PR | Age | [Mode] | [Revision] | [Admission] | [URL] | [Failure] | [Environment]",
			cells:   "subject | Succeeded | Findings | 3 | payments | 42 | time | [Changes] | [" + revision + "] | [Finished] | [<nil>] | [<nil>] | [default]",
		},
		{
			name: "a ScanEnvironment that is not ready",
			kind: scanEnvironment(),
			status: `
status:
  slots: {inUse: 40, waiting: 3}
  resolved: {region: us-east-1, account: "111122223333", clusterARN: c, taskDefinitionARN: "scanner:7", subnets: [subnet-0abc]}
  conditions:
  - {type: Ready, status: "False", reason: ClusterNotSynced, message: wait, lastTransitionTime: "2026-11-24T00:00:00Z"}
  - {type: Degraded, status: "True", reason: AttemptFailed, message: spoiled, lastTransitionTime: "2026-11-24T00:00:00Z"}`,
			columns: "Name | Ready | Reason | Limit | In Use | Waiting | [Region] | [Task Definition] | [Degraded] | [Message] | Age",
			cells:   "subject | False | ClusterNotSynced | 100 | 40 | 3 | [us-east-1] | [scanner:7] | [True] | [wait] | time",
		},
		{
			name: "a ScanTrigger that made a job",
			kind: scanTrigger(),
			spec: `{spec: {repositories: [payments, infra-*]}}`,
			status: `
status:
  activeJobs: 1
  lastJobName: payments-42
  lastJobTime: "2026-11-24T00:00:00Z"
  lastSweepTime: "2026-11-24T00:00:00Z"
  missedHeads: 3
  deadLetters: {messages: 2}
  conditions:
  - {type: Ready, status: "True", reason: Listening, message: "", lastTransitionTime: "2026-11-24T00:00:00Z"}`,
			columns: "Name | Ready | Suspend | Active | Last | Swept | Missed | Dead Letters | Age | [Environment] | [Last Job] | [Repositories] | [Reason]",
			cells:   `subject | True | false | 1 | time | time | 3 | 2 | time | [default] | [payments-42] | [["payments","infra-*"]] | [Listening]`,
		},
		{
			name:    "a ScanTrigger that made none: zero is a number too",
			kind:    scanTrigger(),
			status:  `{status: {observedGeneration: 1}}`,
			columns: "Name | Ready | Suspend | Active | Last | Swept | Missed | Dead Letters | Age | [Environment] | [Last Job] | [Repositories] | [Reason]",
			cells:   `subject | <nil> | false | 0 | <nil> | <nil> | 0 | <nil> | time | [default] | [<nil>] | [<nil>] | [<nil>]`,
		},
		{
			name:    "a ScanSchedule that made none",
			kind:    scanSchedule(),
			status:  `{status: {observedGeneration: 1}}`,
			columns: "Name | Ready | Schedule | Time Zone | Suspend | Active | Last | Next | Age | [Mode] | [Repositories] | [Reason]",
			cells:   `subject | <nil> | @daily | Etc/UTC | false | 0 | <nil> | <nil> | time | [Tree] | [["payments"]] | [<nil>]`,
		},
		{
			name: "a ScanSchedule that ran; the next time is not an age, because kubectl prints none for the future",
			kind: scanSchedule(),
			status: `
status:
  activeJobs: 2
  lastScheduleTime: "2026-11-24T00:00:00Z"
  nextScheduleTime: "2099-11-25T00:00:00Z"
  conditions:
  - {type: Ready, status: "True", reason: Scheduled, message: "", lastTransitionTime: "2026-11-24T00:00:00Z"}`,
			columns: "Name | Ready | Schedule | Time Zone | Suspend | Active | Last | Next | Age | [Mode] | [Repositories] | [Reason]",
			cells:   `subject | True | @daily | Etc/UTC | false | 2 | time | 2099-11-25T00:00:00Z | time | [Tree] | [["payments"]] | [Scheduled]`,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			namespace := plane.Namespace(t)
			client := row.kind.client(t, namespace)
			made, err := client.Create(t.Context(), row.kind.object(t, row.spec), metav1.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			merge(made.Object, parse(t, row.status))
			if _, err := client.UpdateStatus(t.Context(), made, metav1.UpdateOptions{}); err != nil {
				t.Fatal(err)
			}
			columns, cells := row.kind.get(t, namespace)
			if diff := cmp.Diff([]string{row.columns, row.cells}, []string{columns, cells}); diff != "" {
				t.Errorf("the table (-want +got):\n%s", diff)
			}
		})
	}
}

func TestShortNamesAndCategories(t *testing.T) {
	client, err := discovery.NewDiscoveryClientForConfig(plane.Config)
	if err != nil {
		t.Fatal(err)
	}
	list, err := client.ServerResourcesForGroupVersion("scanjob.dev/v1alpha1")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			index := slices.IndexFunc(list.APIResources, func(r metav1.APIResource) bool { return r.Name == k.plural })
			if index < 0 {
				t.Fatalf("%s is not served", k.plural)
			}
			got := list.APIResources[index]
			if !slices.Equal(got.ShortNames, []string{k.shortName}) {
				t.Errorf("short names = %v, want %s", got.ShortNames, k.shortName)
			}
			slices.Sort(got.Categories)
			if !slices.Equal(got.Categories, []string{"all", "scanjob"}) {
				t.Errorf("categories = %v, want all and scanjob", got.Categories)
			}
			if !got.Namespaced {
				t.Error("it is not namespaced")
			}
			status := func(r metav1.APIResource) bool { return r.Name == k.plural+"/status" }
			if !slices.ContainsFunc(list.APIResources, status) {
				t.Error("it has no status subresource")
			}
		})
	}
}

func TestScanJobsAreSelectedByFields(t *testing.T) {
	namespace := createJob(t)
	client := scanJob().client(t, namespace)
	stored, err := client.Get(t.Context(), subject, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	merge(stored.Object, parse(t, `{status: {phase: Running, result: Unknown}}`))
	if _, err := client.UpdateStatus(t.Context(), stored, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	for selector, want := range map[string]int{
		"spec.environmentName=default": 1,
		"spec.environmentName=other":   0,
		"status.phase=Running":         1,
		"status.phase=Failed":          0,
		"status.result=Unknown":        1,
		"status.result=Findings":       0,
	} {
		t.Run(selector, func(t *testing.T) {
			found, err := client.List(t.Context(), metav1.ListOptions{FieldSelector: selector})
			if err != nil {
				t.Fatal(err)
			}
			if len(found.Items) != want {
				t.Errorf("%d objects, want %d", len(found.Items), want)
			}
		})
	}
}
