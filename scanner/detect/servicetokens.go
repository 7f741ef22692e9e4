package detect

import (
	"bytes"
	"net/url"
	"strings"

	"github.com/scanjob-dev/scanjob/api/contract"
)

// The rules for tokens that AWS services hand out for some hours.
const (
	RulePresignedURL      = "aws-presigned-url"
	RuleRDSToken          = "aws-rds-auth-token"
	RuleECRToken          = "aws-ecr-token"
	RuleCodeArtifactToken = "aws-codeartifact-token"
)

func serviceTokenRules() []Rule {
	return []Rule{
		{
			ID: RuleECRToken, Description: "Amazon ECR authorization token", Severity: contract.SeverityHigh,
			Advice: "The token ends after twelve hours; until then revoke the sessions of the role that fetched it. Keep docker's config.json out of Git and use the ECR credential helper.",
		},
		{
			ID: RuleCodeArtifactToken, Description: "AWS CodeArtifact authorization token", Severity: contract.SeverityHigh,
			Advice: "The token ends after twelve hours; until then revoke the sessions of the role that fetched it. Have `aws codeartifact login` write it outside of the repository.",
		},
		{
			ID: RuleRDSToken, Description: "Amazon RDS authentication token", Severity: contract.SeverityHigh,
			Advice: "The token opens a connection for 15 minutes. Revoke the sessions of the role that signed it, and have the application sign its own.",
		},
		{
			ID: RulePresignedURL, Description: "Presigned AWS URL", Severity: contract.SeverityMedium,
			Advice: "Whoever has the URL may do what it was signed for, for seven days at most. Revoke the sessions of the role that signed it, or deactivate the key that did.",
		},
	}
}

func serviceTokenMatchers() []matcher {
	return []matcher{
		findSignedURLs,
		findLegacySignedURLs,
		anchored{RuleECRToken, contract.SeverityHigh, "QVdTO", ecrAuthorization}.find,
		anchored{RuleECRToken, contract.SeverityHigh, ecrPasswordOpening, ecrPassword}.find,
		anchored{RuleCodeArtifactToken, contract.SeverityHigh, "eyJ", codeArtifactToken}.find,
	}
}

// ecrAuthorization is the base64 of AWS:PASSWORD. The sixth character holds the first bits of the password, which is
// printable.
func ecrAuthorization(data []byte, at int) (start, end int, ok bool) {
	const least, most = 100, 12 << 10
	end = run(data, at, most, func(c byte) bool { return isBase64(c) || c == '=' })
	if end-at < least || !boundaryBefore(data, at) {
		return 0, 0, false
	}
	return at, end, data[at+5] >= 'g' && data[at+5] <= 'n' && varied(data[at:end], 3.5)
}

// ecrPasswordOpening is the base64 of {"payload":", with which the password of docker login begins.
const ecrPasswordOpening = "eyJwYXlsb2FkIjoi"

func ecrPassword(data []byte, at int) (start, end int, ok bool) {
	const least, most = 200, 12 << 10
	end = run(data, at, most, func(c byte) bool { return isBase64(c) || c == '=' })
	return at, end, end-at >= least && boundaryBefore(data, at)
}

const (
	// codeArtifactOpening is the base64 of {"ver":1,"isu":, with which CodeArtifact's tokens begin.
	codeArtifactOpening = "eyJ2ZXIiOjEsImlzdSI6"
	codeArtifactReach   = 400
)

// codeArtifactToken is an encrypted token in parts, told by its opening or by what it stands beside.
func codeArtifactToken(data []byte, at int) (start, end int, ok bool) {
	const least, most = 100, 12 << 10
	if !boundaryBefore(data, at) || bytes.HasPrefix(data[at:], []byte(ecrPasswordOpening)) {
		return 0, 0, false
	}
	end = run(data, at, most, func(c byte) bool { return isAlphanumeric(c) || c == '-' || c == '_' || c == '.' || c == '=' })
	end = runBackDots(data, at, end)
	if end-at < least || bytes.Count(data[at:end], []byte(".")) < 2 || !varied(data[at:end], 3.5) {
		return 0, 0, false
	}
	if bytes.HasPrefix(data[at:], []byte(codeArtifactOpening)) {
		return at, end, true
	}
	return at, end, mentions(data, at, at, codeArtifactReach, "codeartifact")
}

// runBackDots leaves out the dots that end a sentence.
func runBackDots(data []byte, start, end int) int {
	for end > start && (data[end-1] == '.' || data[end-1] == '=') {
		end--
	}
	return end
}

const (
	// urlReach is how far around its signature a URL is looked at: security tokens have up to some 2,000 characters.
	urlReach        = windowBehind - 64
	signatureLength = 64
)

// findSignedURLs reports the signatures of URLs of version 4 whose credential is not one of the documentation.
func findSignedURLs(w *window, report func(hit)) {
	name := []byte("X-Amz-Signature")
	for i := max(0, w.from-len(name)-8); i < len(w.data); {
		at := bytes.Index(w.data[i:], name)
		if at < 0 {
			return
		}
		at += i
		i = at + 1
		start := afterEquals(w.data, at+len(name))
		end := run(w.data, start, signatureLength+1, isHex)
		if start == at+len(name) || end-start != signatureLength || start < w.from || start >= w.to {
			continue
		}
		query := signedURL(w.data, at, end)
		credential := afterName(query, "X-Amz-Credential")
		if !isUsableKeyID(credential) || !varied(w.data[start:end], 2.5) {
			continue
		}
		h := hit{rule: RulePresignedURL, start: start, end: end, value: string(w.data[start:end]), severity: contract.SeverityMedium}
		if bytes.Contains(query, []byte("Action=connect")) || bytes.Contains(query, []byte("Action%3Dconnect")) {
			h.rule, h.severity = RuleRDSToken, contract.SeverityHigh
		}
		h.account, _ = DecodeAccount(credential)
		report(h)
	}
}

// findLegacySignedURLs reports the signatures of URLs of version 2, which stand beside the key id and the time of their end.
func findLegacySignedURLs(w *window, report func(hit)) {
	name := []byte("AWSAccessKeyId")
	for i := max(0, w.from-urlReach); i < len(w.data); {
		at := bytes.Index(w.data[i:], name)
		if at < 0 {
			return
		}
		at += i
		i = at + 1
		query := signedURL(w.data, at, at+len(name))
		credential, signature := afterName(query, "AWSAccessKeyId"), afterName(query, "Signature")
		if !isUsableKeyID(credential) || afterName(query, "Expires") == "" || !isLegacySignature(signature) {
			continue
		}
		offset := bytes.Index(w.data[max(0, at-urlReach):], []byte(signature))
		start := max(0, at-urlReach) + offset
		if offset < 0 || start < w.from || start >= w.to {
			continue
		}
		account, _ := DecodeAccount(credential)
		report(hit{
			rule: RulePresignedURL, start: start, end: start + len(signature), value: signature, severity: contract.SeverityMedium, account: account,
		})
	}
}

// isLegacySignature tells whether the text is the base64 of an HMAC-SHA-1, escaped for a URL or not.
func isLegacySignature(text string) bool {
	plain, err := url.QueryUnescape(strings.ReplaceAll(text, "+", "%2B"))
	const length = 28
	return err == nil && len(plain) == length && strings.HasSuffix(plain, "=") && varied([]byte(plain), 3)
}

// afterEquals skips the sign, escaped or not, between a name and its value.
func afterEquals(data []byte, at int) int {
	for _, sign := range [...]string{"=", "%3D", "%3d", `\u003d`, "&#61;"} {
		if bytes.HasPrefix(data[at:], []byte(sign)) {
			return at + len(sign)
		}
	}
	return at
}

// afterName returns the value of a name in a query, up to what ends it.
func afterName(query []byte, name string) string {
	for i := 0; i < len(query); {
		at := bytes.Index(query[i:], []byte(name))
		if at < 0 {
			return ""
		}
		at += i
		i = at + 1
		// Signature must not be found in X-Amz-Signature.
		if at > 0 && (isAlphanumeric(query[at-1]) && !boundaryBefore(query, at) || query[at-1] == '-') {
			continue
		}
		start := afterEquals(query, at+len(name))
		if start == at+len(name) {
			continue
		}
		end := start
		for end < len(query) && query[end] != '&' && query[end] != '\\' && !bytes.HasPrefix(query[end:], []byte("%26")) {
			end++
		}
		return string(query[start:end])
	}
	return ""
}

// isUsableKeyID tells whether a credential begins with an access key id that is not one of the documentation.
func isUsableKeyID(credential string) bool {
	if len(credential) < keyIDLength {
		return false
	}
	id := credential[:keyIDLength]
	_, valid := DecodeAccount(id)
	return valid && !isExampleKeyID(id)
}

// signedURL returns the URL around data[start:end].
func signedURL(data []byte, start, end int) []byte {
	isURL := func(c byte) bool {
		return c > ' ' && c != '"' && c != '\'' && c != '`' && c != '<' && c != '>' && c < 0x7f
	}
	return data[runBack(data, start, urlReach, isURL):run(data, end, urlReach, isURL)]
}
