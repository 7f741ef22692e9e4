package detect

import (
	"bytes"
	"encoding/base64"
	"strings"

	"github.com/scanjob-dev/scanjob/api/contract"
)

// The rules for the keys of single AWS services.
const (
	RuleBedrockKey    = "aws-bedrock-api-key"
	RuleMWSToken      = "aws-mws-auth-token"
	RuleAppSyncKey    = "aws-appsync-api-key"
	RuleSMTPPassword  = "aws-ses-smtp-password"
	RuleCognitoSecret = "aws-cognito-client-secret"
)

func serviceKeyRules() []Rule {
	return []Rule{
		{
			ID: RuleBedrockKey, Description: "Amazon Bedrock API key", Severity: contract.SeverityCritical,
			Advice: "Deactivate the key now (aws iam update-service-specific-credential --status Inactive; a short-term key ends with the session that made it), " +
				"look for calls of Bedrock in CloudTrail, and use a role instead.",
		},
		{
			ID: RuleSMTPPassword, Description: "Amazon SES SMTP password", Severity: contract.SeverityCritical,
			Advice: "The password is made of a secret access key: delete that key of the SMTP user in IAM now, make new SMTP credentials, and look at what was sent.",
		},
		{
			ID: RuleMWSToken, Description: "Amazon MWS authorization token", Severity: contract.SeverityHigh,
			Advice: "Have the seller revoke the authorization of the developer in Seller Central.",
		},
		{
			ID: RuleAppSyncKey, Description: "AWS AppSync API key", Severity: contract.SeverityHigh,
			Advice: "Delete the key (aws appsync delete-api-key), make a new one and keep it out of what is published; it lives for a year at most.",
		},
		{
			ID: RuleCognitoSecret, Description: "Amazon Cognito app client secret", Severity: contract.SeverityHigh,
			Advice: "Add a new secret or a new app client to the user pool, move the applications over, and delete this one.",
		},
	}
}

func serviceKeyMatchers() []matcher {
	return []matcher{
		anchored{RuleBedrockKey, contract.SeverityCritical, "ABSK", bedrockLongTerm}.find,
		anchored{RuleBedrockKey, contract.SeverityCritical, bedrockShortOpening, bedrockShortTerm}.find,
		anchored{RuleMWSToken, contract.SeverityHigh, mwsOpening, mwsToken}.find,
		anchored{RuleAppSyncKey, contract.SeverityHigh, appSyncOpening, appSyncKey}.find,
		findSMTPPasswords,
		findCognitoSecrets,
	}
}

// bedrockLongTerm is ABSK and the base64 of a user name with the account, and a secret.
func bedrockLongTerm(data []byte, at int) (start, end int, ok bool) {
	const least, most = 109, 269
	body := at + len("ABSK")
	end = run(data, body, most+1, isBase64)
	if !boundaryBefore(data, at) || end-body < least || end-body > most || !varied(data[body:end], 3.5) {
		return 0, 0, false
	}
	return at, run(data, end, 2, func(c byte) bool { return c == '=' }), true
}

const bedrockShortOpening = "bedrock-api-key-"

// bedrockShortTerm is the base64 of a presigned URL.
func bedrockShortTerm(data []byte, at int) (start, end int, ok bool) {
	const least, most = 80, 8192
	body := at + len(bedrockShortOpening)
	end = run(data, body, most, func(c byte) bool { return isBase64(c) || c == '-' || c == '_' || c == '=' })
	return at, end, end-body >= least && varied(data[body:end], 3.5)
}

const (
	mwsOpening     = "amzn.mws."
	appSyncOpening = "da2-"
)

func mwsToken(data []byte, at int) (start, end int, ok bool) {
	end = run(data, at+len(mwsOpening), 37, func(c byte) bool { return isHex(c) || c == '-' })
	uuid := data[at+len(mwsOpening) : end]
	return at, end, isUUID(uuid) && varied(uuid, 2.5)
}

func isUUID(text []byte) bool {
	if len(text) != 36 {
		return false
	}
	for i, c := range text {
		if hyphen := i == 8 || i == 13 || i == 18 || i == 23; hyphen != (c == '-') || !hyphen && !isHex(c) {
			return false
		}
	}
	return true
}

func appSyncKey(data []byte, at int) (start, end int, ok bool) {
	const length = 26
	body := at + len(appSyncOpening)
	end = run(data, body, length+1, isAlphanumeric)
	value := data[body:end]
	ok = boundaryBefore(data, at) && len(value) == length && bytes.Equal(bytes.ToLower(value), value) && varied(value, 3) && bytes.ContainsAny(value, "0123456789")
	return at, end, ok && (at == 0 || data[at-1] != '-' && data[at-1] != '_')
}

const (
	// smtpLength is that of the base64 of a version byte and an HMAC-SHA-256.
	smtpLength = 44
	// smtpReach is how far around a password its context is looked for, in bytes.
	smtpReach = 600
)

// findSMTPPasswords reports what can be an SMTP password of SES, where the text around speaks of mail.
func findSMTPPasswords(w *window, report func(hit)) {
	data := w.data
	for i := w.from; i+smtpLength <= len(data) && i < w.to; {
		last := i + smtpLength - 1
		if !isBase64(data[last]) {
			i += smtpLength
			continue
		}
		start := runBack(data, last, smtpLength-1, isBase64)
		if start < i {
			start = i
		}
		end := run(data, last, 1<<20, isBase64)
		i = end + 1
		start = skipEscapeTo(data, start, end, smtpLength)
		if end-start != smtpLength || start < w.from || start >= w.to || touchesLongerToken(data, start, end) {
			continue
		}
		value := data[start:end]
		if !isSMTPPassword(value) || !mentions(data, start, end, smtpReach, "smtp", "amazonses", "ses_", "ses-", "ses.") {
			continue
		}
		report(hit{rule: RuleSMTPPassword, start: start, end: end, value: string(value), severity: contract.SeverityCritical})
	}
}

// skipEscapeTo moves the start of a run past the tail of an escape that is not part of a token of that length.
func skipEscapeTo(data []byte, start, end, length int) int {
	switch end - start - length {
	case 1:
		if boundaryBefore(data, start+1) {
			return start + 1
		}
	case 2:
		if start > 0 && data[start-1] == '%' && boundaryBefore(data, start+2) {
			return start + 2
		}
	}
	return start
}

// isSMTPPassword tells whether the first byte is one of the versions of the algorithm
// (https://docs.aws.amazon.com/ses/latest/dg/smtp-credentials.html), and the rest is random.
func isSMTPPassword(value []byte) bool {
	const version, oldVersion = 0x04, 0x02
	var raw [33]byte
	n, err := base64.StdEncoding.Decode(raw[:], value)
	if err != nil || n != len(raw) || raw[0] != version && raw[0] != oldVersion || isExampleSecret(string(value)) {
		return false
	}
	text := string(value)
	return strings.ToLower(text) != text && strings.ToUpper(text) != text && varied(value, gitPasswordEntropy)
}

const (
	cognitoLeast, cognitoMost = 48, 56
	cognitoReach              = 2048
)

// findCognitoSecrets reports a client secret where the text around speaks of Cognito.
func findCognitoSecrets(w *window, report func(hit)) {
	data := w.data
	isClass := func(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'z' }
	for i := w.from; i+cognitoLeast <= len(data) && i < w.to; {
		last := i + cognitoLeast - 1
		if !isClass(data[last]) {
			i += cognitoLeast
			continue
		}
		start := max(i, runBack(data, last, cognitoLeast, isClass))
		end := run(data, last, 1<<20, isClass)
		i = end + 1
		value := data[start:end]
		if start < w.from || start >= w.to || len(value) < cognitoLeast || len(value) > cognitoMost || start > 0 && isAlphanumeric(data[start-1]) ||
			end < len(data) && (isAlphanumeric(data[end]) || data[end] == '-' || data[end] == '_') || !isBase36Secret(value) {
			continue
		}
		name := squeeze(lineBefore(data, start, secretContext))
		above := squeeze(data[max(0, start-secretContext):start])
		if !strings.Contains(name, "clientsecret") && !strings.HasSuffix(strings.TrimRight(above, "\n:=\"'>value<"), "clientsecret") ||
			!mentions(data, start, end, cognitoReach, "cognito", "userpool", "user_pool", "user-pool") {
			continue
		}
		report(hit{rule: RuleCognitoSecret, start: start, end: end, value: string(value), severity: contract.SeverityHigh})
	}
}

// isBase36Secret leaves out hexadecimal text and words.
func isBase36Secret(value []byte) bool {
	digits, letters, hex := 0, 0, 0
	for _, c := range value {
		if isDigit(c) {
			digits++
		} else {
			letters++
		}
		if isHex(c) {
			hex++
		}
	}
	return digits >= 4 && letters >= 4 && hex < len(value) && varied(value, 3.5)
}
