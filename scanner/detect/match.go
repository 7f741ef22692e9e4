package detect

import (
	"bytes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/scanjob-dev/scanjob/api/contract"
)

// Match is a finding in one content, already redacted.
type Match struct {
	// Rule is the identifier of the rule.
	Rule string
	// Description is empty where the rule's own description says it all.
	Description string
	Severity    contract.Severity
	// Line is counted from 1; 0 where the match has none.
	Line int
	// Account is masked but for its last four digits, or empty.
	Account string
	// Preview is the value with at most its first four characters real.
	Preview string
	// Key is equal for equal values of a rule within one Detector. It is keyed with a random salt that is never written
	// anywhere, and so is of no use to anybody else.
	Key string

	fingerprint  string
	atPlace      bool
	surroundings string
}

const (
	mask = "****************"
	// fingerprintDomain keeps the fingerprints apart from any other hash of the same value.
	fingerprintDomain = "scanjob.dev/fingerprint/v1\x00"
	// fingerprintRounds makes a fingerprint of a key id cost about 20 ms. An id has only 39 random bits once its account is
	// known, which a plain hash would not hide.
	fingerprintRounds = 1 << 16
)

// Finding returns the match as it is reported, for a file at path in the commit. An empty commit means none.
func (m Match) Finding(path, commit string) contract.Finding {
	description := m.Description
	if description == "" {
		description = RuleOf(m.Rule).Description
	}
	shown := DisplayPath(path)
	fingerprint := m.fingerprint
	if m.atPlace {
		fingerprint = digest(m.Rule, shown, m.surroundings)
	}
	return contract.Finding{
		Rule: m.Rule, Description: description, Severity: m.Severity, Path: shown, Line: m.Line, Commit: commit,
		Preview: m.Preview, Account: m.Account, Fingerprint: fingerprint,
	}
}

func (d *Detector) redact(h hit) Match {
	keyed := hmac.New(sha256.New, d.salt)
	keyed.Write([]byte(h.rule + "\x00" + h.value))
	match := Match{
		Rule: h.rule, Severity: h.severity, Line: h.line, Account: maskAccount(h.account), Preview: mask,
		Key: hex.EncodeToString(keyed.Sum(nil)),
	}
	switch {
	case h.byPlace:
		match.atPlace, match.surroundings = true, h.surroundings
	case h.slow:
		match.fingerprint, match.Preview = d.costlyDigest(h.rule, h.value), h.value[:4]+mask
	case h.hidden:
		match.fingerprint = digest(h.rule, h.value)
	default:
		match.fingerprint, match.Preview = digest(h.rule, h.value), h.value[:4]+mask
	}
	return match
}

func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(fingerprintDomain + strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
}

func (d *Detector) costlyDigest(rule, value string) string {
	key := digest(rule, value)
	if known, ok := d.costly[key]; ok {
		return hex.EncodeToString(known)
	}
	derived, err := pbkdf2.Key(sha256.New, value, []byte(fingerprintDomain+rule), fingerprintRounds, sha256.Size)
	if err != nil {
		// The only error is about lengths that a restricted mode of the library forbids; ours are constants.
		panic(err)
	}
	d.costly[key] = derived
	return hex.EncodeToString(derived)
}

func maskAccount(account string) string {
	if account == "" {
		return ""
	}
	return "********" + account[len(account)-4:]
}

// surroundings returns the line around a value with the value, every digit and every long token masked, so that it can
// be part of a hash without making the value guessable.
func surroundings(data []byte, start, end int) string {
	const reach, longToken = 256, 16
	before := lineBefore(data, start, reach)
	after := data[end:min(len(data), end+reach)]
	if newline := bytes.IndexByte(after, '\n'); newline >= 0 {
		after = after[:newline]
	}
	line := []byte(string(before) + "\x00" + string(after))
	for i := 0; i < len(line); {
		if !isBase64(line[i]) {
			i++
			continue
		}
		run := i
		for run < len(line) && isBase64(line[run]) {
			run++
		}
		for j := i; j < run; j++ {
			if isDigit(line[j]) || run-i >= longToken {
				line[j] = '#'
			}
		}
		i = run
	}
	return strings.TrimSpace(string(line))
}

func countNewlines(data []byte) int { return bytes.Count(data, []byte{'\n'}) }
