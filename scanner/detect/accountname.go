package detect

import (
	"bytes"
	"strings"
)

const (
	// accountListReach is how far above an account number its list begins, in bytes.
	accountListReach = 1 << 10
	// accountMention is how far around a plain "account" something of AWS stands, in bytes.
	accountMention = 300
)

// toldAsAccount tells whether a sentence comes to the digits: "our AWS account is", "account number for production:".
func toldAsAccount(before []byte) bool {
	text := strings.ToLower(string(before))
	at := strings.LastIndex(text, "account")
	if at < 0 || !strings.Contains(text, "aws") && !strings.Contains(text, "amazon") {
		return false
	}
	between := strings.Fields(strings.Trim(text[at+len("account"):], " \t\"'`=:(*_#"))
	const mostWords = 4
	if len(between) > mostWords {
		return false
	}
	for _, word := range between {
		if strings.Trim(word, "abcdefghijklmnopqrstuvwxyz:*`#(") != "" {
			return false
		}
	}
	return true
}

// inAccountList tells whether the digits are an element of a list whose key names accounts: a line for each, or one behind the
// other in the list of a policy's principals.
func inAccountList(data []byte, start int) bool {
	line := lineBefore(data, start, accountContext)
	const element = "0123456789 \t\r\n\"'`,[](-"
	if principal := strings.TrimRight(string(line), element+":"); len(principal) < len(line) && strings.Contains(string(line), "[") {
		if strings.HasSuffix(principal, "AWS") || namedAsAccount([]byte(principal+"=")) {
			return true
		}
	}
	if strings.Trim(string(line), element) != "" && !isElementID(line) {
		return false
	}
	// The lines above that are elements themselves are passed.
	above := data[max(0, start-len(line)-accountListReach) : start-len(line)]
	for len(above) > 0 {
		above = bytes.TrimSuffix(above, []byte("\n"))
		from := bytes.LastIndexByte(above, '\n') + 1
		text := above[from:]
		if strings.Trim(string(text), element+"#") != "" && !isElementID(text) && !isElementName(text) {
			opening := strings.TrimRight(string(text), " \t\r[(:=\"'>{")
			return len(opening) < len(text) && (namedAsAccount([]byte(opening+"=")) || strings.HasSuffix(strings.ToLower(opening), "accounts") && mentionsAWS(squeeze(text)) ||
				strings.HasSuffix(opening, "AWS"))
		}
		above = above[:from]
	}
	return false
}

// isElementID tells whether the text is the id of an element of a list in YAML, up to the value: "- id: ".
func isElementID(text []byte) bool {
	name := strings.Trim(string(text), "0123456789 \t\r\"'-:{[,=")
	return name == "id" || name == "ID" || name == "Id"
}

// isElementName tells whether the text is another field of such an element.
func isElementName(text []byte) bool {
	name, _, found := strings.Cut(strings.Trim(string(text), " \t\"'-{"), ":")
	return found && (strings.Trim(name, "\"'") == "name" || strings.Trim(name, "\"'") == "alias" || strings.Trim(name, "\"'") == "email")
}

// bareAccount tells whether the digits are the value of a key that is just an account, where the text around is about AWS.
func bareAccount(data []byte, start, end int) bool {
	line := lineBefore(data, start, accountContext)
	key := strings.TrimRight(string(line), " \t\"'`=:,>(|")
	if len(key) == len(line) || !strings.HasSuffix(squeeze([]byte(key)), "account") {
		return false
	}
	return mentionsCloud(data, start, end)
}
