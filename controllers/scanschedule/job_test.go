package scanschedule

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
)

func TestJobNameIsAFunctionOfScheduleRunRepositoryAndBranch(t *testing.T) {
	name := func(schedule string, s scan) string {
		got, err := jobName(schedule, s)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	base := scan{run: noon(), repository: "payments", branch: "main", head: commitA}
	want := name("weekly", base)
	if !strings.HasPrefix(want, "weekly-payments-main-") || len(validation.IsDNS1123Label(want)) > 0 {
		t.Errorf("name %q", want)
	}
	moved := base
	moved.head, moved.base, moved.run = commitB, commitA, noon().In(time.FixedZone("", 3600))
	if got := name("weekly", moved); got != want {
		t.Errorf("%q and %q, but only the head, the base and the zone of the time differ", want, got)
	}
	seen := map[string]string{want: "the first"}
	for what, got := range map[string]string{
		"another schedule":   name("daily", base),
		"another run":        name("weekly", scan{run: noon().Add(time.Minute), repository: "payments", branch: "main"}),
		"another repository": name("weekly", scan{run: noon(), repository: "payment", branch: "main"}),
		"another branch":     name("weekly", scan{run: noon(), repository: "payments", branch: "develop"}),
		"shifted parts":      name("weekly", scan{run: noon(), repository: "paymentsm", branch: "ain"}),
	} {
		if before, ok := seen[got]; ok {
			t.Errorf("%s has the name of %s", what, before)
		}
		seen[got] = what
	}
}

func TestNewJob(t *testing.T) {
	schedule := &v1alpha1.ScanSchedule{
		ObjectMeta: metav1.ObjectMeta{Name: "weekly", Namespace: "scans", UID: "uid-1"},
		Spec: v1alpha1.ScanScheduleSpec{
			EnvironmentName: "default",
			Template: v1alpha1.ScanJobTemplate{
				Metadata: v1alpha1.TemplateMetadata{
					Labels:      map[string]string{"team": "payments", v1alpha1.LabelSchedule: "forged"},
					Annotations: map[string]string{"note": "hello", v1alpha1.AnnotationBranch: "forged", v1alpha1.AnnotationSupersededBy: "forged"},
				},
				Spec: v1alpha1.ScanJobOptions{Mode: v1alpha1.ScanModeHistory, Priority: -100},
			},
		},
	}
	want := &v1alpha1.ScanJob{
		ObjectMeta: metav1.ObjectMeta{
			Name: "the-name", Namespace: "scans",
			Labels: map[string]string{"team": "payments", v1alpha1.LabelSchedule: "weekly", v1alpha1.LabelRepository: "payments"},
			Annotations: map[string]string{
				"note": "hello", v1alpha1.AnnotationBranch: "release/1", v1alpha1.AnnotationScheduledTime: "2026-11-24T12:00:00Z",
			},
			Finalizers: []string{v1alpha1.FinalizerStopTask},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "scanjob.dev/v1alpha1", Kind: "ScanSchedule", Name: "weekly", UID: "uid-1",
				Controller: ptr.To(true), BlockOwnerDeletion: ptr.To(false),
			}},
		},
		Spec: v1alpha1.ScanJobSpec{
			EnvironmentName: "default",
			Source: v1alpha1.ScanSource{
				CodeCommit: &v1alpha1.CodeCommitSource{Repository: "payments"}, Revision: commitB, BaseRevision: commitA,
			},
			ScanJobOptions: v1alpha1.ScanJobOptions{Mode: v1alpha1.ScanModeHistory, Priority: -100},
		},
	}
	got := newJob(schedule, scan{run: noon(), repository: "payments", branch: "release/1", head: commitB, base: commitA}, "the-name")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if c := childrenOf([]v1alpha1.ScanJob{*got})[0]; !c.run.Equal(noon()) || c.repository != "payments" || c.branch != "release/1" {
		t.Errorf("read back as %+v", c)
	}
}
