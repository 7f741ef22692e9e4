package aws

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
	"github.com/scanjob-dev/scanjob/scanner/planted"
)

// TestAPullRequestThatLeaksAKeyEndsInAMail runs on what config/aws describes and nothing else: its rules bring the pull
// request to its queue, its task definition scans it, its topic tells people and the manager, its bucket has the report, and
// manager and scanner may do what its roles allow.
func TestAPullRequestThatLeaksAKeyEndsInAMail(t *testing.T) {
	s := newStory(t, 0, networkEndpoints)
	s.stack.AWS.RunContainersWith(awslocal.Processes(scannerBinary(t), nil))
	s.ready()
	s.clickLink("people@example.org")
	s.triggerSays(v1alpha1.ReasonListening)

	pair, err := planted.NewKeyPair(planted.Account())
	if err != nil {
		t.Fatal(err)
	}
	repository, err := s.stack.CreateRepository(t.Context(), acme()["REPOSITORIES_A"])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := repository.Commit(t.Context(), "main", "Begin", map[string]string{"README.md": "payments\n"}); err != nil {
		t.Fatal(err)
	}
	leak := fmt.Sprintf("aws_access_key_id = %s\naws_secret_access_key = %s\n", pair.ID, pair.Secret)
	if _, err := repository.Commit(t.Context(), "feature", "Change", map[string]string{"credentials": leak}); err != nil {
		t.Fatal(err)
	}
	if _, err := repository.OpenPullRequest(t.Context(), "feature", "A change"); err != nil {
		t.Fatal(err)
	}

	job := s.onlyJob()
	eventually(t, "the findings are reported", func() string {
		found, reported := s.job(job, v1alpha1.ConditionReported)
		if reported.Status != metav1.ConditionTrue || found.Status.Result != v1alpha1.ResultFindings {
			return fmt.Sprintf("status %+v", found.Status)
		}
		return ""
	})
	found, _ := s.job(job, v1alpha1.ConditionReported)
	mails := s.mails("people@example.org")
	if len(mails) != 1 || !strings.Contains(mails[0].Body, "credentials") || !strings.HasSuffix(mails[0].TopicARN, ":acme-found") {
		t.Errorf("mails %+v", mails)
	}
	bucket := "acme-sarif-111122223333-us-east-1"
	object, ok := strings.CutPrefix(found.Status.Findings.ReportURI, "s3://"+bucket+"/")
	if _, stored := s.stack.AWS.Object(bucket, object); !ok || !strings.HasPrefix(object, "sarif/") || !stored {
		t.Errorf("the report is at %q", found.Status.Findings.ReportURI)
	}
	for _, lost := range s.stack.AWS.Undelivered() {
		t.Errorf("not delivered: %s to %s: %s", lost.Source, lost.Target, lost.Reason)
	}
}

// clickLink confirms the subscription of an address, as its owner does.
func (s *story) clickLink(address string) {
	s.t.Helper()
	var link string
	eventually(s.t, "a link comes to "+address, func() string {
		for _, mail := range s.stack.AWS.Mail() {
			if mail.To == address && mail.ConfirmURL != "" {
				link = mail.ConfirmURL
				return ""
			}
		}
		return "no mail"
	})
	answer, err := http.Get(link)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		s.t.Fatalf("the link answers %s", answer.Status)
	}
}

// mails are the mails to an address, but for the one with the link.
func (s *story) mails(address string) []awslocal.Mail {
	return slices.DeleteFunc(s.stack.AWS.Mail(), func(mail awslocal.Mail) bool { return mail.To != address || mail.ConfirmURL != "" })
}

// onlyJob waits until there is a job, and returns its name.
func (s *story) onlyJob() string {
	s.t.Helper()
	jobs := &v1alpha1.ScanJobList{}
	eventually(s.t, "a job is made", func() string {
		if err := s.kube.List(s.t.Context(), jobs, client.InNamespace(s.ns)); err != nil {
			s.t.Fatal(err)
		}
		if len(jobs.Items) != 1 {
			return fmt.Sprintf("%d jobs", len(jobs.Items))
		}
		return ""
	})
	return jobs.Items[0].Name
}
