package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// moment is one of the times that the summary tells.
type moment struct {
	name string
	at   func(*outcome) time.Time
}

// moments are in the order in which they come.
func moments() []moment {
	return []moment{
		{"the manager has the event from the inbox", func(o *outcome) time.Time { return o.received }},
		{"the ScanJob exists", func(o *outcome) time.Time { return o.created }},
		{"ECS has accepted RunTask", func(o *outcome) time.Time { return o.task.CreatedAt }},
		{"the scanner runs", func(o *outcome) time.Time { return o.task.StartedAt }},
		{"the e-mail is out", func(o *outcome) time.Time { return o.mail.Time }},
		{"the task has stopped", func(o *outcome) time.Time { return o.task.StoppedAt }},
		{"the ScanJob is Complete", func(o *outcome) time.Time { return o.finished }},
		{"the result is in its status", func(o *outcome) time.Time { return o.reported }},
	}
}

// summary is the last screen: at most 40 lines of 110 columns.
func (s *screen) summary(took time.Duration, outcomes []*outcome, checks []string) string {
	var out strings.Builder
	line := func(format string, arguments ...any) { fmt.Fprintf(&out, format+"\n", arguments...) }
	line("\n%s", strings.Repeat("=", 100))
	line("%s in %s\n", s.paint(green, "The demo passed"), seconds(took))
	for _, o := range outcomes {
		line("  pull request %s  %q", o.pull.id, o.pull.title)
		line("      ScanJob     %s", o.job.Name)
		line("      result      %s", s.paint(colourOf(o.job), o.result()))
		line("      e-mail      %s", mailLine(o.mail))
	}

	line("\n%s", s.paint(bold, "Seconds since the pull request was opened")+"            "+columns(outcomes, func(o *outcome) string { return "PR " + o.pull.id }))
	for _, m := range moments() {
		line("  %-50s %s", m.name, columns(outcomes, func(o *outcome) string { return since(o.opened, m.at(o)) }))
	}
	line("  %s", s.paint(dim, "the local AWS holds a task half a second in each state; Fargate often takes 20 to 60 seconds to start"))

	line("\n%s", s.paint(bold, "Checked"))
	for _, check := range checks {
		line("  %s", check)
	}
	return out.String()
}

func columns(outcomes []*outcome, text func(*outcome) string) string {
	var out strings.Builder
	for _, o := range outcomes {
		fmt.Fprintf(&out, "%9s", text(o))
	}
	return out.String()
}

// since is a distance in seconds, or a dash for what never came.
func since(zero, at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return fmt.Sprintf("%.2f", max(at.Sub(zero), 0).Seconds())
}

// result says what a scan found and what it would have cost.
func (o *outcome) result() string {
	status := o.job.Status
	text := string(status.Result)
	if status.Findings != nil && status.Findings.Total > 0 {
		var counts []string
		for _, severity := range contract.Severities() {
			if n := status.Findings.BySeverity[string(severity)]; n > 0 {
				counts = append(counts, fmt.Sprintf("%d %s", n, severity))
			}
		}
		text += ": " + strings.Join(counts, ", ")
	}
	if status.Cost != nil {
		text += fmt.Sprintf("  (some $%s on Fargate)", status.Cost.EstimatedUSD)
	}
	return text
}

func mailLine(mail awslocal.Mail) string {
	if mail.To == "" {
		return "none"
	}
	return fmt.Sprintf("to %s, %q", mail.To, mail.Subject)
}

// whereNext is the end of the last screen.
func whereNext() string {
	return "\nWhere to look next\n" +
		"  make demo KEEP=1     the same, left running: kubectl, git push and the aws command work with it\n" +
		"  docs/scanjob.md      what each phase, condition and reason means, and what to do about it\n" +
		"  docs/api.md          every field of ScanEnvironment, ScanTrigger and ScanJob\n" +
		"  config/samples/      the objects that you would write yourself\n"
}
