package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// play is the demo from the first line to the summary.
func (d *demo) play(ctx context.Context) error {
	d.screen.print(d.screen.paint(bold, "ScanJob: a pull request that leaks an AWS key becomes an e-mail and a finished ScanJob.") + "\n")
	ctx, err := d.setStage(ctx)
	if err != nil {
		return err
	}
	jobs, err := watchJobs(ctx, d.api.Discovery().RESTClient(), d.namespace)
	if err != nil {
		return err
	}
	defer jobs.close()

	l, err := newLeak()
	if err != nil {
		return err
	}
	leaking, err := d.leakingScene(ctx, jobs, l)
	if err != nil {
		return err
	}
	cleanOne, err := d.cleanScene(ctx, jobs)
	if err != nil {
		return err
	}
	checks, err := d.check(ctx, l, leaking, cleanOne)
	if err != nil {
		return err
	}
	d.screen.print(d.screen.summary(time.Since(d.screen.start), []*outcome{leaking, cleanOne}, checks))
	if !d.keep {
		d.screen.print(whereNext())
	}
	return nil
}

// leakingScene is a pull request that leaks a key, and what follows.
func (d *demo) leakingScene(ctx context.Context, jobs *jobWatch, l leak) (*outcome, error) {
	d.screen.heading("2. A developer leaks a key")
	if err := d.makeRepository(ctx); err != nil {
		return nil, err
	}
	pull := pullRequest{branch: leakingBranch, title: l.commit.message}
	if err := d.push(ctx, &pull, l.commit); err != nil {
		return nil, err
	}
	d.screen.block(l.shown())

	d.screen.heading("3. What follows, in seconds since the pull request was opened")
	o, err := d.scan(ctx, jobs, &pull)
	if err != nil {
		return nil, err
	}
	if err := o.wantFindings(l.places()); err != nil {
		return nil, stepError{step: "look at the findings", err: err}
	}
	if o.mail, err = d.wantMail(); err != nil {
		return nil, stepError{step: "look at the e-mail", err: err}
	}
	findings, err := yaml.Marshal(map[string]any{"findings": o.job.Status.Findings})
	if err != nil {
		return nil, err
	}
	d.screen.heading("4. What the ScanJob says: kubectl get scanjob " + o.job.Name + " -o yaml, of its status")
	d.screen.block(string(findings))
	d.screen.heading("5. What the subscriber of the SNS topic gets")
	d.screen.block(fmt.Sprintf("To:      %s\nSubject: %s\n\n%s", o.mail.To, o.mail.Subject, o.mail.Body))
	return o, nil
}

// cleanScene is a pull request without a secret.
func (d *demo) cleanScene(ctx context.Context, jobs *jobWatch) (*outcome, error) {
	d.screen.heading("6. A second pull request, without a secret")
	pull := pullRequest{branch: cleanBranch, title: clean().message}
	if err := d.push(ctx, &pull, clean()); err != nil {
		return nil, err
	}
	o, err := d.scan(ctx, jobs, &pull)
	if err != nil {
		return nil, err
	}
	if err := o.wantClean(); err != nil {
		return nil, stepError{step: "look at the clean scan", err: err}
	}
	if _, err := d.wantMail(); err != nil {
		return nil, stepError{step: "look for a second e-mail", err: err}
	}
	d.screen.event(time.Now(), "e-mail", "none: there is nothing to tell")
	return o, nil
}

func (d *demo) makeRepository(ctx context.Context) error {
	return d.screen.during("CodeCommit", "create the repository and push its history", func() (string, error) {
		repository, err := d.stack.CreateRepository(ctx, repositoryName)
		if err != nil {
			return "", err
		}
		d.repository = repository
		for _, c := range history() {
			if _, err := repository.Commit(ctx, "main", c.message, c.files); err != nil {
				return "", err
			}
		}
		return fmt.Sprintf("repository %s with %d commits on main", repository.Name, len(history())), nil
	})
}

// pullRequest is what a developer asks for.
type pullRequest struct {
	id, branch, title, commit string
}

func (d *demo) push(ctx context.Context, pull *pullRequest, c commit) error {
	return d.screen.during("git push", "push branch "+pull.branch, func() (string, error) {
		made, err := d.repository.Commit(ctx, pull.branch, c.message, c.files)
		if err != nil {
			return "", err
		}
		pull.commit = made
		return fmt.Sprintf("branch %s, commit %.8s \"%s\"", pull.branch, made, c.message), nil
	})
}

// scan opens a pull request and follows its scan to the end.
func (d *demo) scan(ctx context.Context, jobs *jobWatch, pull *pullRequest) (*outcome, error) {
	step := "open the pull request"
	id, err := d.repository.OpenPullRequest(ctx, pull.branch, pull.title)
	if err != nil {
		return nil, stepError{step: step, err: err}
	}
	pull.id = id
	o := &outcome{pull: *pull}
	if o.opened, err = d.eventOf(ctx, id); err != nil {
		return nil, stepError{step: "wait for the pull request's event", err: err}
	}
	d.screen.countFrom(o.opened)
	d.screen.event(o.opened, "pull request", fmt.Sprintf("%s %q, %s into main", id, pull.title, pull.branch))
	d.screen.event(o.opened, "EventBridge", "pullRequestCreated: rule "+awslocal.DefaultNames().PullRequestRule+" sends it to the inbox")
	if err := d.follow(ctx, jobs, o); err != nil {
		return nil, stepError{step: "follow the scan of pull request " + id, err: err}
	}
	if o.task, err = d.taskOf(o); err != nil {
		return nil, stepError{step: "look at the Fargate tasks", err: err}
	}
	return o, nil
}

// eventOf returns when the event of a pull request's creation was put on the bus.
func (d *demo) eventOf(ctx context.Context, id string) (at time.Time, err error) {
	err = d.until(ctx, readyTimeout, func(context.Context) (bool, error) {
		for _, event := range d.stack.AWS.Events() {
			detail, ok := event.Detail.(map[string]any)
			if ok && detail["event"] == "pullRequestCreated" && detail["pullRequestId"] == id {
				at = event.Time
				return true, nil
			}
		}
		return false, nil
	})
	return at, err
}

// taskOf returns the one task of a ScanJob.
func (d *demo) taskOf(o *outcome) (awslocal.Task, error) {
	var found []awslocal.Task
	for _, task := range d.stack.AWS.Tasks() {
		if task.Environment["SCANJOB_UID"] == string(o.job.UID) {
			found = append(found, task)
		}
	}
	if len(found) != 1 {
		return awslocal.Task{}, fmt.Errorf("ScanJob %s has %d tasks, want 1", o.job.Name, len(found))
	}
	return found[0], nil
}

// wantMail returns the one e-mail with findings that there must be.
func (d *demo) wantMail() (awslocal.Mail, error) {
	found := d.findingsMail()
	if len(found) != 1 {
		return awslocal.Mail{}, fmt.Errorf("the subscriber got %d e-mails with findings, want 1", len(found))
	}
	return found[0], nil
}

// findingsMail is all the mail but what asks to confirm a subscription.
func (d *demo) findingsMail() []awslocal.Mail {
	var found []awslocal.Mail
	for _, mail := range d.stack.AWS.Mail() {
		if mail.ConfirmURL == "" {
			found = append(found, mail)
		}
	}
	return found
}

// explain says why the demo failed.
func (d *demo) explain(ctx context.Context, err error) {
	if ctx.Err() != nil {
		d.screen.print("\nInterrupted.\n")
		return
	}
	text := "\n" + d.screen.paint(red, "The demo failed") + ": " + err.Error() + "\n"
	var failed stepError
	if errors.As(err, &failed) {
		text = "\n" + d.screen.paint(red, "The demo failed") + fmt.Sprintf(" in the step %q: %v\n", failed.step, err)
	}
	if d.keep {
		text += "The folder " + d.dir + " is kept, with the manager's log and the repository.\n"
	}
	if d.manager != nil {
		text += "\nThe end of the manager's log:\n" + lastLines(d.manager.Log(), 20)
	}
	if d.stack != nil {
		var lines []string
		for _, line := range d.stack.AWS.LogLines() {
			lines = append(lines, line.Message)
		}
		if len(lines) > 0 {
			text += "\nThe end of the scanners' logs:\n" + lastLines(strings.Join(lines, "\n"), 10)
		}
	}
	d.screen.print(text)
}

// lastLines are the last n lines of a text, indented.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return "  " + strings.Join(lines, "\n  ") + "\n"
}
