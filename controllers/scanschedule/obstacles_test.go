package scanschedule

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/smithy-go"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awsclient"
	"github.com/scanjob-dev/scanjob/internal/codecommit"
)

func TestObstacleOf(t *testing.T) {
	api := func(code string) error {
		return fmt.Errorf("GetBranch: %w", &smithy.GenericAPIError{Code: code, Message: "no", Fault: smithy.FaultClient})
	}
	for name, row := range map[string]struct {
		err    error
		state  v1alpha1.TargetState
		reason string
		says   string
	}{
		"the repository is gone":        {codecommit.ErrRepositoryNotFound, v1alpha1.TargetAbsent, v1alpha1.ReasonRepositoryNotFound, "no repository payments in us-east-1"},
		"the repository is empty":       {codecommit.ErrEmpty, v1alpha1.TargetAbsent, v1alpha1.ReasonRepositoryEmpty, "payments is empty"},
		"the branch is not there":       {codecommit.ErrBranchNotFound, v1alpha1.TargetAbsent, v1alpha1.ReasonBranchNotFound, "no branch develop"},
		"access is denied":              {api("AccessDeniedException"), v1alpha1.TargetWaiting, v1alpha1.ReasonAccessDenied, "codecommit:GetBranch"},
		"the role cannot be assumed":    {fmt.Errorf("%w: %w", awsclient.ErrAssumeRole, api("AccessDenied")), v1alpha1.TargetWaiting, v1alpha1.ReasonAssumeRoleFailed, "AccessDenied"},
		"AWS throttles":                 {api("ThrottlingException"), v1alpha1.TargetWaiting, v1alpha1.ReasonAWSUnavailable, "ThrottlingException"},
		"AWS does not answer":           {context.DeadlineExceeded, v1alpha1.TargetWaiting, v1alpha1.ReasonAWSUnavailable, "no answer in time"},
		"AWS refuses for another cause": {api("EncryptionKeyDisabledException"), v1alpha1.TargetFailed, v1alpha1.ReasonRepositoryUnreadable, "EncryptionKeyDisabledException"},
	} {
		t.Run(name, func(t *testing.T) {
			got := obstacleOf(row.err, "us-east-1", &v1alpha1.ScheduleTarget{Repository: "payments", Branch: "develop"})
			if got.state != row.state || got.reason != row.reason || !strings.Contains(got.Error(), row.says) {
				t.Errorf("%s %v; want %s %s that says %q", got.state, got, row.state, row.reason, row.says)
			}
			var why *obstacle
			if !errors.As(fmt.Errorf("scan: %w", got), &why) {
				t.Error("it is not told from other errors")
			}
		})
	}
}

func TestRetryAfterGrowsWithTheWait(t *testing.T) {
	for waited, want := range map[time.Duration]time.Duration{
		-time.Second: 15 * time.Second, 0: 15 * time.Second, time.Minute: time.Minute, time.Hour: 15 * time.Minute,
	} {
		if got := retryAfter(waited); got != want {
			t.Errorf("after %v: %v, want %v", waited, got, want)
		}
	}
}

func TestNotesOfOneReasonAreOneEventThatFits(t *testing.T) {
	s := &scope{}
	for i := range 100 {
		s.tell("Warning", "RepositoryEmpty", "Scan", fmt.Sprintf("répo%d: it is empty", i))
	}
	s.tell("Warning", "AccessDenied", "Scan", "secret: no")
	if len(s.notes) != 2 || s.notes[1].text() != "secret: no" {
		t.Fatalf("%d notes, %+v", len(s.notes), s.notes)
	}
	text := s.notes[0].text()
	if len(text) > 1024 || !utf8.ValidString(text) || !strings.HasPrefix(text, "répo0: it is empty; répo1") || !strings.HasSuffix(text, "…") {
		t.Errorf("%d bytes: %q", len(text), text)
	}
}
