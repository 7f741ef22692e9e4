package detect

import (
	"bytes"
	"strings"

	"github.com/scanjob-dev/scanjob/api/contract"
)

// RuleSessionToken is the rule for session tokens of temporary credentials.
const RuleSessionToken = "aws-session-token"

const (
	// sessionTokenShortest leaves out the shortened tokens of documentation; real ones have about 300 to 1,000 characters.
	sessionTokenShortest = 100
	sessionTokenLongest  = 4096
)

func sessionTokenRule() Rule {
	return Rule{
		ID:          RuleSessionToken,
		Description: "AWS session token",
		Severity:    contract.SeverityHigh,
		Advice: "Temporary credentials end by themselves after some hours; until then revoke the role's active sessions in IAM " +
			"(Revoke sessions), and find out what wrote the token into a file.",
	}
}

// sessionTokenOpening is a part that is rare in other text, and what stands before it in a token.
type sessionTokenOpening struct {
	anchor string
	before []string
}

func sessionTokenOpenings() []sessionTokenOpening {
	return []sessionTokenOpening{
		{anchor: "b3JpZ2lu", before: []string{"IQoJ", "AgoJ", "AgoG"}},
		{anchor: "ZXIvYXdz", before: []string{"FwoG", "FQoG"}},
		{anchor: "oDYXdz", before: []string{"AQ", "FQ"}},
	}
}

// findSessionTokens reports every session token of the window.
func findSessionTokens(w *window, report func(hit)) {
	for _, opening := range sessionTokenOpenings() {
		for i := w.from; i < len(w.data); {
			at := bytes.Index(w.data[i:], []byte(opening.anchor))
			if at < 0 {
				break
			}
			anchor := i + at
			i = anchor + 1
			start, ok := tokenStart(w.data, anchor, opening.before)
			if !ok || start < w.from || start >= w.to || !boundaryBefore(w.data, start) {
				continue
			}
			end := anchor
			for end < len(w.data) && end-start < sessionTokenLongest && (isBase64(w.data[end]) || w.data[end] == '=' || w.data[end] == '%') {
				end++
			}
			value := string(w.data[start:end])
			if len(value) < sessionTokenShortest || isExampleSecret(value) {
				continue
			}
			report(hit{rule: RuleSessionToken, start: start, end: end, value: value, severity: contract.SeverityHigh})
		}
	}
}

func tokenStart(data []byte, anchor int, before []string) (int, bool) {
	for _, opening := range before {
		if strings.HasSuffix(string(data[max(0, anchor-len(opening)):anchor]), opening) {
			return anchor - len(opening), true
		}
	}
	return 0, false
}
