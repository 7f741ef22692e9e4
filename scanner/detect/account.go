package detect

import (
	"bytes"
	"strings"

	"github.com/scanjob-dev/scanjob/api/contract"
)

const (
	accountLength = 12
	// accountContext is how far around the digits their context is looked for, in bytes.
	accountContext = 96
)

// findAccounts reports every account number of the window that stands in a context.
func findAccounts(w *window, report func(hit)) {
	data := w.data
	i := w.from
	// A number that begins before the window's own part was seen there.
	for i > 0 && i < len(data) && isNumeral(data[i]) && isNumeral(data[i-1]) && i < w.to {
		i++
	}
	// Twelve digits, with hyphens or without, are twelve numerals on end at least.
	for i+accountLength-1 < len(data) && i < w.to {
		if !isNumeral(data[i+accountLength-1]) {
			i += accountLength
			continue
		}
		start := i + accountLength - 1
		for start > i && isNumeral(data[start-1]) {
			start--
		}
		end := i + accountLength
		for end < len(data) && isNumeral(data[end]) {
			end++
		}
		i = end + 1
		if start < w.to && end-start >= accountLength {
			accountsIn(w, start, end, report)
		}
	}
}

func isNumeral(c byte) bool { return isDigit(c) || c == '-' }

// accountsIn reports the account numbers in data[from:to], which are digits and hyphens.
func accountsIn(w *window, from, to int, report func(hit)) {
	data := w.data
	for start := from; start < to; {
		if !isDigit(data[start]) {
			start++
			continue
		}
		end := start
		for end < to && isDigit(data[end]) {
			end++
		}
		next := end
		if end-start == 4 {
			end = grouped(data, start)
			next = max(next, end)
		}
		if account, ok := accountAt(data, start, end); ok {
			report(account)
		}
		start = next
	}
}

// accountAt returns the account number of data[start:end] if it is one and stands in a context.
func accountAt(data []byte, start, end int) (hit, bool) {
	pickled := pickledName(data, start, end)
	if end-start != accountLength && end-start != accountLength+2 ||
		pickled == nil && (end < len(data) && isAlphanumeric(data[end]) || !boundaryBefore(data, start)) {
		return hit{}, false
	}
	value := strings.ReplaceAll(string(data[start:end]), "-", "")
	if isExampleAccount(value) || !inAccountContext(data, start, end) && (pickled == nil || !namedAsAccount(append(bytes.Clone(pickled), '='))) {
		return hit{}, false
	}
	return hit{
		rule: RuleAccount, start: start, end: end, value: value, severity: contract.SeverityLow, account: value, byPlace: true,
	}, true
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
	if isPrincipal(before) || inOrganization(before) || endsInARN(before) || bytes.HasSuffix(before, []byte("-at-")) {
		return true
	}
	if at := bytes.LastIndex(before, []byte("cdk-")); at >= 0 && bytes.HasSuffix(before, []byte("-assets-")) {
		return true
	}
	if bytes.HasSuffix(before, []byte("/")) && (bytes.Contains(before, []byte("sqs.")) || bytes.Contains(before, []byte("queue."))) &&
		bytes.Contains(before, []byte(".amazonaws.com")) {
		return true
	}
	return namedAsAccount(before) || namedFarther(data[max(0, start-2*accountContext):start]) || toldAsAccount(before) ||
		inAccountList(data, start) || bareAccount(data, start, end) || inAccountColumn(data, start) || inAccountMap(data, start, end)
}

// namedFarther tells whether the text before the digits ends in a key for accounts, whose value they are by another key or
// behind a type, as in {"name": "ACCOUNT_ID", "value": …}, in XML, in a container's environment and in TypeScript.
func namedFarther(before []byte) bool {
	const between = " \t\r\n\"'`=:>,(|<"
	text := strings.TrimRight(string(before), between)
	for _, word := range [...]string{"value", "Value", "VALUE", "string", "str", "String"} {
		rest, ok := strings.CutSuffix(text, word)
		if !ok || rest == "" || strings.IndexByte(between, rest[len(rest)-1]) < 0 {
			continue
		}
		rest = strings.TrimRight(rest, between)
		rest = strings.TrimSuffix(strings.TrimSuffix(rest, "</name"), "</key")
		return namedAsAccount([]byte(rest[strings.LastIndexByte(rest, '\n')+1:] + "="))
	}
	return false
}

// inOrganization tells whether before ends in the ARN of an organization's account, with the number to follow.
func inOrganization(before []byte) bool {
	return bytes.HasSuffix(before, []byte("/")) && bytes.Contains(before, []byte(":organizations::")) && bytes.Contains(before, []byte(":account/o-"))
}

// isPrincipal tells whether the line before the digits ends in the key AWS, as the principals of policies have it.
func isPrincipal(before []byte) bool {
	key := bytes.TrimRight(before, " \t\"'`:=")
	rest, ok := bytes.CutSuffix(key, []byte("AWS"))
	return ok && len(key) < len(before) && (len(rest) == 0 || !isWord(rest[len(rest)-1]) && rest[len(rest)-1] != '-')
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
