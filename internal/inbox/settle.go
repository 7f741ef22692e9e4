package inbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

const (
	// settleTimeout bounds the calls that end a batch, which also happen while the process is being stopped.
	settleTimeout = 10 * time.Second
	// settleTries is how often a batch call is made for the entries that SQS refuses by its own fault.
	settleTries = 3
)

// settle deletes the handled messages and hides the failed ones, of those that are done, each with one batch call. What
// cannot be settled comes back when its visibility timeout ends, and is handled once more.
func (b *batch) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	var remove, hide []int
	visibility := map[int]time.Duration{}
	for _, r := range b.done {
		switch {
		case r.verdict.delete:
			remove = append(remove, r.index)
		case r.verdict.hide:
			hide = append(hide, r.index)
			visibility[r.index] = r.verdict.visibility
		}
	}
	b.done = nil
	b.untilSettled(ctx, "delete", actionDelete, remove, func(pending []int) ([]sqstypes.BatchResultErrorEntry, error) {
		in := &sqs.DeleteMessageBatchInput{QueueUrl: aws.String(b.url)}
		for _, i := range pending {
			in.Entries = append(in.Entries, sqstypes.DeleteMessageBatchRequestEntry{
				Id: aws.String(strconv.Itoa(i)), ReceiptHandle: b.messages[i].ReceiptHandle,
			})
		}
		out, err := b.client.DeleteMessageBatch(ctx, in)
		if err != nil {
			return nil, err
		}
		return out.Failed, nil
	})
	b.untilSettled(ctx, "hide", actionHide, hide, func(pending []int) ([]sqstypes.BatchResultErrorEntry, error) {
		in := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: aws.String(b.url)}
		for _, i := range pending {
			in.Entries = append(in.Entries, sqstypes.ChangeMessageVisibilityBatchRequestEntry{
				Id: aws.String(strconv.Itoa(i)), ReceiptHandle: b.messages[i].ReceiptHandle, VisibilityTimeout: seconds(visibility[i]),
			})
		}
		out, err := b.client.ChangeMessageVisibilityBatch(ctx, in)
		if err != nil {
			return nil, err
		}
		return out.Failed, nil
	})
}

// untilSettled makes a batch call, which needs an action, until every pending entry succeeded or cannot succeed.
func (b *batch) untilSettled(ctx context.Context, what, action string, pending []int, call func([]int) ([]sqstypes.BatchResultErrorEntry, error)) {
	for try := 1; len(pending) > 0; try++ {
		failed, err := call(pending)
		if err == nil {
			b.worked(action)
			if len(failed) == 0 {
				return
			}
			pending, err = refused(failed)
		} else {
			b.failed(action, err)
		}
		if try == settleTries || len(pending) == 0 || ctx.Err() != nil {
			b.unsettled = true
			b.options.Metrics.settleErrors.WithLabelValues(b.name, what).Inc()
			log.FromContext(ctx).Error(err, "Could not "+what+" messages; they come back and are handled once more; check that the manager's role has "+action+" on the queue")
			return
		}
		b.wait(ctx, receiveDelay(try, rand.Float64()))
	}
}

// refused returns the entries that a repetition may help, and an error that tells of all entries.
func refused(failed []sqstypes.BatchResultErrorEntry) ([]int, error) {
	var again []int
	var errs []error
	for _, entry := range failed {
		errs = append(errs, fmt.Errorf("%s: %s", aws.ToString(entry.Code), aws.ToString(entry.Message)))
		if entry.SenderFault {
			continue
		}
		if i, err := strconv.Atoi(aws.ToString(entry.Id)); err == nil {
			again = append(again, i)
		}
	}
	return again, errors.Join(errs...)
}
