package api

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// jobUpdateRules are what a change of a ScanJob is refused for. The job that they change has a size and a container, and is
// cancelled.
func jobUpdateRules() []rule {
	return []rule{
		{
			name:   "another environment is refused",
			covers: "spec: environmentName is immutable; create another ScanJob",
			patch:  `{spec: {environmentName: other}}`,
			want:   "spec: Invalid value: environmentName is immutable; create another ScanJob",
		},
		{
			name:   "another repository is refused",
			covers: "spec: source is immutable; create another ScanJob",
			patch:  `{spec: {source: {codeCommit: {repository: other}}}}`,
			want:   "spec: Invalid value: source is immutable; create another ScanJob",
		},
		{
			name:   "another revision is refused",
			covers: "spec: source is immutable; create another ScanJob",
			patch:  `{spec: {source: {revision: ` + base + `}}}`,
			want:   "spec: Invalid value: source is immutable; create another ScanJob",
		},
		{
			name:   "a base revision that was not there is refused",
			covers: "spec: source is immutable; create another ScanJob",
			patch:  `{spec: {source: {baseRevision: ` + base + `}}}`,
			want:   "spec: Invalid value: source is immutable; create another ScanJob",
		},
		{
			name:   "another mode is refused",
			covers: "spec: mode is immutable; create another ScanJob",
			patch:  `{spec: {mode: Tree}}`,
			want:   "spec: Invalid value: mode is immutable; create another ScanJob",
		},
		{
			name:   "another failOn is refused",
			covers: "spec: failOn is immutable; create another ScanJob",
			patch:  `{spec: {failOn: All}}`,
			want:   "spec: Invalid value: failOn is immutable; create another ScanJob",
		},
		{
			name:   "another backoffLimit is refused",
			covers: "spec: backoffLimit is immutable; create another ScanJob",
			patch:  `{spec: {backoffLimit: 3}}`,
			want:   "spec: Invalid value: backoffLimit is immutable; create another ScanJob",
		},
		{
			name:   "another infrastructureBackoffLimit is refused",
			covers: "spec: infrastructureBackoffLimit is immutable; create another ScanJob",
			patch:  `{spec: {infrastructureBackoffLimit: 7}}`,
			want:   "spec: Invalid value: infrastructureBackoffLimit is immutable; create another ScanJob",
		},
		{
			name:   "another start deadline is refused",
			covers: "spec: startDeadlineSeconds is immutable; create another ScanJob",
			patch:  `{spec: {startDeadlineSeconds: 601}}`,
			want:   "spec: Invalid value: startDeadlineSeconds is immutable; create another ScanJob",
		},
		{
			name:   "another size is refused",
			covers: "spec: resources is immutable; create another ScanJob",
			patch:  `{spec: {resources: {cpu: "2", memory: 4Gi}}}`,
			want:   "spec: Invalid value: resources is immutable; create another ScanJob",
		},
		{
			name:   "a size that is taken away is refused",
			covers: "spec: resources is immutable; create another ScanJob",
			patch:  `{spec: {resources: null}}`,
			want:   "spec: Invalid value: resources is immutable; create another ScanJob",
		},
		{
			name:   "another command is refused",
			covers: "spec: container is immutable; create another ScanJob",
			patch:  `{spec: {container: {command: [other]}}}`,
			want:   "spec: Invalid value: container is immutable; create another ScanJob",
		},
		{
			name:   "a container that is taken away is refused",
			covers: "spec: container is immutable; create another ScanJob",
			patch:  `{spec: {container: null}}`,
			want:   "spec: Invalid value: container is immutable; create another ScanJob",
		},
		{
			name:   "another start is refused",
			covers: "spec: notBefore is immutable; create another ScanJob",
			patch:  `{spec: {notBefore: "2026-11-24T00:00:01Z"}}`,
			want:   "spec: Invalid value: notBefore is immutable; create another ScanJob",
		},
		{
			name:   "a start that is taken away is refused",
			covers: "spec: notBefore is immutable; create another ScanJob",
			patch:  `{spec: {notBefore: null}}`,
			want:   "spec: Invalid value: notBefore is immutable; create another ScanJob",
		},
		{
			name:   "a cancellation that is taken back is refused",
			covers: "spec: cancel cannot be taken back; create another ScanJob",
			patch:  `{spec: {cancel: false}}`,
			want:   "spec: Invalid value: cancel cannot be taken back; create another ScanJob",
		},
	}
}

// everythingSet is a job in which each field that cannot be changed has a value, and which is cancelled.
const everythingSet = `
spec:
  cancel: true
  resources: {cpu: "1", memory: 2Gi}
  container: {command: [scan]}
  notBefore: "2026-11-24T00:00:00Z"
`

func createJob(t *testing.T, patches ...string) (namespace string) {
	t.Helper()
	namespace = plane.Namespace(t)
	_, err := scanJob().client(t, namespace).Create(t.Context(), scanJob().object(t, patches...), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return namespace
}

// update changes the stored object and says what the user reads.
func (k kind) update(t *testing.T, namespace, patch string, subresources ...string) string {
	t.Helper()
	client := k.client(t, namespace)
	stored, err := client.Get(t.Context(), subject, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	merge(stored.Object, parse(t, patch))
	_, err = client.Update(t.Context(), stored, metav1.UpdateOptions{DryRun: []string{metav1.DryRunAll}}, subresources...)
	return k.refusal(t, err)
}

func TestScanJobRefusesChangesOfWhatIsScanned(t *testing.T) {
	namespace := createJob(t, everythingSet)
	for _, r := range jobUpdateRules() {
		t.Run(r.name, func(t *testing.T) {
			if got := scanJob().update(t, namespace, r.patch); got != r.want {
				t.Errorf("the user reads\n  %s\nwant\n  %s", got, r.want)
			}
		})
	}
}

func TestScanJobAcceptsChangesOfHowItRuns(t *testing.T) {
	namespace := createJob(t)
	for _, row := range []accepted{
		{"it can be suspended", `{spec: {suspend: true}}`},
		{"it can be cancelled", `{spec: {cancel: true}}`},
		{"it can be given more time", `{spec: {activeDeadlineSeconds: 7200}}`},
		{"it can be kept longer", `{spec: {ttlSecondsAfterFinished: 1209600}}`},
		{"it can be moved ahead of others", `{spec: {priority: 10}}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := scanJob().update(t, namespace, row.patch); got != "" {
				t.Errorf("refused: %s", got)
			}
		})
	}
}

func TestASuspendedScanJobCanBeResumed(t *testing.T) {
	namespace := createJob(t, `{spec: {suspend: true}}`)
	if got := scanJob().update(t, namespace, `{spec: {suspend: false}}`); got != "" {
		t.Errorf("refused: %s", got)
	}
}
