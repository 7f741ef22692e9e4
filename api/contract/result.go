package contract

import "time"

// Schema names the version of Result. A reader refuses a document of another schema.
const Schema = "scanjob.dev/result/v1"

// MaxItems bounds Result.Findings, so that a document stays far below SNS's 256 KiB; the totals count all of them.
const MaxItems = 50

// Severity says how bad a finding is.
type Severity string

// The severities, worst first.
const (
	SeverityCritical Severity = "critical"
	SeverityHigh     Severity = "high"
	SeverityMedium   Severity = "medium"
	SeverityLow      Severity = "low"
)

// Severities lists all, worst first.
func Severities() []Severity {
	return []Severity{SeverityCritical, SeverityHigh, SeverityMedium, SeverityLow}
}

// RuleNotScanned is the rule of a finding that stands for a part of the source that was left out for a limit, so that a
// scan which did not look at everything is never reported as clean.
const RuleNotScanned = "not-scanned"

// Result is the JSON document that a scanner publishes when it found something. It never holds a secret: only rules,
// places, redacted previews and fingerprints that cannot be turned back.
type Result struct {
	// Schema is always the constant Schema.
	Schema string `json:"schema"`
	// ScanJob names the object and attempt that the scan was started for.
	ScanJob JobReference `json:"scanJob"`
	// Source says what was scanned.
	Source Source `json:"source"`
	// Total counts all findings, listed or not.
	Total int `json:"total"`
	// New counts the findings that the scanned changes brought; equal to Total unless the scanner knows better.
	New int `json:"new"`
	// BySeverity counts all findings by severity.
	BySeverity map[Severity]int `json:"bySeverity"`
	// Findings lists up to MaxItems, worst first.
	Findings []Finding `json:"findings"`
	// ReportURI is where the full redacted report was written, if anywhere.
	ReportURI string `json:"reportURI,omitempty"`
	// StartedAt and FinishedAt bound the scan, in UTC.
	StartedAt  time.Time `json:"startedAt"`
	FinishedAt time.Time `json:"finishedAt"`
}

// JobReference names a ScanJob and one attempt of it.
type JobReference struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	UID       string `json:"uid"`
	Attempt   int    `json:"attempt"`
}

// Source says what was scanned.
type Source struct {
	Repository    string `json:"repository"`
	URL           string `json:"url"`
	PullRequestID string `json:"pullRequestID,omitempty"`
	Revision      string `json:"revision"`
	// BaseRevision is the commit whose history was left out in the end; empty where nothing was.
	BaseRevision string `json:"baseRevision,omitempty"`
	Mode         string `json:"mode"`
}

// Finding is one place that a rule matched.
type Finding struct {
	// Rule is the rule's identifier, such as aws-access-key-id.
	Rule string `json:"rule"`
	// Description says in a few words what was found.
	Description string   `json:"description,omitempty"`
	Severity    Severity `json:"severity"`
	// Path is the file's path in the repository, with control characters escaped.
	Path string `json:"path"`
	// Line is the line number, counted from 1; 0 where the finding has none.
	Line int `json:"line,omitempty"`
	// Commit is the commit that brought it, in the modes Changes and History.
	Commit string `json:"commit,omitempty"`
	// Preview is the match, redacted: at most its first four characters are real.
	Preview string `json:"preview,omitempty"`
	// Account is the AWS account that the finding belongs to, where it can be told, masked but for its last four digits.
	Account string `json:"account,omitempty"`
	// Fingerprint identifies the finding across scans and line moves; it cannot be turned back into the secret.
	Fingerprint string `json:"fingerprint"`
}

// The message attributes of a published result, for subscription filter policies.
const (
	AttributeSchema     = "schema"
	AttributeResult     = "result"
	AttributeRepository = "repository"
	AttributeSeverity   = "severity"
	AttributeTotal      = "total"
)
