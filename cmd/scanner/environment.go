package main

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/failure"
	"github.com/scanjob-dev/scanjob/scanner/report"
	"github.com/scanjob-dev/scanjob/scanner/source"
)

// envWorkDir names the folder for the repository. It is the image's own and no part of the contract.
const envWorkDir = "SCANJOB_WORKDIR"

// order is what the environment asks for.
type order struct {
	job    contract.JobReference
	source contract.Source
	auth   string
	failOn string
	// configuration says whose ignore files count, and whether comments do.
	configuration string
	// accounts are the organization's.
	accounts []detect.OwnAccount
	// verify tells whether AWS is asked for the key pairs that are found.
	verify      bool
	deadline    time.Time // zero: none
	topic       string
	location    *report.Location // nil: no report
	traceParent string
	workDir     string
}

// readOrder reads the environment. Its error is of class request and names every variable that is missing or garbled,
// without their values.
func readOrder(environment func(string) string) (order, error) {
	r := &reader{environment: environment}
	o := order{
		job: contract.JobReference{
			Namespace: r.required(contract.EnvNamespace), Name: r.required(contract.EnvName), UID: r.required(contract.EnvUID),
		},
		source: contract.Source{
			Repository: r.required(contract.EnvRepository), URL: r.required(contract.EnvSourceURL),
			PullRequestID: r.optional(contract.EnvPullRequestID), Revision: strings.ToLower(r.required(contract.EnvRevision)),
			BaseRevision: strings.ToLower(r.optional(contract.EnvBaseRevision)), Mode: r.required(contract.EnvMode),
		},
		failOn:        r.oneOf(contract.EnvFailOn, contract.FailOnNew, contract.FailOnAll),
		configuration: r.oneOf(contract.EnvRepositoryConfiguration, contract.ConfigurationTargetBranch, contract.ConfigurationSourceBranch, contract.ConfigurationNone),
		auth:          r.optional(contract.EnvSourceAuth), topic: r.optional(contract.EnvTopic),
		traceParent: traceParent(environment(contract.EnvTraceParent)), workDir: environment(envWorkDir),
	}
	if o.workDir == "" {
		o.workDir = os.TempDir()
	}
	o.job.Attempt = r.attempt()
	o.accounts = r.accounts()
	o.verify = r.oneOf(contract.EnvVerify, contract.VerifyNone, contract.VerifyAWS) == contract.VerifyAWS
	o.deadline = r.deadline()
	r.check(contract.EnvUID, o.job.UID == "" || strings.Trim(o.job.UID, uidCharacters) == "", "must consist of letters, digits and hyphens")
	modes := []string{contract.ModeChanges, contract.ModeTree, contract.ModeHistory}
	r.check(contract.EnvMode, o.source.Mode == "" || slices.Contains(modes, o.source.Mode), "must be one of "+strings.Join(modes, ", "))
	r.check(contract.EnvSourceAuth, o.auth == "" || o.auth == contract.AuthCodeCommit, "must be empty or "+contract.AuthCodeCommit)
	if o.topic != "" {
		if _, err := report.ParseTopic(o.topic); err != nil {
			r.problems = append(r.problems, err.Error())
		}
	}
	if address := r.optional(contract.EnvReportURI); address != "" {
		location, err := report.ParseLocation(address, o.job)
		if err != nil {
			r.problems = append(r.problems, err.Error())
		}
		o.location = &location
	}
	if len(r.problems) > 0 {
		return order{}, failure.Request(nil, "the environment is no order for a scan: %s", strings.Join(r.problems, "; "))
	}
	return o, nil
}

const uidCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"

// reader reads variables and notes what is wrong with them.
type reader struct {
	environment func(string) string
	problems    []string
}

func (r *reader) check(name string, ok bool, problem string) {
	if !ok {
		r.problems = append(r.problems, name+" "+problem)
	}
}

func (r *reader) optional(name string) string {
	value := r.environment(name)
	r.check(name, !strings.ContainsFunc(value, unicode.IsControl), "must not hold control characters")
	return value
}

func (r *reader) required(name string) string {
	value := r.optional(name)
	r.check(name, value != "", "is missing")
	return value
}

// oneOf returns the value of a variable that has to be one of the values; the first where it is empty.
func (r *reader) oneOf(name string, values ...string) string {
	value := r.optional(name)
	r.check(name, value == "" || slices.Contains(values, value), "must be one of "+strings.Join(values, ", "))
	if value == "" {
		return values[0]
	}
	return value
}

func (r *reader) attempt() int {
	text := r.required(contract.EnvAttempt)
	n, err := strconv.Atoi(text)
	r.check(contract.EnvAttempt, text == "" || err == nil && n >= 1, "must be a number from 1")
	return n
}

func (r *reader) deadline() time.Time {
	text := r.optional(contract.EnvDeadline)
	if text == "" {
		return time.Time{}
	}
	deadline, err := time.Parse(time.RFC3339, text)
	r.check(contract.EnvDeadline, err == nil, "must be a time such as 2026-01-15T12:30:45Z")
	return deadline
}

func (r *reader) accounts() []detect.OwnAccount {
	accounts, err := detect.ParseAccounts(r.environment(contract.EnvAccounts))
	if err != nil {
		r.problems = append(r.problems, contract.EnvAccounts+": "+err.Error())
	}
	return accounts
}

// traceParent returns a W3C trace context of version 00, or an empty text: a garbled one is to be ignored
// (https://www.w3.org/TR/trace-context/#versioning-of-traceparent).
func traceParent(text string) string {
	parts := strings.Split(text, "-")
	if len(parts) != 4 || fmt.Sprint(len(parts[0]), len(parts[1]), len(parts[2]), len(parts[3])) != "2 32 16 2" ||
		strings.Trim(text, "0123456789abcdef-") != "" {
		return ""
	}
	return text
}

// region returns the region of a repository in CodeCommit, or an empty text for one elsewhere.
func (o order) region(taskRegion string) string {
	address, err := url.Parse(o.source.URL)
	if err != nil {
		return ""
	}
	if region := source.CodeCommitRegion(address.Hostname()); region != "" {
		return region
	}
	if o.auth == contract.AuthCodeCommit {
		return taskRegion
	}
	return ""
}

// needsAWS tells whether anything of the order needs AWS credentials.
func (o order) needsAWS() bool {
	return o.auth == contract.AuthCodeCommit || o.topic != "" || o.location != nil
}
