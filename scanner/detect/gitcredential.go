package detect

import (
	"net/url"
	"strings"

	"github.com/scanjob-dev/scanjob/api/contract"
)

const (
	gitUserLongest     = 64
	gitPasswordLength  = 44
	gitPasswordReach   = 256
	gitPasswordEntropy = 4.0
)

// findGitCredential reports the user name of the form NAME-at-ACCOUNT around the separator at middle that has a password near
// it. The user name alone is found as an account number.
func findGitCredential(w *window, middle int, report func(hit)) {
	begin := middle + len("-at-")
	start := middle
	for start > 0 && middle-start < gitUserLongest && isUserName(w.data[start-1]) {
		start--
	}
	end := begin + accountLength
	if start == middle || end > len(w.data) || end < len(w.data) && isAlphanumeric(w.data[end]) {
		return
	}
	account := string(w.data[begin:end])
	if strings.Trim(account, "0123456789") != "" {
		return
	}
	password, from, to := passwordNear(w.data, start, end)
	if password == "" {
		report(hit{rule: RuleGitCredential, start: start, end: end, value: account, account: account, half: gitUser})
		return
	}
	report(hit{
		rule: RuleGitCredential, start: from, end: to, value: account + ":" + password,
		severity: contract.SeverityCritical, account: account, hidden: true,
	})
}

// findGitPassword reports the run if it can be the password of a user name that stands farther away, or of CodeCommit by its
// own name.
func findGitPassword(w *window, run span, report func(hit)) {
	data := w.data
	end := run.end
	for end < len(data) && data[end] == '=' && end-run.start <= gitPasswordLength {
		end++
	}
	start := skipEscapeTo(data, run.start, end, gitPasswordLength)
	if end-start != gitPasswordLength || end < len(data) && isURLSafe(data[end]) {
		return
	}
	password, ok := asGitPassword(string(data[start:end]))
	if !ok {
		return
	}
	line := lineBefore(data, start, secretContext)
	name := squeeze(statement(line))
	if isNeutralName(name) && start > len(line) {
		// The name is the value of another key, as in the environment of a container and in Hadoop's XML.
		name = squeeze(lineBefore(data, start-len(line)-1, secretContext))
	}
	if len(line) <= 2 {
		name += squeeze(pickledName(data, start, end))
	}
	if !strings.Contains(name, "pass") && !strings.Contains(name, "pwd") {
		return
	}
	h := hit{rule: RuleGitCredential, start: start, end: end, value: password, severity: contract.SeverityCritical, hidden: true, half: gitPassword}
	if strings.Contains(name, "codecommit") {
		h.half = whole
	}
	report(h)
}

// passwordNear returns the first token after the user name that can be a password, else the last one before it, and where
// it stands.
func passwordNear(data []byte, start, end int) (password string, from, to int) {
	scan := func(low, high int, last bool) {
		for i := low; i < high; {
			if !isPasswordByte(data[i]) {
				i++
				continue
			}
			tokenEnd := i
			for tokenEnd < len(data) && isPasswordByte(data[tokenEnd]) {
				tokenEnd++
			}
			if value, ok := asGitPassword(string(data[i:tokenEnd])); ok && (password == "" || last) {
				password, from, to = value, i, tokenEnd
			}
			i = tokenEnd + 1
		}
	}
	scan(end, min(len(data), end+gitPasswordReach), false)
	if password == "" {
		scan(max(0, start-gitPasswordReach), start, true)
	}
	return password, from, to
}

// asGitPassword returns the token as a password, without URL escapes and the sign that binds it to a key.
func asGitPassword(token string) (string, bool) {
	if strings.Contains(token, "%") {
		plain, err := url.PathUnescape(token)
		if err != nil {
			return "", false
		}
		token = plain
	}
	token = strings.TrimLeft(token, "=")
	if at := strings.IndexByte(token, '='); at > 0 && at < len(token)-2 {
		token = token[at+1:]
	}
	if len(token) != gitPasswordLength || isExampleSecret(token) {
		return "", false
	}
	var counts [128]int
	for i := range len(token) {
		counts[token[i]&0x7f]++
	}
	if strings.ToLower(token) == token || strings.ToUpper(token) == token || entropy(counts[:], len(token)) < gitPasswordEntropy {
		return "", false
	}
	return token, true
}

func isPasswordByte(c byte) bool { return isBase64(c) || c == '=' || c == '%' }

func isUserName(c byte) bool { return isAlphanumeric(c) || strings.IndexByte("+=,.@_-", c) >= 0 }
