package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

// check looks at the whole once more and returns what holds, as sentences.
func (d *demo) check(ctx context.Context, l leak, outcomes ...*outcome) ([]string, error) {
	d.screen.heading("7. Checks")
	err := d.screen.during("inbox", "wait until the inbox is empty", func() (string, error) { return d.wantEmptyInbox(ctx) })
	if err != nil {
		return nil, err
	}
	err = d.screen.during("secrets", "look for the secrets in all that was written", func() (string, error) {
		return d.wantNoSecrets(ctx, l)
	})
	if err != nil {
		return nil, err
	}
	if tasks := len(d.stack.AWS.Tasks()); tasks != len(outcomes) {
		return nil, stepError{step: "count the Fargate tasks", err: fmt.Errorf("%d tasks were started, want %d", tasks, len(outcomes))}
	}
	return []string{
		"one Fargate task per pull request, and one e-mail for the one that leaks",
		"the inbox and its dead-letter queue are empty: no event was lost or left over",
		"key pair and account number are in no status, event, log, message, mail or report",
	}, nil
}

// wantEmptyInbox waits until the manager has done with every message.
func (d *demo) wantEmptyInbox(ctx context.Context) (string, error) {
	names := awslocal.DefaultNames()
	var inbox awslocal.QueueDepth
	err := d.until(ctx, readyTimeout, func(context.Context) (bool, error) {
		var err error
		inbox, err = d.stack.AWS.Queue(names.Queue)
		return inbox.Total() == 0, err
	})
	if err != nil {
		return "", fmt.Errorf("%d messages are left in queue %s: %w", inbox.Total(), names.Queue, err)
	}
	dead, err := d.stack.AWS.Queue(names.DeadLetterQueue)
	if err != nil {
		return "", err
	}
	if dead.Total() > 0 {
		return "", fmt.Errorf("%d messages are in the dead-letter queue %s", dead.Total(), names.DeadLetterQueue)
	}
	return "empty, and so is its dead-letter queue", nil
}

func (d *demo) wantNoSecrets(ctx context.Context, l leak) (string, error) {
	sinks, err := d.sinks(ctx)
	if err != nil {
		return "", err
	}
	if err := search(sinks, l.traces()); err != nil {
		return "", err
	}
	var looked []string
	for _, s := range sinks {
		looked = append(looked, fmt.Sprintf("%s (%d)", s.name, s.count))
	}
	lines := wrap("no trace in "+strings.Join(looked, ", "), textWidth)
	return strings.Join(lines, "\n"+strings.Repeat(" ", indent)), nil
}
