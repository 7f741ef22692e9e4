package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/scanjob-dev/scanjob/internal/devstack"
)

// keepRunning says how to play with what runs and returns at Ctrl-C, or when the manager ends.
func (d *demo) keepRunning(ctx context.Context) error {
	if err := d.signIn(ctx); err != nil {
		return err
	}
	instructions, err := d.instructions()
	if err != nil {
		return err
	}
	d.screen.print(instructions)
	select {
	case <-ctx.Done():
	case <-d.manager.Done():
	}
	// Ctrl-C on a terminal reaches the control plane too, so the manager may lose it first.
	if ctx.Err() == nil {
		return managerEnded(d.manager.Err())
	}
	d.screen.print("\nStopping. The folder " + d.dir + " is kept, with the manager's log and the repository.\n")
	return nil
}

// signIn lets git in the work tree sign in with the credentials of the shell that it is run from.
func (d *demo) signIn(ctx context.Context) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	for _, setting := range [][2]string{
		{"credential.helper", "!'" + strings.ReplaceAll(program, "'", `'\''`) + "' " + credentialHelper},
		{"credential.useHttpPath", "true"},
		{"user.name", "Developer"}, {"user.email", "developer@example.com"},
	} {
		if _, err := d.repository.Git(ctx, "config", setting[0], setting[1]); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) instructions() (string, error) {
	who, err := d.stack.AWS.User(devstack.Developer)
	if err != nil {
		return "", err
	}
	url, region := d.stack.AWS.URL(), d.stack.AWS.Region()
	var out strings.Builder
	section := func(title string, commands ...string) {
		out.WriteString("\n" + d.screen.paint(bold, title) + "\n")
		for _, command := range commands {
			out.WriteString("  " + command + "\n")
		}
	}
	section("All of it is left running. In another terminal:",
		"export KUBECONFIG="+d.plane.Kubeconfig(),
		"export AWS_ENDPOINT_URL="+url+" AWS_REGION="+region+" AWS_DEFAULT_REGION="+region+" AWS_SESSION_TOKEN=",
		"export AWS_ACCESS_KEY_ID="+who.Credentials.AccessKeyID+" AWS_SECRET_ACCESS_KEY="+who.Credentials.SecretAccessKey)
	section("Look at it, where kubectl is installed",
		"kubectl -n "+d.namespace+" get scanjobs -w -o wide",
		"kubectl -n "+d.namespace+" describe scanjobs",
		"kubectl explain scanjob.status")
	section("Leak something: a push to the branch of an open pull request starts a scan",
		"cd "+d.repository.Dir,
		"git switch "+cleanBranch,
		`echo "owner_account_id = $((200000000000 + RANDOM * 1000003))" > owner.tf`,
		"git add owner.tf && git commit -m 'Say who owns it' && git push origin HEAD")
	section("Open another pull request, where the aws command is installed",
		"git switch -c another main && git commit --allow-empty -m 'Change nothing' && git push origin HEAD",
		"aws codecommit create-pull-request --title Another --targets repositoryName="+repositoryName+",sourceReference=another",
		"aws ecs list-tasks --cluster scans --desired-status STOPPED")
	section("See what the local AWS did",
		"curl -s "+url+"/_awslocal/mail     # also: events, tasks, publishes, logs, calls, undelivered",
		"tail -f "+d.managerLog())
	out.WriteString("\n" + d.screen.paint(yellow, "Ctrl-C ends it.") + "\n")
	return out.String(), nil
}
