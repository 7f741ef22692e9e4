package report_test

import (
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/report"
)

func TestTextAndPageShowTheLineRedacted(t *testing.T) {
	all := findings(2)
	all[0].Excerpt = `"secretKey": "` + all[0].Preview + `", "<b>": "…"`
	subject := report.NewSubject(result(), all, "")
	plain, colored := written(t, report.FormatText, subject, report.Options{}), written(t, report.FormatText, subject, report.Options{Color: true})
	if !strings.Contains(plain, "\n"+strings.Repeat(" ", 20)+all[0].Excerpt+"\n") || strings.Count(plain, all[0].Preview) != 2 {
		t.Errorf("plain text:\n%s", plain)
	}
	if !strings.Contains(colored, "\x1b[1;31m"+all[0].Preview+"\x1b[0m") {
		t.Errorf("the secret is not marked:\n%q", colored)
	}
	if page := written(t, report.FormatHTML, subject, report.Options{}); !strings.Contains(page, "&#34;secretKey&#34;: &#34;AKIA****") || strings.Contains(page, "<b>") {
		t.Errorf("page:\n%s", page)
	}
	for _, format := range []string{report.FormatJSON, report.FormatSARIF, report.FormatJUnit, report.FormatCSV} {
		if strings.Contains(written(t, format, subject, report.Options{}), "secretKey") {
			t.Errorf("%s holds the excerpt, which is for people alone", format)
		}
	}
	if message, err := subject.Message(); err != nil || strings.Contains(message.Body, "secretKey") {
		t.Errorf("the message holds the excerpt, or fails: %v", err)
	}
}

func TestTextAndPageLeadToTheLinksOfRules(t *testing.T) {
	rules := []detect.Rule{{ID: "own", Description: "d", Links: []string{"https://example.com/help?a=1&b=2", "http://example.com/more", "javascript:alert(1)", "see the handbook"}}}
	subject := report.NewSubject(result(), []contract.Finding{{Rule: "own", Path: "a"}}, "").WithRules(rules)
	text, page := written(t, report.FormatText, subject, report.Options{}), written(t, report.FormatHTML, subject, report.Options{})
	for _, link := range []string{"https://example.com/help?a=1&b=2", "http://example.com/more"} {
		if !strings.Contains(text, "\n      "+link+"\n") {
			t.Errorf("%s is missing:\n%s", link, text)
		}
		if !strings.Contains(page, `<a href="`+strings.ReplaceAll(link, "&", "&amp;")+`" rel="noreferrer">`) {
			t.Errorf("%s is missing:\n%s", link, page)
		}
	}
	if both := text + page; strings.Contains(both, "javascript:") || strings.Contains(both, "handbook") {
		t.Errorf("something that no browser opens is shown:\n%s", both)
	}
}
