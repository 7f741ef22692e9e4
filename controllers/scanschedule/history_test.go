package scanschedule

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

const (
	definition7 = "arn:aws:ecs:us-east-1:111122223333:task-definition/scanner:7"
	definition8 = "arn:aws:ecs:us-east-1:111122223333:task-definition/scanner:8"
)

func mustScanner(t *testing.T, definition string, container *v1alpha1.ContainerOverrides) string {
	t.Helper()
	id, err := scannerID(definition, container)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// jobOf is a job for main of payments, due so many hours after noon, that is not finished. change may alter it.
func jobOf(name string, hours int, change ...func(*v1alpha1.ScanJob)) v1alpha1.ScanJob {
	run := noon().Add(time.Duration(hours) * time.Hour)
	job := v1alpha1.ScanJob{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, CreationTimestamp: metav1.NewTime(run),
			Annotations: map[string]string{v1alpha1.AnnotationScheduledTime: stamp(run), v1alpha1.AnnotationBranch: "main"},
		},
		Spec: v1alpha1.ScanJobSpec{
			Source:         v1alpha1.ScanSource{CodeCommit: &v1alpha1.CodeCommitSource{Repository: "payments"}, Revision: commitB},
			ScanJobOptions: v1alpha1.ScanJobOptions{Mode: v1alpha1.ScanModeHistory},
		},
	}
	for _, alter := range change {
		alter(&job)
	}
	return job
}

// ended gives a job a condition, half an hour after it was due, by task definition 7.
func ended(condition string) func(*v1alpha1.ScanJob) {
	return func(job *v1alpha1.ScanJob) {
		job.Status.Conditions = append(job.Status.Conditions, metav1.Condition{Type: condition, Status: metav1.ConditionTrue})
		job.Status.Timeline.FinishedTime = ptr.To(metav1.NewTime(job.CreationTimestamp.Add(30 * time.Minute)))
		job.Status.Attempts = []v1alpha1.Attempt{{Number: 1, TaskDefinitionARN: definition7}}
	}
}

func complete() func(*v1alpha1.ScanJob) { return ended(v1alpha1.ConditionComplete) }

func from(base string) func(*v1alpha1.ScanJob) {
	return func(job *v1alpha1.ScanJob) { job.Spec.Source.BaseRevision = base }
}

func to(revision string) func(*v1alpha1.ScanJob) {
	return func(job *v1alpha1.ScanJob) { job.Spec.Source.Revision = revision }
}

func with(definition string) func(*v1alpha1.ScanJob) {
	return func(job *v1alpha1.ScanJob) { job.Status.Attempts[0].TaskDefinitionARN = definition }
}

func TestRecordAdvancesTheHistory(t *testing.T) {
	seven, eight := mustScanner(t, definition7, nil), mustScanner(t, definition8, nil)
	at := func(revision string, hours int, scanner string) *v1alpha1.ScannedHistory {
		return &v1alpha1.ScannedHistory{Revision: revision, ScheduleTime: metav1.NewTime(noon().Add(time.Duration(hours) * time.Hour)), Scanner: scanner}
	}
	tree := func(job *v1alpha1.ScanJob) { job.Spec.Mode = v1alpha1.ScanModeTree }
	elsewhere := func(job *v1alpha1.ScanJob) { job.Annotations[v1alpha1.AnnotationBranch] = "develop" }
	spoiled := func(job *v1alpha1.ScanJob) { job.Annotations = nil }
	for name, row := range map[string]struct {
		before *v1alpha1.ScannedHistory
		jobs   []v1alpha1.ScanJob
		want   *v1alpha1.ScannedHistory
	}{
		"the first complete scan":               {nil, []v1alpha1.ScanJob{jobOf("a", 1, complete())}, at(commitB, 1, seven)},
		"a scan that goes on from the last one": {at(commitA, 1, seven), []v1alpha1.ScanJob{jobOf("b", 2, complete(), from(commitA))}, at(commitB, 2, seven)},
		"two at once, in the order of their runs": {
			at(commitA, 1, seven),
			[]v1alpha1.ScanJob{jobOf("a", 3, complete(), from(commitA), to(commitC)), jobOf("b", 2, complete(), from(commitA))}, at(commitC, 3, seven),
		},
		"an older scan that ends later sets nothing back": {at(commitC, 3, seven), []v1alpha1.ScanJob{jobOf("b", 2, complete(), from(commitA))}, at(commitC, 3, seven)},
		"the same scan, seen again":                       {at(commitC, 2, seven), []v1alpha1.ScanJob{jobOf("b", 2, complete())}, at(commitC, 2, seven)},
		"a failed scan does not count":                    {at(commitA, 1, seven), []v1alpha1.ScanJob{jobOf("b", 2, ended(v1alpha1.ConditionFailed), from(commitA))}, at(commitA, 1, seven)},
		"an unfinished scan does not count":               {at(commitA, 1, seven), []v1alpha1.ScanJob{jobOf("b", 2, from(commitA))}, at(commitA, 1, seven)},
		"a scan of the tree does not count":               {nil, []v1alpha1.ScanJob{jobOf("a", 1, complete(), tree)}, nil},
		"a scan of another branch does not count":         {nil, []v1alpha1.ScanJob{jobOf("a", 1, complete(), elsewhere)}, nil},
		"a job without its annotations does not count":    {nil, []v1alpha1.ScanJob{jobOf("a", 1, complete(), spoiled)}, nil},
		"a scan that goes on from what is not on record":  {nil, []v1alpha1.ScanJob{jobOf("a", 1, complete(), from(commitA))}, nil},
		"a new scanner that only saw the new commits does not count as having seen all": {
			at(commitA, 1, seven), []v1alpha1.ScanJob{jobOf("b", 2, complete(), with(definition8), from(commitA))}, at(commitB, 2, seven),
		},
		"a new scanner that saw all counts": {at(commitA, 1, seven), []v1alpha1.ScanJob{jobOf("b", 2, complete(), with(definition8))}, at(commitB, 2, eight)},
	} {
		t.Run(name, func(t *testing.T) {
			status := &v1alpha1.ScanScheduleStatus{Targets: []v1alpha1.ScheduleTarget{{Repository: "payments", Branch: "main", History: row.before}}}
			if err := record(status, childrenOf(row.jobs)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.want, status.Targets[0].History); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestRecordNotesTheLastSuccess(t *testing.T) {
	status := &v1alpha1.ScanScheduleStatus{}
	list := []v1alpha1.ScanJob{jobOf("a", 1, complete()), jobOf("b", 3, ended(v1alpha1.ConditionFailed)), jobOf("c", 2, complete()), jobOf("d", 4)}
	want := noon().Add(2*time.Hour + 30*time.Minute)
	for range 2 {
		if err := record(status, childrenOf(list)); err != nil {
			t.Fatal(err)
		}
		if status.LastSuccessfulTime == nil || !status.LastSuccessfulTime.Time.Equal(want) {
			t.Errorf("%v, want %v", status.LastSuccessfulTime, want)
		}
		list = list[:1] // the newer ones are deleted
	}
}

func TestBaseOf(t *testing.T) {
	seven := mustScanner(t, definition7, nil)
	history := &v1alpha1.ScannedHistory{Revision: commitA, Scanner: seven}
	for name, row := range map[string]struct {
		mode        v1alpha1.ScanMode
		incremental *bool
		history     *v1alpha1.ScannedHistory
		head        string
		scanner     string
		base        string
		unchanged   bool
	}{
		"the first scan is of everything":                          {head: commitA, scanner: seven},
		"the next goes on from the last":                           {history: history, head: commitB, scanner: seven, base: commitA},
		"a branch that has not moved":                              {history: history, head: commitA, scanner: seven, base: commitA, unchanged: true},
		"another scanner scans everything":                         {history: history, head: commitB, scanner: mustScanner(t, definition8, nil)},
		"another scanner scans everything of a branch that stands": {history: history, head: commitA, scanner: mustScanner(t, definition8, nil)},
		"a scanner that is not known yet is taken for the same":    {history: history, head: commitB, base: commitA},
		"incremental is switched off":                              {incremental: ptr.To(false), history: history, head: commitA, scanner: seven},
		"a tree is scanned each time":                              {mode: v1alpha1.ScanModeTree, history: history, head: commitA, scanner: seven},
	} {
		t.Run(name, func(t *testing.T) {
			spec := &v1alpha1.ScanScheduleSpec{Incremental: row.incremental}
			spec.Template.Spec.Mode = v1alpha1.ScanModeHistory
			if row.mode != "" {
				spec.Template.Spec.Mode = row.mode
			}
			base, unchanged := baseOf(spec, row.history, row.head, row.scanner)
			if base != row.base || unchanged != row.unchanged {
				t.Errorf("base %q, unchanged %t; want %q, %t", base, unchanged, row.base, row.unchanged)
			}
		})
	}
}

func TestScannerIDIsOfTheTaskDefinitionAndTheContainer(t *testing.T) {
	command := func(words ...string) *v1alpha1.ContainerOverrides {
		return &v1alpha1.ContainerOverrides{Command: words}
	}
	seen := map[string]string{}
	for name, id := range map[string]string{
		"one revision":            mustScanner(t, definition7, nil),
		"another revision":        mustScanner(t, definition8, nil),
		"another command":         mustScanner(t, definition7, command("scan", "--all")),
		"a command cut otherwise": mustScanner(t, definition7, command("scan --all")),
	} {
		if before, ok := seen[id]; ok {
			t.Errorf("%s is taken for %s", name, before)
		}
		seen[id] = name
	}
	one, again := command("scan"), command("scan")
	if mustScanner(t, definition7, one) != mustScanner(t, definition7, again) {
		t.Error("one scanner has two identities")
	}
	if id := mustScanner(t, "", command("scan")); id != "" {
		t.Errorf("without a task definition it is %q", id)
	}
}
