package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/internal/testplane"
)

// scanned is what a pull request may have become.
func scanned(id string, status scanv1.ScanJobStatus) *outcome {
	opened := time.Date(2026, 1, 15, 12, 30, 45, 0, time.UTC)
	return &outcome{
		pull:   pullRequest{id: id, title: "Export settlements to S3"},
		job:    &scanv1.ScanJob{ObjectMeta: metav1.ObjectMeta{Name: "pulls-payments-pr1-58bc92fe259bd0df"}, Status: status},
		opened: opened, created: opened.Add(20 * time.Millisecond), finished: opened.Add(3330 * time.Millisecond),
	}
}

func complete(result scanv1.ScanResult, findings *scanv1.Findings) scanv1.ScanJobStatus {
	return scanv1.ScanJobStatus{
		Phase: scanv1.PhaseSucceeded, Result: result, Findings: findings, Cost: &scanv1.Cost{EstimatedUSD: "0.000823"},
	}
}

func TestTheLastScreenPointsToWhatIsThere(t *testing.T) {
	root, err := testplane.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	paths := regexp.MustCompile(`(?m)^  (\S+/\S*) `).FindAllStringSubmatch(whereNext(), -1)
	if len(paths) < 3 {
		t.Errorf("it names only the paths %q", paths)
	}
	for _, path := range paths {
		if _, err := os.Stat(filepath.Join(root, path[1])); err != nil {
			t.Error(err)
		}
	}
}

func TestTheSummaryIsOneScreen(t *testing.T) {
	s, _ := plainScreen()
	leaking := scanned("1", complete(scanv1.ResultFindings, &scanv1.Findings{Total: 3, BySeverity: map[string]int32{"critical": 2, "low": 1}}))
	leaking.mail = awslocal.Mail{To: "security@example.com", Subject: "[ScanJob] 2 critical, 1 low in payments, pull request 1"}
	text := s.summary(20*time.Second, []*outcome{leaking, scanned("2", complete(scanv1.ResultClean, nil))}, []string{"a", "b", "c"}) + whereNext()

	if lines := strings.Count(text, "\n"); lines > 40 {
		t.Errorf("it has %d lines, want at most 40", lines)
	}
	for line := range strings.Lines(text) {
		if len(line) > 111 {
			t.Errorf("line of more than 110 columns: %s", line)
		}
	}
	for _, want := range []string{
		"The demo passed in 20.00s", "Findings: 2 critical, 1 low", "to security@example.com", "Clean", "e-mail      none",
		"the ScanJob exists", "0.02", "3.33", "        -",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
}
