package awslocal_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codecommit"
	"github.com/aws/aws-sdk-go-v2/service/codecommit/types"
)

func TestPullRequestEventsTellWhatHappenedAndWhoDidIt(t *testing.T) {
	rt := newRepositoryTest(t)
	tip := rt.feature("feature")
	pull := rt.pull("feature")
	second := rt.commit("feature", tip, "more.txt", "three\n")
	_, err := rt.client.UpdatePullRequestStatus(t.Context(), &codecommit.UpdatePullRequestStatusInput{
		PullRequestId: pull.PullRequestId, PullRequestStatus: types.PullRequestStatusEnumClosed,
	})
	noError(t, err)

	var told []string
	pages := codecommit.NewDescribePullRequestEventsPaginator(rt.client, &codecommit.DescribePullRequestEventsInput{
		PullRequestId: pull.PullRequestId, MaxResults: aws.Int32(2),
	})
	for pages.HasMorePages() {
		out, err := pages.NextPage(t.Context())
		noError(t, err)
		for _, event := range out.PullRequestEvents {
			text := string(event.PullRequestEventType)
			if m := event.PullRequestSourceReferenceUpdatedEventMetadata; m != nil {
				text += " " + aws.ToString(m.AfterCommitId)
			}
			if m := event.PullRequestCreatedEventMetadata; m != nil {
				text += " " + aws.ToString(m.SourceCommitId)
			}
			if aws.ToString(event.ActorArn) != "arn:aws:iam::111122223333:user/developer" || event.EventDate == nil {
				t.Errorf("event %+v", event)
			}
			told = append(told, text)
		}
	}
	want := []string{"PULL_REQUEST_STATUS_CHANGED", "PULL_REQUEST_SOURCE_REFERENCE_UPDATED " + second, "PULL_REQUEST_CREATED " + tip}
	if !slices.Equal(told, want) {
		t.Errorf("events %v, want %v", told, want)
	}

	only, err := rt.client.DescribePullRequestEvents(t.Context(), &codecommit.DescribePullRequestEventsInput{
		PullRequestId: pull.PullRequestId, PullRequestEventType: types.PullRequestEventTypePullRequestCreated,
	})
	noError(t, err)
	if len(only.PullRequestEvents) != 1 {
		t.Errorf("%d events of one kind", len(only.PullRequestEvents))
	}
	_, err = rt.client.DescribePullRequestEvents(t.Context(), &codecommit.DescribePullRequestEventsInput{PullRequestId: aws.String("99")})
	wantCode(t, err, "PullRequestDoesNotExistException")
}

func TestPullRequestsOfADeletedRepositoryAreGoneAndTheirNumbersAreNotUsedAgain(t *testing.T) {
	rt := newRepositoryTest(t)
	rt.feature("feature")
	pull := rt.pull("feature")
	_, err := rt.client.DeleteRepository(t.Context(), &codecommit.DeleteRepositoryInput{RepositoryName: aws.String("payments")})
	noError(t, err)
	_, err = rt.client.GetPullRequest(t.Context(), &codecommit.GetPullRequestInput{PullRequestId: pull.PullRequestId})
	wantCode(t, err, "PullRequestDoesNotExistException")

	_, err = rt.client.CreateRepository(t.Context(), &codecommit.CreateRepositoryInput{RepositoryName: aws.String("payments")})
	noError(t, err)
	rt.first = rt.commit("main", "", "readme.txt", "one\n")
	rt.feature("feature")
	if next := rt.pull("feature"); aws.ToString(next.PullRequestId) == aws.ToString(pull.PullRequestId) {
		t.Error("the number is used again")
	}
}

func TestDifferencesPageByPage(t *testing.T) {
	rt := newRepositoryTest(t)
	tip := rt.first
	for i := range 5 {
		tip = rt.commit("main", tip, fmt.Sprint(i, ".txt"), "x\n")
	}
	var paths []string
	pages := codecommit.NewGetDifferencesPaginator(rt.client, &codecommit.GetDifferencesInput{
		RepositoryName: aws.String("payments"), BeforeCommitSpecifier: aws.String(rt.first), AfterCommitSpecifier: aws.String(tip), MaxResults: aws.Int32(2),
	})
	turned := 0
	for ; pages.HasMorePages(); turned++ {
		out, err := pages.NextPage(t.Context())
		noError(t, err)
		for _, difference := range out.Differences {
			paths = append(paths, aws.ToString(difference.AfterBlob.Path))
		}
	}
	if want := []string{"0.txt", "1.txt", "2.txt", "3.txt", "4.txt"}; !slices.Equal(paths, want) || turned != 3 {
		t.Errorf("%v on %d pages, want %v", paths, turned, want)
	}
}
