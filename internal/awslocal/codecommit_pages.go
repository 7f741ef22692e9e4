package awslocal

// defaultPullRequestPage is how many pull requests one ListPullRequests and how many events one DescribePullRequestEvents
// return at most (https://docs.aws.amazon.com/codecommit/latest/APIReference/API_DescribePullRequestEvents.html).
const defaultPullRequestPage = 100

// page returns the part of a list that a token and a wanted number of results ask for, and the token of what follows it,
// empty at the end.
func page[T any](all []T, most int, wanted *int, token string) (shown []T, next string, refused *Error) {
	limit := most
	if wanted != nil {
		limit = min(limit, *wanted)
	}
	if limit < 1 {
		return nil, "", refuse("InvalidMaxResultsException", "The number of results must be at least 1.")
	}
	from, refused := decodePage(token)
	if refused != nil {
		return nil, "", refuse("InvalidContinuationTokenException", "The continuation token is not valid.")
	}
	end := min(len(all), from+limit)
	if end < len(all) {
		next = encodePage(end)
	}
	return all[min(from, end):end], next, nil
}

// withToken adds the token of the next page to an answer where there is one.
func withToken(answer map[string]any, name, token string) map[string]any {
	if token != "" {
		answer[name] = token
	}
	return answer
}
