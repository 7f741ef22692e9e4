package inbox

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/scanjob-dev/scanjob/internal/events"
)

func TestJudge(t *testing.T) {
	failure := errors.New("the API server does not answer")
	poison := fmt.Errorf("handle: %w", &events.UndecodableError{Reason: "not JSON"})
	tests := map[string]struct {
		err      error
		panicked bool
		count    int
		stopping bool
		want     verdict
	}{
		"what was handled is deleted":                            {nil, false, 1, false, verdict{outcome: outcomeHandled, delete: true}},
		"what was handled while stopping is deleted":             {nil, false, 1, true, verdict{outcome: outcomeHandled, delete: true}},
		"what cannot be decoded is left alone":                   {poison, false, 1, false, verdict{outcome: outcomeUndecodable}},
		"what cannot be decoded is left alone while stopping":    {poison, false, 1, true, verdict{outcome: outcomeUndecodable}},
		"what failed comes back later":                           {failure, false, 1, false, verdict{outcome: outcomeFailed, hide: true, visibility: 10 * time.Second}},
		"what failed again comes back later still":               {failure, false, 3, false, verdict{outcome: outcomeFailed, hide: true, visibility: 40 * time.Second}},
		"what failed while stopping comes back at once":          {failure, false, 3, true, verdict{outcome: outcomeReturned, hide: true}},
		"what panicked comes back later":                         {failure, true, 1, false, verdict{outcome: outcomePanicked, hide: true, visibility: 10 * time.Second}},
		"what panicked does not go to the next leader at once":   {failure, true, 2, true, verdict{outcome: outcomePanicked, hide: true, visibility: 20 * time.Second}},
		"an undecodable message with another error is left too":  {errors.Join(poison, failure), false, 1, false, verdict{outcome: outcomeUndecodable}},
		"a message without a count comes back after ten seconds": {failure, false, 0, false, verdict{outcome: outcomeFailed, hide: true, visibility: 10 * time.Second}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := judge(test.err, test.panicked, retryVisibility(10*time.Second, test.count), test.stopping); got != test.want {
				t.Errorf("judge = %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestRetryVisibility(t *testing.T) {
	for count, want := range map[int]time.Duration{
		-1: 10 * time.Second, 0: 10 * time.Second, 1: 10 * time.Second, 2: 20 * time.Second, 6: 320 * time.Second,
		7: 600 * time.Second, 8: 600 * time.Second, 1000: 600 * time.Second,
	} {
		if got := retryVisibility(10*time.Second, count); got != want {
			t.Errorf("after %d receives: %v, want %v", count, got, want)
		}
	}
}

func TestReceiveDelay(t *testing.T) {
	tests := []struct {
		failures int
		fraction float64
		want     time.Duration
	}{
		{1, 0, 250 * time.Millisecond},
		{1, 0.5, 375 * time.Millisecond},
		{2, 0, 500 * time.Millisecond},
		{4, 0, 2 * time.Second},
		{7, 0, 15 * time.Second},
		{7, 0.5, 22500 * time.Millisecond},
		{100000, 0, 15 * time.Second},
	}
	for _, test := range tests {
		if got := receiveDelay(test.failures, test.fraction); got != test.want {
			t.Errorf("after %d failures with fraction %v: %v, want %v", test.failures, test.fraction, got, test.want)
		}
	}
}

func TestRefusedEntriesAreTriedAgainOnlyWhereThatCanHelp(t *testing.T) {
	again, err := refused([]sqstypes.BatchResultErrorEntry{
		{Id: aws.String("0"), Code: aws.String("ReceiptHandleIsInvalid"), SenderFault: true},
		{Id: aws.String("3"), Code: aws.String("InternalError"), Message: aws.String("try again")},
	})
	if !slices.Equal(again, []int{3}) {
		t.Errorf("entries to try again: %v, want only 3", again)
	}
	if err == nil || err.Error() != "ReceiptHandleIsInvalid: \nInternalError: try again" {
		t.Errorf("error = %v", err)
	}
}
