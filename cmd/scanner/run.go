package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/delta"
	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/failure"
	"github.com/scanjob-dev/scanjob/scanner/report"
	"github.com/scanjob-dev/scanjob/scanner/scan"
	"github.com/scanjob-dev/scanjob/scanner/source"
)

// run carries out the order of the environment and returns the exit code of the contract.
func run(ctx context.Context, environment func(string) string, log *slog.Logger) int {
	o, err := readOrder(environment)
	if err != nil {
		return fail(ctx, err, log)
	}
	log = log.With("scanJob", o.job.Namespace+"/"+o.job.Name, "uid", o.job.UID, "attempt", o.job.Attempt)
	if o.traceParent != "" {
		log = log.With("traceparent", o.traceParent)
	}
	if !o.deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, o.deadline,
			failure.Temporary(nil, "the deadline %s passed before the end of the scan: raise spec.activeDeadlineSeconds or spec.resources",
				o.deadline.UTC().Format(time.RFC3339)))
		defer cancel()
	}
	failing, err := o.carryOut(ctx, log)
	if err != nil {
		return fail(ctx, err, log)
	}
	if failing {
		return contract.ExitFindings
	}
	return contract.ExitClean
}

func fail(ctx context.Context, err error, log *slog.Logger) int {
	classified := failure.Classify(ctx, err)
	log.ErrorContext(ctx, classified.Message, "exitCode", classified.ExitCode)
	return classified.ExitCode
}

// carryOut scans and reports, and tells whether there is something that failOn asks for, once everybody who has to know it has
// accepted it.
func (o order) carryOut(ctx context.Context, log *slog.Logger) (failing bool, err error) {
	started := time.Now().UTC()
	var settings aws.Config
	if o.needsAWS() {
		if settings, err = config.LoadDefaultConfig(ctx); err != nil {
			return false, failure.Request(err, "the AWS settings of the environment cannot be read: check the AWS_ variables")
		}
	}
	result, outcome, engine, base, err := o.scan(ctx, settings, log)
	if err != nil {
		return false, err
	}
	o.source.BaseRevision = base
	document := contract.Result{ScanJob: o.job, Source: o.source, StartedAt: started, FinishedAt: time.Now().UTC()}
	if o.location != nil {
		document.ReportURI = o.location.String()
	}
	subject := report.NewSubject(document, outcome.Kept, o.region(settings.Region)).With(outcome.Suppressed, result.Resolved, outcome.Problems).
		WithRules(engine.Rules())
	if err := o.deliver(ctx, settings, subject, log); err != nil {
		return false, err
	}
	return o.failing(subject.Result), nil
}

// failing tells whether the result holds what failOn asks for.
func (o order) failing(result contract.Result) bool {
	if o.failOn == contract.FailOnAll {
		return result.Total > 0
	}
	return result.New > 0
}

// scan fetches the repository, scans it and decides what counts. It returns the engine, and the base that it was compared with, too.
func (o order) scan(ctx context.Context, settings aws.Config, log *slog.Logger) (
	result scan.Result, outcome delta.Outcome, engine *detect.Engine, base string, err error,
) {
	set, err := readRules(rulesAll)
	if err != nil {
		return result, outcome, nil, "", err
	}
	repository, err := source.Open(ctx, source.Request{
		URL: o.source.URL, Auth: o.auth, Name: o.source.Repository, Revision: o.source.Revision, BaseRevision: o.source.BaseRevision,
		Mode: o.source.Mode, TargetFiles: o.targetFiles(), Credentials: settings.Credentials, Region: settings.Region,
		WorkDir: o.workDir, Log: log,
	})
	if err != nil {
		return result, outcome, nil, "", err
	}
	defer func() {
		// What was found counts more than a folder that goes with the task.
		if closeErr := repository.Close(); closeErr != nil {
			log.WarnContext(ctx, "the fetched repository could not be removed", "error", closeErr)
		}
	}()
	trusted := o.trust(repository)
	engine, problems, err := configured(ctx, set, detect.Options{Accounts: o.accounts, KeyPairs: o.verify}, trusted.file)
	if err != nil {
		return result, outcome, nil, "", err
	}
	for _, problem := range problems {
		log.WarnContext(ctx, problem)
	}
	if result, err = scan.Run(ctx, repository, engine.Detector(), log); err != nil {
		return result, outcome, nil, "", err
	}
	outcome = trusted.judge(ctx, result, log)
	outcome.Problems = append(problems, outcome.Problems...)
	if o.verify {
		outcome.Kept, err = verified(ctx, engine, outcome.Kept, log)
	}
	return result, outcome, engine, repository.Base(), err
}

// deliver writes the report, then publishes the findings, so that whoever reads the message finds the report there. A
// report that cannot be written keeps nobody from being told, and once people are told, a scan is not repeated for it: they
// would be told again.
func (o order) deliver(ctx context.Context, settings aws.Config, subject report.Subject, log *slog.Logger) error {
	stored := o.store(ctx, settings, subject, log)
	if stored != nil {
		subject.Result.ReportURI = ""
	}
	err := o.publish(ctx, settings, subject, log)
	if told := err == nil && o.topic != "" && o.failing(subject.Result); told && stored != nil {
		log.ErrorContext(ctx, failure.Classify(ctx, stored).Message+"; the findings are published without it")
		return nil
	}
	return errors.Join(err, stored)
}

func (o order) store(ctx context.Context, settings aws.Config, subject report.Subject, log *slog.Logger) error {
	if o.location == nil {
		return nil
	}
	begin := time.Now()
	document, err := subject.SARIF(version())
	if err != nil {
		return err
	}
	if err := report.Store(ctx, settings, *o.location, document); err != nil {
		return err
	}
	log.InfoContext(ctx, "report written", "uri", o.location.String(), "bytes", len(document), "duration", time.Since(begin).Round(time.Millisecond).String())
	return nil
}

func (o order) publish(ctx context.Context, settings aws.Config, subject report.Subject, log *slog.Logger) error {
	total := subject.Result.Total
	switch {
	case !o.failing(subject.Result):
		log.InfoContext(ctx, "clean", "existing", total, "suppressed", subject.Result.Suppressed, "resolved", subject.Result.Resolved)
		return nil
	case o.topic == "":
		list(ctx, subject.Result, log)
		return nil
	}
	begin := time.Now()
	message, err := subject.Message()
	if err != nil {
		return failure.Request(err, "the findings do not fit into a message: %v", err)
	}
	id, err := report.Publish(ctx, settings, o.topic, message)
	if err != nil {
		list(ctx, subject.Result, log) // so that they are told somewhere
		return err
	}
	log.WarnContext(ctx, "found and published", "total", total, "bySeverity", subject.Result.BySeverity, "messageID", id,
		"duration", time.Since(begin).Round(time.Millisecond).String())
	return nil
}

// list writes the findings, which are redacted, into the log.
func list(ctx context.Context, result contract.Result, log *slog.Logger) {
	for _, finding := range result.Findings {
		log.WarnContext(ctx, "finding", "rule", finding.Rule, "severity", finding.Severity, "path", finding.Path, "line", finding.Line,
			"commit", finding.Commit, "preview", finding.Preview, "fingerprint", finding.Fingerprint, "account", finding.Account,
			"accountName", finding.AccountName, "verification", stateOf(finding))
	}
	log.WarnContext(ctx, "found", "total", result.Total, "listed", len(result.Findings), "bySeverity", result.BySeverity)
}
