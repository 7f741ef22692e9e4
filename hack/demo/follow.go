package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	scanv1 "github.com/scanjob-dev/scanjob/api/v1alpha1"
	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// outcome is what became of a pull request. Times that have not come are zero.
type outcome struct {
	pull pullRequest
	job  *scanv1.ScanJob
	task awslocal.Task
	mail awslocal.Mail
	// noticed says that the e-mail was told of.
	noticed bool

	opened   time.Time // the event was put on the bus
	received time.Time // the inbox handed it to the manager
	created  time.Time // the ScanJob was seen
	running  time.Time // … in phase Running
	finished time.Time // … complete
	reported time.Time // … with its findings
}

// quiet is how long nothing may happen before the demo says what the job waits for.
const quiet = 10 * time.Second

// follow prints a job's rows as kubectl get -w does until the job is at its end and its report is settled.
func (d *demo) follow(ctx context.Context, jobs *jobWatch, o *outcome) error {
	ctx, cancel := context.WithTimeoutCause(ctx, scanTimeout, fmt.Errorf("gave up after %s", scanTimeout))
	defer cancel()
	silence := time.NewTicker(quiet)
	defer silence.Stop()
	last := ""
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", o.waitsFor(), context.Cause(ctx))
		case <-silence.C:
			d.screen.event(time.Now(), "waiting", o.waitsFor())
		case row, ok := <-jobs.rows:
			if !ok {
				return errors.Join(jobs.err, context.Cause(ctx))
			}
			if row.job.Spec.Source.CodeCommit == nil || row.job.Spec.Source.CodeCommit.PullRequestID != o.pull.id {
				continue
			}
			first := o.job == nil
			failure := o.note(row)
			if first {
				d.announce(jobs, o, row)
			}
			if key := jobs.table.key(row.cells); key != last {
				last = key
				silence.Reset(quiet)
				d.noticeMail(o)
				d.screen.row(row.at, d.screen.paint(colourOf(row.job), jobs.table.format(row.cells)))
			}
			if failure != nil {
				return failure
			}
			if !o.reported.IsZero() {
				d.screen.event(o.reported, "reported", o.condition(scanv1.ConditionReported).Message)
				return nil
			}
		}
	}
}

// announce says that the event has become an object, above the object's first row.
func (d *demo) announce(jobs *jobWatch, o *outcome, row seen) {
	if !o.received.IsZero() {
		d.screen.event(o.received, "inbox", "the manager got the event from the queue "+awslocal.DefaultNames().Queue)
	}
	d.screen.event(o.created, "ScanJob", "the ScanTrigger made it: kubectl get scanjobs -w")
	jobs.table.widths = nil
	jobs.table.format(row.cells) // the first row sets the widths
	d.screen.row(o.created, d.screen.paint(dim, jobs.table.format(jobs.table.names())))
}

// noticeMail tells of an e-mail when it is out, once.
func (d *demo) noticeMail(o *outcome) {
	mails := d.findingsMail()
	if len(mails) == 0 || o.noticed || mails[len(mails)-1].Time.Before(o.opened) {
		return
	}
	o.noticed = true
	mail := mails[len(mails)-1]
	d.screen.event(mail.Time, "e-mail", fmt.Sprintf("SNS sent it to %s, and the findings to the inbox", mail.To))
}

// note takes the news of a row. Its error says that the scan failed.
func (o *outcome) note(row seen) error {
	o.job = row.job
	stamp(&o.created, row.at)
	if at, err := time.Parse(time.RFC3339Nano, row.job.Annotations[scanv1.AnnotationReceivedTime]); err == nil {
		stamp(&o.received, at)
	}
	if row.job.Status.Phase == scanv1.PhaseRunning {
		stamp(&o.running, row.at)
	}
	if failed := o.condition(scanv1.ConditionFailed); failed.Status == metav1.ConditionTrue {
		return fmt.Errorf("ScanJob %s failed, %s: %s", o.job.Name, failed.Reason, failed.Message)
	}
	if o.condition(scanv1.ConditionComplete).Status == metav1.ConditionTrue {
		stamp(&o.finished, row.at)
	}
	reported := o.condition(scanv1.ConditionReported)
	switch {
	case reported.Status == metav1.ConditionTrue:
		stamp(&o.reported, row.at)
	case reported.Reason == scanv1.ReasonFindingsNotReceived || reported.Reason == scanv1.ReasonNoInbox:
		return fmt.Errorf("ScanJob %s could not report, %s: %s", o.job.Name, reported.Reason, reported.Message)
	}
	return nil
}

// stamp keeps the first time of something.
func stamp(kept *time.Time, at time.Time) {
	if kept.IsZero() {
		*kept = at
	}
}

// condition is one of the job's, or an empty one.
func (o *outcome) condition(kind string) metav1.Condition {
	if found := meta.FindStatusCondition(o.job.Status.Conditions, kind); found != nil {
		return *found
	}
	return metav1.Condition{}
}

// waitsFor says how far the job is.
func (o *outcome) waitsFor() string {
	if o.job == nil {
		return "no ScanJob for pull request " + o.pull.id + " yet"
	}
	text := fmt.Sprintf("ScanJob %s is %s", o.job.Name, o.job.Status.Phase)
	for _, kind := range []string{scanv1.ConditionAdmitted, scanv1.ConditionReported} {
		if c := o.condition(kind); c.Status == metav1.ConditionFalse {
			text += fmt.Sprintf(", %s=False %s: %s", kind, c.Reason, c.Message)
		}
	}
	return text
}

func colourOf(job *scanv1.ScanJob) string {
	switch {
	case job.Status.Phase == scanv1.PhaseFailed, job.Status.Result == scanv1.ResultFindings:
		return red
	case job.Status.Result == scanv1.ResultClean:
		return green
	}
	return ""
}

// wantFindings checks that the job found just what was planted.
func (o *outcome) wantFindings(places []place) error {
	status := o.job.Status
	if status.Phase != scanv1.PhaseSucceeded || status.Result != scanv1.ResultFindings || status.Findings == nil {
		return fmt.Errorf("ScanJob %s is %s with result %s, want %s and %s",
			o.job.Name, status.Phase, status.Result, scanv1.PhaseSucceeded, scanv1.ResultFindings)
	}
	found := map[place]bool{}
	for _, finding := range status.Findings.Items {
		found[place{finding.Rule, finding.Path, finding.Line}] = true
	}
	for _, wanted := range places {
		if !found[wanted] {
			return fmt.Errorf("ScanJob %s misses %s in %s, line %d", o.job.Name, wanted.rule, wanted.path, wanted.line)
		}
	}
	if int(status.Findings.Total) != len(places) {
		return fmt.Errorf("ScanJob %s has %d findings, want %d", o.job.Name, status.Findings.Total, len(places))
	}
	return nil
}

// wantClean checks that the job found nothing.
func (o *outcome) wantClean() error {
	status := o.job.Status
	if status.Phase != scanv1.PhaseSucceeded || status.Result != scanv1.ResultClean || status.Findings != nil && status.Findings.Total > 0 {
		return fmt.Errorf("ScanJob %s is %s with result %s, want %s and %s",
			o.job.Name, status.Phase, status.Result, scanv1.PhaseSucceeded, scanv1.ResultClean)
	}
	return nil
}
