package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/delta"
	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/failure"
	"github.com/scanjob-dev/scanjob/scanner/report"
	"github.com/scanjob-dev/scanjob/scanner/scan"
)

// program is what a run of the program has of its surroundings, and how it ended.
type program struct {
	environment    func(string) string
	stdout, stderr io.Writer
	code           int
}

// What the exit code counts.
const (
	failOnNew = "new"
	failOnAll = "all"
)

// localFlags are those of all commands that scan what lies on this machine.
type localFlags struct {
	rules     string
	baseline  string
	ignore    string
	failOn    string
	format    string
	output    string
	reports   []string
	severity  string
	noColor   bool
	verbose   bool
	workers   int
	redaction bool
	accounts  accountFlags
	verify    bool
}

func (f *localFlags) add(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVarP(&f.rules, "rules", "r", rulesAll, "rules to scan with: all, aws, or a file in the form of gitleaks' configuration")
	flags.StringVar(&f.baseline, "baseline", "", "report of an earlier scan, as JSON or SARIF: what it holds does not count")
	flags.StringVar(&f.ignore, "ignore-file", "", "file of findings that do not count, beside .gitleaksignore and .scanjobignore")
	flags.StringVar(&f.failOn, "fail-on", failOnNew, "what the exit code 10 is for: new, or all for what is ignored or in the baseline, too")
	flags.StringVarP(&f.format, "format", "f", report.FormatText, "format of the report: "+strings.Join(report.Formats(), ", "))
	flags.StringVarP(&f.output, "output", "o", "", "file to write the report to instead of the standard output")
	flags.StringArrayVar(&f.reports, "report", nil, "a further report as FORMAT=FILE, such as sarif=scan.sarif; may be repeated")
	flags.StringVar(&f.severity, "severity", string(contract.SeverityLow), "least severity that is reported: critical, high, medium or low; what was not scanned always is")
	flags.BoolVar(&f.noColor, "no-color", false, "no colors, as with NO_COLOR in the environment")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "write a log to the standard error")
	flags.IntVarP(&f.workers, "jobs", "j", 0, "files that are scanned at once; 0 is one for each processor")
	flags.BoolVar(&f.redaction, "redact", true, "mask secrets; nothing else is possible")
	cobra.CheckErr(flags.MarkHidden("redact"))
	f.accounts.add(c)
	flags.BoolVar(&f.verify, "verify", false, "ask AWS whether key pairs work, which their account's CloudTrail records (also "+contract.EnvVerify+"="+contract.VerifyAWS+")")
	for flag, values := range map[string][]string{
		"format": report.Formats(), "severity": severities(), "fail-on": {failOnNew, failOnAll}, "rules": {rulesAll, rulesAWS},
	} {
		cobra.CheckErr(c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveDefault)))
	}
}

func severities() []string {
	var all []string
	for _, severity := range contract.Severities() {
		all = append(all, string(severity))
	}
	return all
}

// check says what is wrong with the flags.
func (f *localFlags) check() error {
	formats := []string{f.format}
	for _, one := range f.reports {
		format, file, ok := strings.Cut(one, "=")
		if !ok || file == "" {
			return failure.Request(nil, "--report %q is not FORMAT=FILE, such as sarif=scan.sarif", one)
		}
		formats = append(formats, format)
	}
	for _, format := range formats {
		if !slices.Contains(report.Formats(), format) {
			return failure.Request(nil, "there is no format %q; the formats are %s", format, strings.Join(report.Formats(), ", "))
		}
	}
	switch {
	case !slices.Contains(severities(), f.severity):
		return failure.Request(nil, "there is no severity %q; the severities are %s", f.severity, strings.Join(severities(), ", "))
	case f.failOn != failOnNew && f.failOn != failOnAll:
		return failure.Request(nil, "--fail-on is %s or %s", failOnNew, failOnAll)
	case f.workers < 0:
		return failure.Request(nil, "--jobs must not be negative")
	case !f.redaction:
		return failure.Request(nil, "secrets are always masked: a report that holds them is one more leak")
	}
	return nil
}

// local scans what lies here, and reports.
type local struct {
	*program
	flags  localFlags
	log    *slog.Logger
	engine *detect.Engine
	// options are those of the engine.
	options detect.Options
	// problems are those of the repository's own rules.
	problems []string
	// suppressed is what the repository's own files keep from counting, and ignoreProblems what is wrong with them.
	suppressed     delta.Suppressions
	ignoreProblems []string
}

// localCommand returns a command that scans with do.
func (p *program) localCommand(c *cobra.Command, do func(ctx context.Context, l *local, argument string) (scan.Result, contract.Source, error)) *cobra.Command {
	l := &local{program: p, log: slog.New(slog.DiscardHandler)}
	l.flags.add(c)
	c.Args = cobra.MaximumNArgs(1)
	c.RunE = func(_ *cobra.Command, arguments []string) error {
		argument := "."
		if len(arguments) > 0 {
			argument = arguments[0]
		}
		if l.flags.verbose {
			l.log = slog.New(slog.NewTextHandler(p.stderr, nil))
		}
		return p.untilSignal(func(ctx context.Context) error { return l.run(ctx, argument, do) })
	}
	return c
}

func (l *local) run(ctx context.Context, argument string, do func(context.Context, *local, string) (scan.Result, contract.Source, error)) error {
	if err := l.flags.check(); err != nil {
		return err
	}
	if err := l.choose(); err != nil {
		return err
	}
	started := time.Now()
	if err := l.believe(ctx, own(argument)); err != nil {
		return err
	}
	suppressions, problems, err := l.suppressions()
	if err != nil {
		return err
	}
	result, source, err := do(ctx, l, argument)
	if err != nil {
		return err
	}
	suppressions.Entries = append(l.suppressed.Entries, suppressions.Entries...)
	suppressions.Comments, suppressions.Now = l.suppressed.Comments, l.suppressed.Now
	outcome := delta.Apply(result.Findings, suppressions)
	outcome.Problems = slices.Concat(l.problems, l.ignoreProblems, problems, outcome.Problems)
	least := slices.Index(severities(), l.flags.severity)
	findings := slices.DeleteFunc(outcome.Kept, func(finding contract.Finding) bool {
		// Whatever is asked for may be in what was not scanned.
		return finding.Rule != contract.RuleNotScanned && slices.Index(contract.Severities(), finding.Severity) > least
	})
	if l.options.KeyPairs {
		trustRoots()
		if findings, err = verified(ctx, l.engine, findings, l.log); err != nil {
			return err
		}
	}
	document := contract.Result{Source: source, StartedAt: started.UTC(), FinishedAt: time.Now().UTC()}
	subject := report.NewSubject(document, findings, "").With(outcome.Suppressed, nil, outcome.Problems).WithRules(l.engine.Rules())
	if err := l.write(subject); err != nil {
		return failure.Request(err, "the report cannot be written: %v", err)
	}
	for _, problem := range outcome.Problems {
		fmt.Fprintln(l.stderr, "scanner:", problem)
	}
	if len(findings) > 0 || l.flags.failOn == failOnAll && len(outcome.Suppressed) > 0 {
		l.code = contract.ExitFindings
	}
	return nil
}

// choose reads the options of the engine from the flags, and from the environment where they are not given.
func (l *local) choose() (err error) {
	if l.options.Accounts, err = l.flags.accounts.read(l.environment); err != nil {
		return err
	}
	r := &reader{environment: l.environment}
	l.options.KeyPairs = r.oneOf(contract.EnvVerify, contract.VerifyNone, contract.VerifyAWS) == contract.VerifyAWS || l.flags.verify
	if len(r.problems) > 0 {
		return failure.Request(nil, "%s", r.problems[0])
	}
	return nil
}

// configure makes the engine of the rules that the flags name, and of those that file adds to rules that have a name. Who gives a
// file of rules means that one alone.
func (l *local) configure(ctx context.Context, file func(context.Context, string) ([]byte, error)) error {
	set, err := readRules(l.flags.rules)
	if err != nil {
		return err
	}
	if l.flags.rules != rulesAll && l.flags.rules != rulesAWS {
		file = nil
	}
	if l.engine, l.problems, err = configured(ctx, set, l.options, file); err != nil {
		return failure.Request(err, "the rules cannot be used: %v", err)
	}
	return nil
}

func (l *local) write(subject report.Subject) error {
	options := report.Options{Version: version()}
	for _, one := range l.flags.reports {
		format, file, _ := strings.Cut(one, "=")
		if err := writeFile(file, format, subject, options); err != nil {
			return err
		}
	}
	if l.flags.output != "" {
		return writeFile(l.flags.output, l.flags.format, subject, options)
	}
	options.Color = !l.flags.noColor && l.environment("NO_COLOR") == "" && isTerminal(l.stdout)
	return report.Write(l.stdout, l.flags.format, subject, options)
}

// writeFile writes a report that is whole or not there. What is no file of its own, such as a device, a pipe, or a link like
// /dev/stdout, is written into and not replaced.
func writeFile(path, format string, subject report.Subject, options report.Options) (err error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fmt.Errorf("%s is a folder; name a file in it", path)
	}
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		into, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
		if err != nil {
			return err
		}
		return errors.Join(report.Write(into, format, subject, options), into.Close())
	}
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	err = report.Write(file, format, subject, options)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// progress returns a function that tells how far a scan is, on a terminal and nowhere else, and one that removes what it told.
func (l *local) progress() (tell func(files int, bytes int64), end func()) {
	if !isTerminal(l.stderr) || l.flags.verbose {
		return nil, func() {}
	}
	const every = 100 * time.Millisecond
	last, told := time.Now(), false
	tell = func(files int, bytes int64) {
		if now := time.Now(); now.Sub(last) >= every {
			last, told = now, true
			fmt.Fprintf(l.stderr, "\r\x1b[K%d files, %d MB", files, bytes/1e6)
		}
	}
	return tell, func() {
		if told {
			fmt.Fprint(l.stderr, "\r\x1b[K")
		}
	}
}
