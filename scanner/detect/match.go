package detect

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

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
	// AllowComment is the marker of AllowComments that stands on every line with the value, or empty.
	AllowComment string

	// fingerprint is empty where the place has to stand for the value, or a costly digest.
	fingerprint  string
	surroundings string
	ordinal      int
}

const mask = "****************"

// Finding returns the match of this detector as it is reported, for a file at path in the commit. An empty commit means
// none. Its error is the cause that ctx has ended of.
func (d *Detector) Finding(ctx context.Context, m Match, path, commit string) (contract.Finding, error) {
	description := m.Description
	if description == "" {
		description = RuleOf(m.Rule).Description
	}
	shown := DisplayPath(path)
	fingerprint, err := d.fingerprint(ctx, m, shown)
	return contract.Finding{
		Rule: m.Rule, Description: description, Severity: m.Severity, Path: shown, Line: m.Line, Commit: commit,
		Preview: m.Preview, Account: m.Account, Fingerprint: fingerprint, AllowComment: m.AllowComment,
	}, err
}

func (d *Detector) redact(h hit) Match {
	keyed := hmac.New(sha256.New, d.salt)
	keyed.Write([]byte(h.rule + "\x00" + h.value))
	match := Match{
		Rule: h.rule, Severity: h.severity, Line: h.line, Account: maskAccount(h.account), Preview: mask,
		Key: hex.EncodeToString(keyed.Sum(nil)), AllowComment: h.allow, surroundings: h.surroundings, ordinal: h.ordinal,
	}
	switch {
	case h.byPlace:
	case h.slow:
		d.costly.values[match.Key], match.Preview = h.value, h.value[:4]+mask
	case h.hidden:
		match.fingerprint = digest(h.rule, h.value)
	default:
		match.fingerprint, match.Preview = digest(h.rule, h.value), h.value[:4]+mask
	}
	return match
}

func maskAccount(account string) string {
	if account == "" {
		return ""
	}
	return "********" + account[len(account)-4:]
}
