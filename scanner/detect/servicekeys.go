package detect

import (
	"bytes"
	"encoding/base64"
	"strings"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/rules"
)

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

// findSMTPPassword reports the run if it can be an SMTP password of SES, where the text around speaks of mail.
func findSMTPPassword(w *window, run span, report func(hit)) {
	data := w.data
	if n := run.end - run.start; n < smtpLength || n > smtpLength+2 {
		return
	}
	start, end := skipEscapeTo(data, run.start, run.end, smtpLength), run.end
	if end-start != smtpLength || touchesLongerToken(data, start, end) {
		return
	}
	value := data[start:end]
	if !isSMTPPassword(value) || !mentions(data, start, end, smtpReach, "smtp", "amazonses", "ses_", "ses-", "ses.") {
		return
	}
	report(hit{rule: rules.SMTPPassword, start: start, end: end, value: string(value), severity: contract.SeverityCritical})
}

// skipEscapeTo moves the start of a run past the tail of an escape (\n, %3D, =3D) that is not part of a token of that length.
func skipEscapeTo(data []byte, start, end, length int) int {
	switch end - start - length {
	case 1:
		if boundaryBefore(data, start+1) {
			return start + 1
		}
	case 2:
		if start > 0 && (data[start-1] == '%' || data[start-1] == '=') && boundaryBefore(data, start+2) {
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

// findCognitoSecret reports the run if it can be a client secret, where the text around speaks of Cognito.
func findCognitoSecret(w *window, run span, report func(hit)) {
	data := w.data
	if n := run.end - run.start; n < cognitoLeast || n > cognitoMost+2 {
		return
	}
	start, end := run.start, run.end
	pickled := pickledName(data, start, end)
	if data[start] == 'V' && pickledName(data, start+1, end) != nil {
		start++ // the mark of a text in lines
		pickled = pickledName(data, start, end)
	}
	for pickled == nil && start < end && !boundaryBefore(data, start) {
		start++
	}
	value := data[start:end]
	if len(value) < cognitoLeast || len(value) > cognitoMost || end < len(data) && (data[end] == '-' || data[end] == '_') || !isBase36Secret(value) {
		return
	}
	name := squeeze(lineBefore(data, start, secretContext)) + squeeze(pickled)
	above := squeeze(data[max(0, start-secretContext):start])
	if !strings.Contains(name, "clientsecret") && !strings.HasSuffix(strings.TrimRight(above, "\n:=\"'>value</"), "clientsecret") &&
		!strings.HasSuffix(strings.TrimRight(strings.TrimRight(above, "\n:=\"'>value</"), "</name>"), "clientsecret") ||
		!mentions(data, start, end, cognitoReach, "cognito", "userpool", "user_pool", "user-pool") {
		return
	}
	report(hit{rule: rules.CognitoSecret, start: start, end: end, value: string(value), severity: contract.SeverityHigh})
}

// isBase36Secret tells whether the value is of lower-case letters and digits, and no hexadecimal text or word.
func isBase36Secret(value []byte) bool {
	digits, letters, hex := 0, 0, 0
	for _, c := range value {
		switch {
		case isDigit(c):
			digits++
		case c >= 'a' && c <= 'z':
			letters++
		default:
			return false
		}
		if isHex(c) {
			hex++
		}
	}
	return digits >= 4 && letters >= 4 && hex < len(value) && varied(value, 3.5)
}
