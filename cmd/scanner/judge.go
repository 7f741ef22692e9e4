package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/delta"
	"github.com/scanjob-dev/scanjob/scanner/scan"
	"github.com/scanjob-dev/scanjob/scanner/source"
)

// trust says what of a repository may keep findings from counting.
type trust struct {
	// file returns a file in the topmost folder, nil where there is none; nil trusts no file.
	file     func(ctx context.Context, name string) ([]byte, error)
	comments bool
}

// trust returns what the environment allows. An untrusted pull request must not switch its own scan off, so what it brings counts
// only where the environment says so.
func (o order) trust(repository *source.Repository) trust {
	ofOthers := o.source.Mode == contract.ModeChanges || o.source.PullRequestID != ""
	switch {
	case o.configuration == contract.ConfigurationNone:
		return trust{}
	case o.configuration == contract.ConfigurationSourceBranch || !ofOthers:
		return trust{file: repository.RevisionFile, comments: true}
	}
	return trust{file: repository.TargetFile}
}

// targetFiles are the files that trust has somebody read.
func (o order) targetFiles() []string {
	if o.configuration == contract.ConfigurationNone || o.configuration == contract.ConfigurationSourceBranch {
		return nil
	}
	return []string{fileConfiguration, delta.FileGitleaks, delta.FileScanJob}
}

// suppressions reads the ignore files. One that cannot be read is a problem and no error: without it more counts, not less.
func (t trust) suppressions(ctx context.Context) (delta.Suppressions, []string) {
	s := delta.Suppressions{Comments: t.comments, Now: time.Now()}
	if t.file == nil {
		return s, nil
	}
	var problems []string
	for _, one := range []struct {
		name string
		read func(io.Reader, string) ([]delta.Entry, []string, error)
	}{{delta.FileGitleaks, delta.ReadGitleaks}, {delta.FileScanJob, delta.ReadScanJob}} {
		content, err := t.file(ctx, one.name)
		if err == nil && content != nil {
			var entries []delta.Entry
			var wrong []string
			entries, wrong, err = one.read(bytes.NewReader(content), one.name)
			s.Entries, problems = append(s.Entries, entries...), append(problems, wrong...)
		}
		if err != nil {
			problems = append(problems, one.name+" cannot be read and does not count")
		}
	}
	return s, problems
}

// judge parts what was found into what counts and what does not, and tells of it in the log.
func (t trust) judge(ctx context.Context, result scan.Result, log *slog.Logger) delta.Outcome {
	s, problems := t.suppressions(ctx)
	outcome := delta.Apply(result.Findings, s)
	outcome.Problems = append(problems, outcome.Problems...)
	for _, problem := range outcome.Problems {
		log.WarnContext(ctx, problem)
	}
	for _, finding := range outcome.Suppressed {
		log.InfoContext(ctx, "suppressed", "rule", finding.Rule, "path", finding.Path, "line", finding.Line, "fingerprint", finding.Fingerprint,
			"by", finding.Suppression.By, "where", finding.Suppression.Where, "reason", finding.Suppression.Reason, "until", finding.Suppression.Until)
	}
	return outcome
}
