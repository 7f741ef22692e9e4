package main

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
)

func condition(kind string, status metav1.ConditionStatus, reason string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: "the message"}
}

func TestNote(t *testing.T) {
	for name, row := range map[string]struct {
		conditions []metav1.Condition
		failure    string
		finished   bool
		reported   bool
	}{
		"a job that runs is followed on": {},
		"a complete job is finished and followed on": {
			conditions: []metav1.Condition{
				condition(scanv1.ConditionComplete, metav1.ConditionTrue, scanv1.ReasonScanned),
				condition(scanv1.ConditionReported, metav1.ConditionFalse, scanv1.ReasonAwaitingFindings),
			},
			finished: true,
		},
		"a reported job is at its end": {
			conditions: []metav1.Condition{
				condition(scanv1.ConditionComplete, metav1.ConditionTrue, scanv1.ReasonScanned),
				condition(scanv1.ConditionReported, metav1.ConditionTrue, scanv1.ReasonFindingsReceived),
			},
			finished: true, reported: true,
		},
		"a failed job fails the demo with the reason": {
			conditions: []metav1.Condition{condition(scanv1.ConditionFailed, metav1.ConditionTrue, scanv1.ReasonConfiguration)},
			failure:    "ScanJob one failed, Configuration: the message",
		},
		"findings that did not arrive fail the demo": {
			conditions: []metav1.Condition{condition(scanv1.ConditionReported, metav1.ConditionFalse, scanv1.ReasonFindingsNotReceived)},
			failure:    "ScanJob one could not report, FindingsNotReceived: the message",
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := &outcome{}
			job := &scanv1.ScanJob{ObjectMeta: metav1.ObjectMeta{Name: "one"}, Status: scanv1.ScanJobStatus{Conditions: row.conditions}}
			err := o.note(seen{job: job, at: time.Now()})
			if row.failure == "" && err != nil || row.failure != "" && (err == nil || err.Error() != row.failure) {
				t.Errorf("error is %v, want %q", err, row.failure)
			}
			if o.finished.IsZero() == row.finished || o.reported.IsZero() == row.reported {
				t.Errorf("finished at %v, reported at %v, want %v and %v", o.finished, o.reported, row.finished, row.reported)
			}
		})
	}
}

func TestTheFirstTimeOfSomethingCounts(t *testing.T) {
	first := time.Date(2026, 1, 15, 12, 30, 45, 0, time.UTC)
	o := &outcome{}
	for i := range 3 {
		job := &scanv1.ScanJob{
			ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{scanv1.AnnotationReceivedTime: first.Format(time.RFC3339Nano)}},
			Status:     scanv1.ScanJobStatus{Phase: scanv1.PhaseRunning},
		}
		if err := o.note(seen{job: job, at: first.Add(time.Duration(i) * time.Second)}); err != nil {
			t.Fatal(err)
		}
	}
	if o.created != first || o.running != first || !o.received.Equal(first) {
		t.Errorf("created at %v, running at %v, received at %v, want %v", o.created, o.running, o.received, first)
	}
}

func TestAJobThatWaitsSaysForWhat(t *testing.T) {
	o := &outcome{pull: pullRequest{id: "1"}}
	if got := o.waitsFor(); got != "no ScanJob for pull request 1 yet" {
		t.Errorf("without a job it says %q", got)
	}
	o = scanned("1", scanv1.ScanJobStatus{Phase: scanv1.PhaseQueued, Conditions: []metav1.Condition{
		condition(scanv1.ConditionAdmitted, metav1.ConditionFalse, scanv1.ReasonConcurrencyLimit),
	}})
	if got := o.waitsFor(); !strings.HasSuffix(got, " is Queued, Admitted=False ConcurrencyLimit: the message") {
		t.Errorf("it says %q", got)
	}
}

func TestFindingsMustBeJustWhatWasPlanted(t *testing.T) {
	planted := []place{{"aws-access-key-id", "a.env", 3}, {"aws-account-id", "b.json", 1}}
	items := []scanv1.Finding{{Rule: "aws-account-id", Path: "b.json", Line: 1}, {Rule: "aws-access-key-id", Path: "a.env", Line: 3}}
	for name, row := range map[string]struct {
		status scanv1.ScanJobStatus
		want   string
	}{
		"in any order":          {complete(scanv1.ResultFindings, &scanv1.Findings{Total: 2, Items: items}), ""},
		"one is missing":        {complete(scanv1.ResultFindings, &scanv1.Findings{Total: 1, Items: items[:1]}), "misses aws-access-key-id in a.env, line 3"},
		"there is one more":     {complete(scanv1.ResultFindings, &scanv1.Findings{Total: 3, Items: items}), "has 3 findings, want 2"},
		"the scan was clean":    {complete(scanv1.ResultClean, nil), "is Succeeded with result Clean, want Succeeded and Findings"},
		"the scan was not done": {scanv1.ScanJobStatus{Phase: scanv1.PhaseRunning}, "is Running with result , want Succeeded and Findings"},
	} {
		t.Run(name, func(t *testing.T) {
			err := scanned("1", row.status).wantFindings(planted)
			if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.HasSuffix(err.Error(), row.want)) {
				t.Errorf("error is %v, want %q", err, row.want)
			}
		})
	}
	if err := scanned("1", complete(scanv1.ResultClean, nil)).wantClean(); err != nil {
		t.Error(err)
	}
	if err := scanned("1", complete(scanv1.ResultFindings, nil)).wantClean(); err == nil {
		t.Error("findings are taken for clean")
	}
}
