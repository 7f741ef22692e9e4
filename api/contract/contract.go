// Package contract is what the operator and a scanner container must agree on: the environment that RunTask sets, the
// exit codes, and the result document. A scanner in any language that keeps it can take the place of the built-in one.
package contract

// The environment variables of a scan. All are set by RunTask's container override, whose whole structure is bounded by
// MaxOverrideCharacters; they are readable in DescribeTasks, task events and CloudTrail, so none may hold a secret.
const (
	// EnvNamespace, EnvName, EnvUID and EnvAttempt name the ScanJob and the number of the attempt, counted from 1.
	EnvNamespace = "SCANJOB_NAMESPACE"
	EnvName      = "SCANJOB_NAME"
	EnvUID       = "SCANJOB_UID"
	EnvAttempt   = "SCANJOB_ATTEMPT"
	// EnvSourceURL is the Git URL to clone, without credentials.
	EnvSourceURL = "SCAN_SOURCE_URL"
	// EnvSourceAuth says how to authenticate to it: AuthCodeCommit, or empty for anonymous access. It is told apart from
	// the URL because CodeCommit is also reached by FIPS and VPC endpoint names, and because a signature must never be
	// sent to a host only because its path looks like CodeCommit's.
	EnvSourceAuth = "SCAN_SOURCE_AUTH"
	// EnvRepository is the repository's name for people.
	EnvRepository = "SCAN_REPOSITORY"
	// EnvPullRequestID is empty where no pull request is scanned.
	EnvPullRequestID = "SCAN_PULL_REQUEST_ID"
	// EnvRevision is the commit to scan, 40 or 64 hexadecimal digits.
	EnvRevision = "SCAN_REVISION"
	// EnvBaseRevision is the commit whose history is not scanned. In mode Changes, empty means the merge base of the
	// revision and the repository's default branch. In mode History it is where an earlier scan ended; empty, or no ancestor
	// of the revision, means that everything is scanned. Mode Tree does not look at it.
	EnvBaseRevision = "SCAN_BASE_REVISION"
	// EnvMode is one of the modes below.
	EnvMode = "SCAN_MODE"
	// EnvFailOn says which findings make the result ExitFindings: FailOnNew or FailOnAll. Empty means FailOnNew.
	EnvFailOn = "SCAN_FAIL_ON"
	// EnvRepositoryConfiguration says whose ignore files, rules and comments count: one of the constants below. Empty means
	// ConfigurationTargetBranch.
	EnvRepositoryConfiguration = "SCAN_REPOSITORY_CONFIGURATION"
	// EnvAccounts are the account numbers of the organization, as NUMBER or NUMBER=NAME, parted by commas: findings then say whether
	// an account is one of them.
	EnvAccounts = "SCAN_ACCOUNTS"
	// EnvVerify says which credentials are tried, to see whether they still work: VerifyNone or VerifyAWS. Empty means VerifyNone.
	EnvVerify = "SCAN_VERIFY"
	// EnvDeadline is the moment, RFC 3339, at which the operator stops the task.
	EnvDeadline = "SCAN_DEADLINE"
	// EnvTopic is the ARN of the SNS topic that gets the findings. Empty: findings are only logged.
	EnvTopic = "SNS_TOPIC"
	// EnvReportURI is the s3:// address for the full redacted report. Empty: none is written.
	EnvReportURI = "SCAN_REPORT_URI"
	// EnvTraceParent is a W3C trace context.
	EnvTraceParent = "TRACEPARENT"
)

// AuthCodeCommit asks for HTTPS Git access signed with the task role's credentials.
const AuthCodeCommit = "codecommit"

// The scan modes.
const (
	// ModeChanges scans every commit that is reachable from the revision and not from the base revision.
	ModeChanges = "Changes"
	// ModeTree scans the files of the revision.
	ModeTree = "Tree"
	// ModeHistory scans every commit that is reachable from the revision, and not from the base revision where that is an
	// ancestor.
	ModeHistory = "History"
)

// What makes the result ExitFindings.
const (
	// FailOnNew counts the findings that the target branch does not hold already.
	FailOnNew = "New"
	// FailOnAll counts all findings that are not suppressed.
	FailOnAll = "All"
)

// Whose configuration of the scanner counts: files such as .gitleaksignore in the repository, and comments on lines.
const (
	// ConfigurationTargetBranch takes the files of the branch that a change goes to, and no comments. Where neither changes nor
	// a pull request are scanned, that is the scanned branch, and its comments count.
	ConfigurationTargetBranch = "TargetBranch"
	// ConfigurationSourceBranch takes the files and comments of what is scanned.
	ConfigurationSourceBranch = "SourceBranch"
	// ConfigurationNone takes none.
	ConfigurationNone = "None"
)

// Which credentials a scanner tries.
const (
	// VerifyNone tries none.
	VerifyNone = "None"
	// VerifyAWS asks AWS STS whose key pairs they are (GetCallerIdentity), which is recorded in the trail of the account that a
	// pair belongs to.
	VerifyAWS = "AWS"
)

// The exit codes of a scanner. Any other code is a crash, and the attempt is repeated.
const (
	// ExitClean means scanned, and nothing found that EnvFailOn asks for.
	ExitClean = 0
	// ExitFindings means scanned, something found, and the topic has accepted it.
	ExitFindings = 10
	// ExitRequest means the request cannot be scanned, now or later: no such repository, commit or permission.
	ExitRequest = 64
	// ExitTemporary means a temporary failure: network, throttling. The attempt is repeated.
	ExitTemporary = 75
)

// MaxOverrideCharacters is the bound that ECS sets to the overrides of RunTask as JSON, punctuation included
// (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskOverride.html).
const MaxOverrideCharacters = 8192

// StartedByPrefix opens the startedBy value of every task of this operator; the attempt's identity follows it.
const StartedByPrefix = "scanjob/"
