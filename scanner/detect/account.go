package detect

import (
	"bytes"
	"strings"

	"github.com/scanjob-dev/scanjob/api/contract"
)

// RuleAccount is the rule for AWS account numbers in a context that tells that they are one.
const RuleAccount = "aws-account-id"

const (
	accountLength = 12
	// accountContext is how far around the digits their context is looked for, in bytes.
	accountContext = 96
)

func accountRule() Rule {
	return Rule{
		ID:          RuleAccount,
		Description: "AWS account number",
		Severity:    contract.SeverityLow,
		Advice: "An account number is no credential, but it helps an attacker to aim. Read it from the environment or from " +
			"configuration that is not published.",
	}
}

// findAccounts reports every account number of the window that stands in a context.
func findAccounts(w *window, report func(hit)) {
	data := w.data
	// A run of twelve digits, or of four between hyphens, has a digit in every four bytes; the last look goes past the border
	// for a run that begins just before it.
	const stride = 4
	for i := w.from; i < min(len(data), w.to+stride-1); {
		if !isDigit(data[i]) {
			i += stride
			continue
		}
		start := i
		for start > 0 && isDigit(data[start-1]) {
			start--
		}
		end := i + 1
		for end < len(data) && isDigit(data[end]) {
			end++
		}
		i = end
		if end-start == 4 {
			end = grouped(data, start)
			i = max(i, end)
		}
		if start < w.from || start >= w.to || end-start != accountLength && end-start != accountLength+2 {
			continue
		}
		if start > 0 && isAlphanumeric(data[start-1]) || end < len(data) && isAlphanumeric(data[end]) {
			continue
		}
		value := strings.ReplaceAll(string(data[start:end]), "-", "")
		if isExampleAccount(value) || !inAccountContext(data, start, end) {
			continue
		}
		report(hit{
			rule: RuleAccount, start: start, end: end, value: value, severity: contract.SeverityLow, account: value, byPlace: true,
		})
	}
}

// grouped returns the end of an account number written as 4-4-4 at start, or start where there is none.
func grouped(data []byte, start int) int {
	const length = accountLength + 2
	if start+length > len(data) || start+length < len(data) && (data[start+length] == '-' || isDigit(data[start+length])) ||
		start > 0 && data[start-1] == '-' {
		return start
	}
	for i, c := range data[start : start+length] {
		if (i == 4 || i == 9) != (c == '-') || c != '-' && !isDigit(c) {
			return start
		}
	}
	return start + length
}

// inAccountContext tells whether the digits stand where an account number stands: in an ARN, in the host name of a
// registry, queue or sign-in page, in a CDK bucket, in a Git user name, or after a key that names them.
func inAccountContext(data []byte, start, end int) bool {
	before := lineBefore(data, start, accountContext)
	after := data[end:min(len(data), end+accountContext)]
	for _, suffix := range [...]string{".dkr.ecr.", ".dkr-ecr.", ".signin.aws.", ".signin.amazonaws"} {
		if bytes.HasPrefix(after, []byte(suffix)) {
			return true
		}
	}
	if endsInARN(before) || bytes.HasSuffix(before, []byte("-at-")) {
		return true
	}
	if at := bytes.LastIndex(before, []byte("cdk-")); at >= 0 && bytes.HasSuffix(before, []byte("-assets-")) {
		return true
	}
	if bytes.HasSuffix(before, []byte("/")) && (bytes.Contains(before, []byte("sqs.")) || bytes.Contains(before, []byte("queue."))) &&
		bytes.Contains(before, []byte(".amazonaws.com")) {
		return true
	}
	return namedAsAccount(before)
}

// endsInARN tells whether before ends in arn:partition:service:region: with the account to follow.
func endsInARN(before []byte) bool {
	at := bytes.LastIndex(before, []byte("arn:aws"))
	if at < 0 || !bytes.HasSuffix(before, []byte(":")) {
		return false
	}
	return bytes.Count(before[at:], []byte(":")) == 4 && !bytes.ContainsAny(before[at:], " \t\"',;")
}

// namedAsAccount tells whether the line before the digits ends in a key for accounts or owners and the signs that stand
// between a key and its value. Further account numbers of a list may stand between.
func namedAsAccount(before []byte) bool {
	key := strings.TrimRight(string(before), "0123456789 \t\"'`=:>,()[]{}|\\")
	if len(key) == len(before) {
		return false
	}
	begin := len(key)
	for begin > 0 && (isAlphanumeric(key[begin-1]) || key[begin-1] == '_' || key[begin-1] == '-' || key[begin-1] == '.') {
		begin--
	}
	name := squeeze([]byte(key[begin:]))
	if name == "id" || name == "number" || name == "ids" {
		// As in "account id: …", two words.
		words := strings.Fields(key[:begin])
		if len(words) > 0 {
			name = squeeze([]byte(words[len(words)-1])) + name
		}
	}
	for _, ending := range [...]string{
		"accountid", "accountids", "accountnumber", "accountnumbers", "accountno", "ownerid", "ownerids", "owners",
		"awsaccount", "awsaccounts", "awsowner", "acctid", "awsacct",
	} {
		if strings.HasSuffix(name, ending) {
			return true
		}
	}
	return (strings.HasSuffix(name, "account") || strings.HasSuffix(name, "owner") || strings.HasSuffix(name, "values")) &&
		mentionsAccount(squeeze(before), name)
}

// mentionsAccount decides about keys that name accounts only together with the rest of their line.
func mentionsAccount(line, name string) bool {
	if strings.HasSuffix(name, "values") {
		return strings.Contains(line, "ownerid") || strings.Contains(line, "accountid")
	}
	return strings.Contains(line, "aws") || strings.Contains(line, "amazon")
}

// lineBefore returns up to limit bytes before start that are in the same line.
func lineBefore(data []byte, start, limit int) []byte {
	before := data[max(0, start-limit):start]
	return before[bytes.LastIndexByte(before, '\n')+1:]
}
