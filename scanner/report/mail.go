package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/detect"
)

const (
	// subjectLimit is below SNS's limit of 100 characters (https://docs.aws.amazon.com/sns/latest/api/API_Publish.html).
	subjectLimit = 99
	// mailItems bounds the findings that a mail lists.
	mailItems = 20
	// mailPath bounds how much of a path a mail shows, in characters.
	mailPath = 200
)

// MailSubject returns the subject of the mail: ASCII, one line, less than 100 characters.
func (s Subject) MailSubject() string {
	about := s.Result.Source.Repository
	if id := s.Result.Source.PullRequestID; id != "" {
		about += ", pull request " + id
	}
	text := []byte("[ScanJob] " + s.counts() + " in " + about)
	for i, c := range text {
		if c < ' ' || c > '~' {
			text[i] = '?'
		}
	}
	if len(text) > subjectLimit {
		text = append(text[:subjectLimit-3], "..."...)
	}
	return string(text)
}

// counts says how many findings of which severity there are.
func (s Subject) counts() string {
	var parts []string
	for _, severity := range contract.Severities() {
		if n := s.Result.BySeverity[severity]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, severity))
		}
	}
	return strings.Join(parts, ", ")
}

// MailText returns the mail for people: what, where, a link, and what to do now.
func (s Subject) MailText() string {
	var out strings.Builder
	source := s.Result.Source
	things := "things"
	if s.Result.Total == 1 {
		things = "thing"
	}
	fmt.Fprintf(&out, "ScanJob found %d %s that should not be in Git (%s).\n\n", s.Result.Total, things, s.counts())
	fmt.Fprintf(&out, "Repository:   %s\n", detect.DisplayPath(source.Repository))
	if source.PullRequestID != "" {
		fmt.Fprintf(&out, "Pull request: %s\n", detect.DisplayPath(source.PullRequestID))
	}
	fmt.Fprintf(&out, "Commit:       %s\n", source.Revision)
	if link := s.Link(); link != "" {
		fmt.Fprintf(&out, "Look at it:   %s\n", link)
	}

	out.WriteString("\nWHAT AND WHERE\n\n")
	listed := s.Result.Findings[:min(len(s.Result.Findings), mailItems)]
	for i, finding := range listed {
		s.mailItem(&out, i+1, finding)
	}
	if more := s.Result.Total - len(listed); more > 0 {
		fmt.Fprintf(&out, "... and %d more.\n", more)
	}
	if s.Result.ReportURI != "" {
		fmt.Fprintf(&out, "All of them are listed in %s\n", s.Result.ReportURI)
	}

	if asides := s.asides(); len(asides) > 0 {
		fmt.Fprintf(&out, "\nBESIDES\n\n  %s\n", strings.Join(asides[:min(len(asides), mailItems)], "\n  "))
	}

	out.WriteString("\nWHAT TO DO NOW\n\n")
	for _, rule := range s.rules() {
		fmt.Fprintf(&out, "%s:\n  %s\n\n", rule.Description, rule.Advice)
	}
	job := s.Result.ScanJob
	fmt.Fprintf(&out, "-- \nScanJob %s/%s, attempt %d, mode %s, finished %s.\nSecrets are masked in this mail.\n",
		job.Namespace, job.Name, job.Attempt, source.Mode, s.Result.FinishedAt.UTC().Format(time.RFC3339))
	return out.String()
}

func (s Subject) mailItem(out *strings.Builder, number int, finding contract.Finding) {
	path := []rune(finding.Path)
	if len(path) > mailPath {
		path = append([]rune("..."), path[len(path)-mailPath:]...)
	}
	fmt.Fprintf(out, "%d. %s (%s)\n   %s", number, finding.Description, finding.Severity, string(path))
	if finding.Line > 0 {
		fmt.Fprintf(out, ", line %d", finding.Line)
	}
	out.WriteByte('\n')
	if finding.Commit != "" {
		fmt.Fprintf(out, "   commit %s\n", finding.Commit)
	}
	if finding.Preview != "" {
		fmt.Fprintf(out, "   looks like %s", finding.Preview)
		if account := accountOf(finding); account != "" {
			out.WriteString(", " + account)
		}
		out.WriteByte('\n')
	}
	if told := verificationOf(finding); told != "" {
		fmt.Fprintf(out, "   %s\n", told)
	}
	out.WriteByte('\n')
}

// rules returns the rules that found something, worst first.
func (s Subject) rules() []detect.Rule {
	found := map[string]bool{}
	for _, finding := range s.All {
		found[finding.Rule] = true
	}
	var rules []detect.Rule
	for _, rule := range s.allRules() {
		if found[rule.ID] {
			rules = append(rules, rule)
		}
	}
	return rules
}
