package e2e

import (
	"bytes"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/scanjob-dev/scanjob/internal/devstack"
)

// preflight runs the real manager's subcommand and returns its exit code and what it prints.
func (w *world) preflight(arguments ...string) (code int, out, complaints string) {
	w.t.Helper()
	command := exec.CommandContext(w.t.Context(), managerBinary(w.t), append([]string{"preflight"}, arguments...)...)
	command.Env = append(w.stack.ManagerEnv(), "KUBECONFIG="+plane.Kubeconfig())
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := command.Run(); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		w.t.Fatal(err)
	}
	return code, stdout.String(), stderr.String()
}

// cells are the cells of the table's row for a reference.
func cells(out, reference string) []string {
	for line := range strings.Lines(out) {
		if fields := strings.Fields(line); len(fields) > 0 && fields[0] == reference {
			return fields[1:]
		}
	}
	return nil
}

func TestPreflightSaysWhatIsThereAndWhatIsMissing(t *testing.T) {
	t.Parallel()
	// What it asks does not count as needed: it is a cluster that the manager's role does not know.
	w := worldOf(t, startStack(t, devstack.Options{Roles: roles}))
	code, out, complaints := w.preflight("--namespace", w.ns, "--environment", "default")
	if code != 0 || complaints != "" || strings.Contains(out, "missing:") || strings.Contains(out, "warning:") ||
		!strings.Contains(out, "ScanEnvironment "+w.ns+"/default is Ready") || !strings.Contains(out, "asked as arn:aws:") {
		t.Errorf("exit code %d:\n%s%s", code, out, complaints)
	}
	for reference, found := range map[string]string{
		"cluster": w.stack.Resources.ClusterARN, "taskDefinition": w.stack.Resources.TaskDefinitionARN, "network.subnets[0]": w.stack.Resources.Subnets[0],
		"network.securityGroups[0]": w.stack.Resources.SecurityGroups[0], "inbox.queue": w.stack.Resources.QueueURL,
		"notifications.topic": w.stack.Resources.TopicARN, "reports.bucket": w.stack.Resources.Bucket,
	} {
		if got := strings.Join(cells(out, reference), " "); got != "ok "+found {
			t.Errorf("%s: %q, want ok %s", reference, got, found)
		}
	}

	bad := w.stack.Environment(w.ns, "bad")
	bad.Spec.Cluster.ID, bad.Spec.ContainerName = "gone", "sacnner"
	w.create(bad)
	w.aws.Faults().Deny("*", "sns:GetTopicAttributes")
	code, out, _ = w.preflight("--namespace", w.ns, "--environment", "bad")
	if code != 1 || !strings.Contains(out, "ScanEnvironment "+w.ns+"/bad is not Ready: ClusterAccessDenied") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	for _, line := range []string{
		`missing: cluster: ECS cluster "gone" may not be looked at: AccessDeniedException: `,
		`see that it is named right, and allow ecs:DescribeClusters on it to the role that the manager uses`,
		`it has no container sacnner, only scanner; correct containerName`,
		`allow sns:GetTopicAttributes on it to the role that the manager uses`,
	} {
		if !strings.Contains(out, line) {
			t.Errorf("%q is not said:\n%s", line, out)
		}
	}
	if got := cells(out, "notifications.topic"); len(got) == 0 || got[0] != "TopicAccessDenied" {
		t.Errorf("the topic's row is %q", got)
	}

	if code, out, _ := w.preflight("--namespace", w.ns); code != 1 || strings.Count(out, "REFERENCE") != 2 {
		t.Errorf("of both, exit code %d:\n%s", code, out)
	}
}

func TestPreflightWarnsAndSaysThatItCannotAsk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	topics := sns.NewFromConfig(w.stack.Admin)
	list, err := topics.ListSubscriptionsByTopic(t.Context(), &sns.ListSubscriptionsByTopicInput{TopicArn: aws.String(w.stack.Resources.TopicARN)})
	if err != nil {
		t.Fatal(err)
	}
	for _, subscription := range list.Subscriptions {
		if _, err := topics.Unsubscribe(t.Context(), &sns.UnsubscribeInput{SubscriptionArn: subscription.SubscriptionArn}); err != nil {
			t.Fatal(err)
		}
	}
	code, out, _ := w.preflight("--namespace", w.ns)
	if code != 0 || !strings.Contains(out, "ok, with a warning") || !strings.Contains(out, "warning: notifications.topic: SNS topic") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	for _, row := range []struct {
		arguments []string
		code      int
		says      string
	}{
		{[]string{"--namespace", w.ns, "--environment", "other"}, 2, `"other" not found`},
		{[]string{"--namespace", "nowhere"}, 2, "there is no ScanEnvironment in namespace nowhere"},
		{[]string{"--namespace", w.ns, "default"}, 2, `it takes no argument "default"`},
		{[]string{"--nonsense"}, 2, "-nonsense"},
		{[]string{"--help"}, 0, "manager preflight [--namespace NAMESPACE] [--environment NAME]"},
	} {
		if code, _, complaints := w.preflight(row.arguments...); code != row.code || !strings.Contains(complaints, row.says) {
			t.Errorf("%q: exit code %d: %s", row.arguments, code, complaints)
		}
	}
}
