package detect

import (
	"bytes"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/scanjob-dev/scanjob/api/contract"
)

const (
	keyIDLength  = 20
	accountLimit = 1_000_000_000_000
)

// DecodeAccount returns the account number that an access key id holds. valid is false where no key id can look like this;
// a valid id of the old form holds no account, and account is empty then.
func DecodeAccount(id string) (account string, valid bool) {
	if len(id) != keyIDLength || !hasCredentialPrefix(id) {
		return "", false
	}
	for i := len("AKIA"); i < len(id); i++ {
		if !isBase32(id[i]) {
			return "", false
		}
	}
	switch fifth := id[4]; {
	case fifth == 'I' || fifth == 'J':
		return "", true
	case fifth < 'Q' && fifth > '7':
		return "", false
	}
	raw, err := base32.StdEncoding.DecodeString(id[4:])
	if err != nil {
		return "", false
	}
	var head [8]byte
	copy(head[2:], raw[:6])
	number := binary.BigEndian.Uint64(head[:]) & 0x7fffffffff80 >> 7
	if number >= accountLimit {
		return "", false
	}
	return fmt.Sprintf("%012d", number), true
}

func hasCredentialPrefix(id string) bool {
	switch id[:4] {
	case "AKIA", "ASIA", "ABIA", "ACCA":
		return true
	}
	return false
}

// findKeyID reports the access key id that begins at start.
func findKeyID(w *window, start int, report func(hit)) {
	end := start + keyIDLength
	if end > len(w.data) {
		return
	}
	glued := gluedSecret(w.data, end)
	if !glued && (!boundaryBefore(w.data, start) || end < len(w.data) && isAlphanumeric(w.data[end])) {
		return
	}
	id := string(w.data[start:end])
	account, valid := DecodeAccount(id)
	if !valid || isExampleKeyID(id) {
		return
	}
	severity := contract.SeverityMedium
	if strings.HasPrefix(id, "AKIA") {
		severity = contract.SeverityHigh
	}
	report(hit{rule: RuleAccessKeyID, start: start, end: end, value: id, severity: severity, account: account, slow: true})
	if glued {
		secret := string(w.data[end : end+secretLength])
		report(hit{rule: RuleSecretAccessKey, start: end, end: end + secretLength, value: secret, severity: contract.SeverityHigh, needsPair: true})
	}
}

// gluedSecret tells whether a secret begins at start without anything between the id and it, as files of databases have the
// fields of a row.
func gluedSecret(data []byte, start int) bool {
	end := start + secretLength
	return end <= len(data) && run(data, start, secretLength, isBase64) == end && looksLikeSecret(string(data[start:end]))
}

// boundaryBefore tells whether a token can begin at start: after the start of the data, after a byte that is no letter or
// digit, or after an escape such as \n or \u0026 in a JSON string, %3D in a URL or =3D in a mail.
func boundaryBefore(data []byte, start int) bool {
	if start == 0 || !isAlphanumeric(data[start-1]) {
		return true
	}
	if start >= 2 && data[start-2] == '\\' && strings.IndexByte("nrtbf", data[start-1]) >= 0 {
		return true
	}
	if start >= 6 && data[start-6] == '\\' && data[start-5] == 'u' && run(data, start-4, 4, isHex) == start {
		return true
	}
	return start >= 3 && (data[start-3] == '%' && isHex(data[start-2]) && isHex(data[start-1]) || bytes.Equal(data[start-3:start], []byte("=3D")))
}

func isBase32(c byte) bool { return c >= 'A' && c <= 'Z' || c >= '2' && c <= '7' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }

func isAlphanumeric(c byte) bool { return c|0x20-'a' < 26 || isDigit(c) }

// isBase64 tells whether c is of the alphabet of secret access keys, which is base64's without padding.
func isBase64(c byte) bool { return c|0x20-'a' < 26 || c-'/' < 11 || c == '+' } // '/' stands before '0'
