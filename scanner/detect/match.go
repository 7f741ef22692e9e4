package detect

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
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
	// Line is counted from 1; 0 where the match has none. EndLine is the line that the secret ends in.
	Line, EndLine int
	// Column is where the secret begins in its line and EndColumn the place behind its end, in characters from 1; 0 where there is
	// no line.
	Column, EndColumn int
	// Account is what is told of the account that it belongs to.
	Account Account
	// Preview is the value with at most its first four bytes real, escaped as those of a path are.
	Preview string
	// Excerpt is Preview among what its line says: names that are known words, and the signs between them. Empty where there is no
	// line.
	Excerpt string
	// AllowComment is the marker of AllowComments that stands on every line with the value, or empty.
	AllowComment string
	// Partner is the line of the other half of a pair, or 0.
	Partner int
	// Key is equal for equal values of a rule within one Engine. It is keyed with a random salt that is never written
	// anywhere, and so is of no use to anybody else.
	Key string

	// commits are those in which an allowlist takes the match out.
	commits []string
	// fingerprint is empty where the place has to stand for the value, or a costly digest.
	fingerprint  string
	surroundings string
	ordinal      int
}

const mask = "****************"

// AllowedIn tells whether an allowlist of the rules takes the match out in the commit.
func (m Match) AllowedIn(commit string) bool {
	return commit != "" && slices.Contains(m.commits, strings.ToLower(commit))
}

// Finding returns the match of this detector's engine as it is reported, for a file at path in the commit. An empty commit
// means none. Its error is the cause that ctx has ended of.
func (d *Detector) Finding(ctx context.Context, m Match, path, commit string) (contract.Finding, error) {
	description := m.Description
	if description == "" {
		description = d.engine.RuleOf(m.Rule).Description
	}
	shown, err := d.DisplayPath(ctx, path)
	if err != nil {
		return contract.Finding{}, err
	}
	fingerprint, err := d.fingerprint(ctx, m, shown)
	if d.engine.pairs != nil {
		d.engine.pairs.report(m.Rule, fingerprint, m.Key)
	}
	finding := contract.Finding{
		Rule: m.Rule, Description: description, Severity: m.Severity, Path: shown, Commit: commit,
		Line: m.Line, EndLine: m.EndLine, Column: m.Column, EndColumn: m.EndColumn, PartnerLine: m.Partner,
		Preview: m.Preview, Excerpt: m.Excerpt, Fingerprint: fingerprint, AllowComment: m.AllowComment,
	}
	m.Account.Tell(&finding)
	return finding, err
}

func (d *Detector) redact(h hit) Match {
	match := Match{
		Rule: h.rule, Description: h.description, Severity: h.severity, Line: h.line, EndLine: h.endLine, Column: h.column, EndColumn: h.endColumn,
		Account: d.engine.Account(h.account), Preview: mask, AllowComment: h.allow,
		Key: d.engine.keyOf(h.rule, h.value), surroundings: h.surroundings, ordinal: h.ordinal, commits: h.commits,
	}
	switch {
	case h.byPlace:
	case h.slow:
		d.engine.costly.keep(match.Key, h.value)
		match.Preview = escape(h.value[:4]) + mask
	case h.hidden:
		match.fingerprint = digest(h.rule, h.value)
	default:
		match.fingerprint, match.Preview = digest(h.rule, h.value), escape(h.value[:4])+mask
	}
	if h.line > 0 {
		match.Excerpt = h.excerpt.around(match.Preview)
	}
	match.Partner = h.pairLine
	if h.partner != nil {
		match.Partner = h.partner.line
	}
	return match
}

// keyOf returns Match.Key of a value.
func (e *Engine) keyOf(rule, value string) string {
	keyed := hmac.New(sha256.New, e.salt)
	keyed.Write([]byte(rule + "\x00" + value))
	return hex.EncodeToString(keyed.Sum(nil))
}

func maskAccount(account string) string {
	if account == "" {
		return ""
	}
	return "********" + account[len(account)-4:]
}
