package api

import (
	"strings"
	"testing"
)

// jobRules are what a new ScanJob is refused for.
func jobRules() []rule {
	return append([]rule{
		{
			name:   "no spec is refused",
			covers: "spec required",
			patch:  `{spec: null}`,
			want:   "spec: Required value",
		},
		{
			name:   "no environment is refused",
			covers: "spec.environmentName required",
			patch:  `{spec: {environmentName: null}}`,
			want:   "spec.environmentName: Required value",
		},
		{
			name:   "an empty environment is refused",
			covers: "spec.environmentName minLength",
			patch:  `{spec: {environmentName: ""}}`,
			want:   `spec.environmentName: Invalid value: "": spec.environmentName in body should be at least 1 chars long`,
		},
		{
			name:   "an environment's name that no object can have is refused",
			covers: "spec.environmentName maxLength",
			patch:  `{spec: {environmentName: ` + strings.Repeat("e", 254) + `}}`,
			want:   "spec.environmentName: Too long: may not be more than 253 bytes",
		},
		{
			name:   "no source is refused",
			covers: "spec.source required",
			patch:  `{spec: {source: null}}`,
			want:   "spec.source: Required value",
		},
		{
			name:   "a source of no kind is refused",
			covers: "spec.source: exactly one of codeCommit and git must be set",
			patch:  `{spec: {source: {codeCommit: null}}}`,
			want:   "spec.source: Invalid value: exactly one of codeCommit and git must be set",
		},
		{
			name:   "a source of two kinds is refused",
			covers: "spec.source: exactly one of codeCommit and git must be set",
			patch:  `{spec: {source: {git: {url: "https://git.example.com/payments.git"}}}}`,
			want:   "spec.source: Invalid value: exactly one of codeCommit and git must be set",
		},
		{
			name:   "no revision is refused",
			covers: "spec.source.revision required",
			patch:  `{spec: {source: {revision: null}}}`,
			want:   "spec.source.revision: Required value",
		},
		{
			name:   "a branch in place of a commit is refused",
			covers: "spec.source.revision pattern",
			patch:  `{spec: {source: {revision: main}}}`,
			want:   `spec.source.revision: Invalid value: "main": spec.source.revision in body should match '^([0-9a-f]{40}|[0-9a-f]{64})$'`,
		},
		{
			name:   "a shortened commit is refused",
			covers: "spec.source.revision pattern",
			patch:  `{spec: {source: {revision: 6f1c2d3}}}`,
			want:   `spec.source.revision: Invalid value: "6f1c2d3": spec.source.revision in body should match '^([0-9a-f]{40}|[0-9a-f]{64})$'`,
		},
		{
			name:   "a shortened base commit is refused",
			covers: "spec.source.baseRevision pattern",
			patch:  `{spec: {source: {baseRevision: 0b9a1c2}}}`,
			want:   `spec.source.baseRevision: Invalid value: "0b9a1c2": spec.source.baseRevision in body should match '^([0-9a-f]{40}|[0-9a-f]{64})$'`,
		},
		{
			name:   "a CodeCommit source without a repository is refused",
			covers: "spec.source.codeCommit.repository required",
			patch:  `{spec: {source: {codeCommit: {repository: null}}}}`,
			want:   "spec.source.codeCommit.repository: Required value",
		},
		{
			name:   "an empty repository is refused",
			covers: "spec.source.codeCommit.repository minLength",
			patch:  `{spec: {source: {codeCommit: {repository: ""}}}}`,
			want:   `spec.source.codeCommit.repository: Invalid value: "": spec.source.codeCommit.repository in body should be at least 1 chars long`,
		},
		{
			name:   "a repository's name that CodeCommit has no room for is refused",
			covers: "spec.source.codeCommit.repository maxLength",
			patch:  `{spec: {source: {codeCommit: {repository: ` + strings.Repeat("r", 101) + `}}}}`,
			want:   "spec.source.codeCommit.repository: Too long: may not be more than 100 bytes",
		},
		{
			name:   "a repository's ARN in place of its name is refused",
			covers: "spec.source.codeCommit.repository pattern",
			patch:  `{spec: {source: {codeCommit: {repository: "arn:aws:codecommit:us-east-1:111122223333:payments"}}}}`,
			want:   `spec.source.codeCommit.repository: Invalid value: "arn:aws:codecommit:us-east-1:111122223333:payments": spec.source.codeCommit.repository in body should match '^[A-Za-z0-9_.-]+$'`,
		},
		{
			name:   "a pull request that is not a number is refused",
			covers: "spec.source.codeCommit.pullRequestID pattern",
			patch:  `{spec: {source: {codeCommit: {pullRequestID: PR-42}}}}`,
			want:   `spec.source.codeCommit.pullRequestID: Invalid value: "PR-42": spec.source.codeCommit.pullRequestID in body should match '^[0-9]+$'`,
		},
		{
			name:   "a pull request of more than 20 digits is refused",
			covers: "spec.source.codeCommit.pullRequestID maxLength",
			patch:  `{spec: {source: {codeCommit: {pullRequestID: "` + strings.Repeat("4", 21) + `"}}}}`,
			want:   "spec.source.codeCommit.pullRequestID: Too long: may not be more than 20 bytes",
		},
		{
			name:   "a Git source without an address is refused",
			covers: "spec.source.git.url required",
			patch:  `{spec: {source: {codeCommit: null, git: {}}}}`,
			want:   "spec.source.git.url: Required value",
		},
		{
			name:   "an address with credentials is refused",
			covers: "spec.source.git.url pattern",
			patch:  `{spec: {source: {codeCommit: null, git: {url: "https://user:password@git.example.com/payments.git"}}}}`,
			want:   `spec.source.git.url: Invalid value: "https://user:password@git.example.com/payments.git": spec.source.git.url in body should match '^https?://[^@\s]+$'`,
		},
		{
			name:   "an SSH address is refused",
			covers: "spec.source.git.url pattern",
			patch:  `{spec: {source: {codeCommit: null, git: {url: "ssh://git.example.com/payments.git"}}}}`,
			want:   `spec.source.git.url: Invalid value: "ssh://git.example.com/payments.git": spec.source.git.url in body should match '^https?://[^@\s]+$'`,
		},
		{
			name:   "an address of more than 2048 characters is refused",
			covers: "spec.source.git.url maxLength",
			patch:  `{spec: {source: {codeCommit: null, git: {url: "https://git.example.com/` + strings.Repeat("u", 2048) + `"}}}}`,
			want:   "spec.source.git.url: Too long: may not be more than 2048 bytes",
		},
		{
			name:   "a merge request that is not a number is refused",
			covers: "spec.source.git.pullRequestID pattern",
			patch:  `{spec: {source: {codeCommit: null, git: {url: "https://git.example.com/payments.git", pullRequestID: "!42"}}}}`,
			want:   `spec.source.git.pullRequestID: Invalid value: "!42": spec.source.git.pullRequestID in body should match '^[0-9]+$'`,
		},
		{
			name:   "a merge request of more than 20 digits is refused",
			covers: "spec.source.git.pullRequestID maxLength",
			patch:  `{spec: {source: {codeCommit: null, git: {url: "https://git.example.com/payments.git", pullRequestID: "` + strings.Repeat("4", 21) + `"}}}}`,
			want:   "spec.source.git.pullRequestID: Too long: may not be more than 20 bytes",
		},
	}, inside("spec", inSpec, optionRules())...)
}

func inSpec(patch string) string { return "{spec: " + patch + "}" }

func TestScanJobRefusesWhatCannotBeScanned(t *testing.T) {
	checkRefused(t, scanJob(), jobRules())
}
