package e2e

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/scanjob-dev/scanjob/internal/devstack"
)

// startProcess runs the real manager as a process, until the test ends.
func (w *world) startProcess() *devstack.Process {
	w.t.Helper()
	process, err := devstack.StartManager(managerBinary(w.t), plane.Kubeconfig(), w.stack.ManagerArgs(), w.stack.ManagerEnv(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		select {
		case <-process.Done():
		default:
			if err := process.Stop(ctx); err != nil {
				w.t.Errorf("stop the manager: %v", err)
			}
		}
		if w.t.Failed() {
			w.t.Logf("the manager's log, its end:\n%s", tail(process.Log(), 6000))
		}
	})
	return process
}

// inboxDepth returns how many messages the inbox holds, on their way or not.
func (w *world) inboxDepth() int {
	w.t.Helper()
	answer, err := sqs.NewFromConfig(w.stack.Admin).GetQueueAttributes(w.t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: aws.String(w.stack.Resources.QueueURL),
		AttributeNames: []sqstypes.QueueAttributeName{
			sqstypes.QueueAttributeNameApproximateNumberOfMessages, sqstypes.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	depth := 0
	for _, value := range answer.Attributes {
		if value != "0" {
			depth++
		}
	}
	return depth
}
