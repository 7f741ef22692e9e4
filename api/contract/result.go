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
	// Total counts the findings, listed or not, without those that are suppressed.
	Total int `json:"total"`
	// New counts those of Total that the target branch does not hold already.
	New int `json:"new"`
	// Suppressed counts what was found besides, and does not count because an ignore file, a comment on its line or a
	// baseline says so.
	Suppressed int `json:"suppressed,omitempty"`
	// Resolved counts what the target branch holds and the scanned revision does not any more, in what was read of both.
	Resolved int `json:"resolved,omitempty"`
	// BySeverity counts the findings of Total by severity.
	BySeverity map[Severity]int `json:"bySeverity"`
	// Findings lists up to MaxItems, worst first.
	Findings []Finding `json:"findings"`
	// SuppressedFindings and ResolvedFindings list those findings in reports; a published result only counts them.
	SuppressedFindings []Finding `json:"suppressedFindings,omitempty"`
	ResolvedFindings   []Finding `json:"resolvedFindings,omitempty"`
	// Problems are what somebody has to mend in the ignore files and baselines, such as an entry that has expired.
	Problems []string `json:"problems,omitempty"`
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
	// EndLine is the line that the match ends in; 0 where that is not known.
	EndLine int `json:"endLine,omitempty"`
	// Column is the place of its first character in Line, and EndColumn the place behind its last one in EndLine, in characters
	// from 1; 0 where they are not known.
	Column    int `json:"column,omitempty"`
	EndColumn int `json:"endColumn,omitempty"`
	// PartnerLine is the line of what belongs to the match, as the secret of a key id does; 0 where there is nothing.
	PartnerLine int `json:"partnerLine,omitempty"`
	// Commit is the commit that brought it, in the modes Changes and History.
	Commit string `json:"commit,omitempty"`
	// Preview is the match, redacted: at most its first four characters are real.
	Preview string `json:"preview,omitempty"`
	// Excerpt is Preview among the known names of its line, for people; no document holds it.
	Excerpt string `json:"-"`
	// Account is the AWS account that the finding belongs to, where it can be told, masked but for its last four digits.
	Account string `json:"account,omitempty"`
	// AccountOwner says whose the account is; empty where that is not known, as where the scanner was given no list of accounts.
	AccountOwner AccountOwner `json:"accountOwner,omitempty"`
	// AccountName is what the organization calls its account; empty where it is another's or has no name.
	AccountName string `json:"accountName,omitempty"`
	// Fingerprint identifies the finding across scans and line moves; it cannot be turned back into the secret.
	Fingerprint string `json:"fingerprint"`
	// State says whether the target branch holds the finding already; empty where that is not known.
	State State `json:"state,omitempty"`
	// AllowComment is the marker of a comment on the finding's line that asks for it to be ignored, whether or not such
	// comments count.
	AllowComment string `json:"allowComment,omitempty"`
	// Verification says whether the credential still works; nil where that was not asked.
	Verification *Verification `json:"verification,omitempty"`
	// Suppression says why the finding does not count; nil where it does.
	Suppression *Suppression `json:"suppression,omitempty"`
}

// AccountOwner says whose an AWS account is.
type AccountOwner string

// The owners of accounts.
const (
	// AccountOfOrganization means that it is in the list of accounts that the scanner was given.
	AccountOfOrganization AccountOwner = "organization"
	// AccountOfOthers means that it is not.
	AccountOfOthers AccountOwner = "other"
)

// State says what a change has to do with a finding.
type State string

// The states of a finding.
const (
	// StateNew means that the target branch does not hold it.
	StateNew State = "new"
	// StateExisting means that the target branch holds the same value already.
	StateExisting State = "existing"
	// StateResolved means that the target branch holds it and the scanned revision does not.
	StateResolved State = "resolved"
)

// Verification is what came out when a credential was tried.
type Verification struct {
	State VerificationState `json:"state"`
	// Reason says in a few words why, such as what is missing or what the service answered.
	Reason string `json:"reason,omitempty"`
}

// VerificationState says whether a credential works.
type VerificationState string

// The states of a verification.
const (
	// VerificationVerified means that it worked when the scan tried it.
	VerificationVerified VerificationState = "verified"
	// VerificationInvalid means that the service refused it: it is revoked, expired, or was never issued.
	VerificationInvalid VerificationState = "invalid"
	// VerificationUnknown means that nobody could tell, so it has to be taken for one that works.
	VerificationUnknown VerificationState = "unknown"
)

// Suppression says why a finding does not count.
type Suppression struct {
	// By is one of the constants below.
	By SuppressedBy `json:"by"`
	// Where is the file and line that says so, or the comment.
	Where string `json:"where,omitempty"`
	// Reason is what people gave as the reason.
	Reason string `json:"reason,omitempty"`
	// Until is the last day, in UTC, on which it counts, such as 2027-01-01; empty means for ever.
	Until string `json:"until,omitempty"`
}

// SuppressedBy is the kind of a suppression.
type SuppressedBy string

// The kinds of suppressions.
const (
	SuppressedByIgnoreFile SuppressedBy = "ignore-file"
	SuppressedByComment    SuppressedBy = "comment"
	SuppressedByBaseline   SuppressedBy = "baseline"
)

// The message attributes of a published result, for subscription filter policies.
const (
	AttributeSchema     = "schema"
	AttributeResult     = "result"
	AttributeRepository = "repository"
	AttributeSeverity   = "severity"
	AttributeTotal      = "total"
)
