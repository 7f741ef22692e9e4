package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The elements of JUnit's XML that CI systems read: a suite for the scan, and a failed test case for each finding, or one that
// passed where there is none.
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		File    string        `xml:"file,attr,omitempty"`
		Failure *junitFailure `xml:"failure"`
		Skipped *junitSkipped `xml:"skipped"`
	}
	junitSkipped struct {
		Message string `xml:"message,attr"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

func writeJUnit(w io.Writer, subject Subject) error {
	seconds := subject.Result.FinishedAt.Sub(subject.Result.StartedAt).Seconds()
	suite := junitSuite{Name: "scanjob", Time: strconv.FormatFloat(max(seconds, 0), 'f', 3, 64)}
	for _, finding := range subject.All {
		rule := subject.ruleOf(finding)
		suite.Cases = append(suite.Cases, junitCase{
			Name: finding.Rule + " in " + place(finding), Class: finding.Path, File: finding.Path,
			Failure: &junitFailure{
				Message: finding.Description, Type: string(finding.Severity),
				Text: fmt.Sprintf("%s\n%s\ncommit: %s\npreview: %s\naccount: %s\nverification: %s\nfingerprint: %s\n%s\n", finding.Description, place(finding),
					orDash(finding.Commit), orDash(finding.Preview), orDash(strings.TrimPrefix(accountOf(finding), "account ")),
					orDash(verificationOf(finding)), finding.Fingerprint, rule.Advice),
			},
		})
	}
	suite.Failures, suite.Skipped = len(suite.Cases), len(subject.Suppressed)
	for _, finding := range subject.Suppressed {
		suite.Cases = append(suite.Cases, junitCase{
			Name: finding.Rule + " in " + place(finding), Class: finding.Path, File: finding.Path,
			Skipped: &junitSkipped{Message: strings.TrimSpace(suppressedBy(finding) + " " + reasonOf(finding))},
		})
	}
	if len(suite.Cases) == 0 {
		suite.Cases = []junitCase{{Name: "no secrets", Class: "scanjob"}}
	}
	suite.Tests = len(suite.Cases)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(junitSuites{Suites: []junitSuite{suite}}); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
