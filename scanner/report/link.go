package report

import (
	"net/url"
	"strings"

	"github.com/scanjob-dev/scanjob/scanner/detect"
)

// console returns the page of the CodeCommit console for a path within the repository's pages, or an empty text for a
// repository that is not in CodeCommit.
func (s Subject) console(path string) string {
	if s.Region == "" {
		return ""
	}
	host := "console.aws.amazon.com"
	switch {
	case strings.HasPrefix(s.Region, "cn-"):
		host = "console.amazonaws.cn"
	case strings.HasPrefix(s.Region, "us-gov-"):
		host = "console.amazonaws-us-gov.com"
	}
	return "https://" + s.Region + "." + host + "/codesuite/codecommit/repositories/" + url.PathEscape(s.Result.Source.Repository) +
		path + "?region=" + s.Region
}

// Link returns the page of the pull request, or of the commit where there is none; empty outside of CodeCommit.
func (s Subject) Link() string {
	if id := s.Result.Source.PullRequestID; id != "" {
		return s.console("/pull-requests/" + url.PathEscape(id) + "/changes")
	}
	return s.console("/commit/" + url.PathEscape(s.Result.Source.Revision))
}

// webLinks returns the links of the rule that a browser opens.
func webLinks(rule detect.Rule) []string {
	var links []string
	for _, link := range rule.Links {
		if isWebAddress(link) {
			links = append(links, link)
		}
	}
	return links
}
