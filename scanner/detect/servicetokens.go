package detect

import (
	"bytes"
	"net/url"
	"strings"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/rules"
)

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
const ecrPasswordOpening = "eyJwYXls" + "b2FkIjoi"

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

// findSignedURL reports the signature of a URL of version 4 behind the name at place, if its credential is not one of the
// documentation.
func findSignedURL(w *window, place int, report func(hit)) {
	const name = "X-Amz-Signature"
	start := afterEquals(w.data, place+len(name))
	end := run(w.data, start, signatureLength+1, isHex)
	if start == place+len(name) || end-start != signatureLength {
		return
	}
	query := signedURL(w.data, place, end)
	credential := afterName(query, "X-Amz-Credential")
	if !isUsableKeyID(credential) || !varied(w.data[start:end], 2.5) {
		return
	}
	h := hit{rule: rules.PresignedURL, start: start, end: end, value: string(w.data[start:end]), severity: contract.SeverityMedium}
	if bytes.Contains(query, []byte("Action=connect")) || bytes.Contains(query, []byte("Action%3Dconnect")) {
		h.rule, h.severity = rules.RDSToken, contract.SeverityHigh
	}
	h.account, _ = DecodeAccount(credential[:keyIDLength])
	report(h)
}

// findLegacySignedURL reports the signature of the URL of version 2 with the key id's name at place, which has the time of its
// end too.
func findLegacySignedURL(w *window, place int, report func(hit)) {
	const name = "AWSAccessKeyId"
	query := signedURL(w.data, place, place+len(name))
	credential, signature := afterName(query, name), afterName(query, "Signature")
	if !isUsableKeyID(credential) || afterName(query, "Expires") == "" || !isLegacySignature(signature) {
		return
	}
	begin := max(0, place-urlReach)
	offset := bytes.Index(w.data[begin:], []byte(signature))
	if offset < 0 {
		return
	}
	start := begin + offset
	account, _ := DecodeAccount(credential[:keyIDLength])
	report(hit{
		rule: rules.PresignedURL, start: start, end: start + len(signature), value: string(unescapeAll([]byte(signature))), severity: contract.SeverityMedium,
		account: account,
	})
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
