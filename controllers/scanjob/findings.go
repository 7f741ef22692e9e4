package scanjob

import (
	"context"
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"

	"github.com/scanjob-dev/scanjob/api/contract"
	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/controllers/inbox"
)

// RecordFindings writes a scanner's result into the status of its job. It returns nil when the result is there, or belongs
// to no job of this cluster whose environment has the queue that it came through; after an error the document must be handed
// over again.
func (r *Reconciler) RecordFindings(ctx context.Context, queueURL string, result contract.Result) error {
	name := types.NamespacedName{Namespace: result.ScanJob.Namespace, Name: result.ScanJob.Name}
	log := r.log(ctx).WithValues("scanJob", name.String())
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		job := &scanv1.ScanJob{}
		// The cache may be behind the attempt's record, which is always older than the result.
		if err := r.live.Get(ctx, name, job); err != nil {
			if apierrors.IsNotFound(err) {
				log.Info("findings of a ScanJob that does not exist were dropped")
				return nil
			}
			return fmt.Errorf("read ScanJob %s: %w", name, err)
		}
		if string(job.UID) != result.ScanJob.UID || !hasAttempt(job, result.ScanJob.Attempt) {
			log.Info("findings that name another object or attempt of the same name were dropped", "uid", result.ScanJob.UID, "attempt", result.ScanJob.Attempt)
			return nil
		}
		ours, err := inbox.Serves(ctx, r.client, queueURL, job)
		if err != nil {
			return err
		}
		if !ours {
			log.Info("findings that came through the queue of another environment were dropped", "queue", queueURL)
			return nil
		}
		findings := findingsOf(result)
		if known := job.Status.Findings; known != nil && known.Attempt >= findings.Attempt {
			return nil
		}
		job.Status.Findings = findings
		summarize(job)
		return r.client.Status().Update(ctx, job)
	})
}

func hasAttempt(job *scanv1.ScanJob, number int) bool {
	for i := range job.Status.Attempts {
		if int(job.Status.Attempts[i].Number) == number {
			return true
		}
	}
	return false
}

// The API's bounds of a finding's texts, in characters.
const (
	maxRule        = 128
	maxPath        = 1024
	maxCommit      = 64
	maxFingerprint = 128
	maxURI         = 2048
)

// findingsOf turns a result document into the status' form. The document is the container's word: whatever a scanner of
// somebody's own puts into it, the status stays within its bounds and shows no more than four characters of a match.
func findingsOf(result contract.Result) *scanv1.Findings {
	findings := &scanv1.Findings{
		Attempt:    clampInt32(result.ScanJob.Attempt),
		Total:      clampInt32(max(result.Total, len(result.Findings))),
		New:        clampInt32(result.New),
		Suppressed: clampInt32(result.Suppressed),
		Resolved:   clampInt32(result.Resolved),
		BySeverity: map[string]int32{},
		ReportURI:  clip(result.ReportURI, maxURI),
	}
	for _, severity := range contract.Severities() {
		if count := result.BySeverity[severity]; count > 0 {
			findings.BySeverity[string(severity)] = clampInt32(count)
		}
	}
	for _, finding := range result.Findings[:min(len(result.Findings), contract.MaxItems)] {
		findings.Items = append(findings.Items, scanv1.Finding{
			Rule:        clip(finding.Rule, maxRule),
			Severity:    string(knownSeverity(finding.Severity)),
			Path:        clip(finding.Path, maxPath),
			Line:        clampInt32(finding.Line),
			Commit:      clip(finding.Commit, maxCommit),
			Preview:     mask(finding.Preview),
			Account:     maskAccount(finding.Account),
			Fingerprint: clip(finding.Fingerprint, maxFingerprint),
		})
	}
	return findings
}

func knownSeverity(severity contract.Severity) contract.Severity {
	for _, known := range contract.Severities() {
		if severity == known {
			return severity
		}
	}
	return contract.SeverityMedium
}

const (
	shownOfPreview = 4
	shownOfAccount = 4
	previewMask    = "********"
)

// mask keeps the first four characters of a preview.
func mask(preview string) string {
	if preview == "" {
		return ""
	}
	return strings.TrimRight(clip(preview, shownOfPreview), "*") + previewMask
}

// maskAccount keeps the last four characters of an account number.
func maskAccount(account string) string {
	if account == "" {
		return ""
	}
	characters := []rune(strings.ToValidUTF8(account, "\uFFFD"))
	return previewMask + string(characters[max(len(characters)-shownOfAccount, 0):])
}

// clip makes text valid UTF-8 of at most so many characters, without control characters: it ends on people's terminals.
func clip(text string, characters int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(text, string(utf8.RuneError)))
	if utf8.RuneCountInString(text) <= characters {
		return text
	}
	return string([]rune(text)[:characters])
}

func clampInt32(n int) int32 {
	return int32(min(max(n, 0), math.MaxInt32))
}
