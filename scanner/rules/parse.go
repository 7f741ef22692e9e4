package rules

import (
	"errors"
	"fmt"
	"slices"

	"github.com/scanjob-dev/scanjob/api/contract"
)

// maxExtends is how many configurations may extend one another.
const maxExtends = 8

// Parse reads a configuration in gitleaks' TOML form, with the keys severity, advice and links besides. open reads the
// configuration that extend.path names; where it is nil, that key is an error. The error says which key of which rule is
// wrong.
func Parse(data []byte, open func(path string) ([]byte, error)) (*Set, error) {
	return parse(data, open, 0)
}

func parse(data []byte, open func(path string) ([]byte, error), depth int) (*Set, error) {
	d, unknown, err := decode(string(data))
	if err != nil {
		return nil, err
	}
	own, err := newReader().set(d)
	if err != nil {
		return nil, err
	}
	own.Unknown = unknown
	base, err := extended(d, open, depth)
	if err != nil {
		return nil, fmt.Errorf("extend: %w", err)
	}
	set := merge(base, own, disabled(d.Extend.DisabledRules))
	for i := range set.Rules {
		if rule := &set.Rules[i]; rule.Severity == "" {
			rule.Severity = contract.SeverityHigh // a secret that nobody has judged
		}
	}
	return set, set.check()
}

// extended returns what the document extends.
func extended(d document, open func(path string) ([]byte, error), depth int) (*Set, error) {
	switch {
	case d.Extend.URL != "":
		return nil, errors.New("url: a configuration is not fetched; use path")
	case d.Extend.UseDefault && d.Extend.Path != "":
		return nil, errors.New("useDefault: goes without path")
	case d.Extend.UseDefault:
		return Builtin()
	case d.Extend.Path == "":
		return &Set{}, nil
	case open == nil:
		return nil, errors.New("path: is not allowed here")
	case depth >= maxExtends:
		return nil, fmt.Errorf("path: more than %d configurations extend one another", maxExtends)
	}
	data, err := open(d.Extend.Path)
	if err != nil {
		return nil, fmt.Errorf("path: %w", err)
	}
	set, err := parse(data, open, depth+1)
	if err != nil {
		return nil, fmt.Errorf("path: %s: %w", d.Extend.Path, err)
	}
	return set, nil
}

// disabled returns the rules of ours that the identifiers mean.
func disabled(ids []string) map[string]bool {
	off := map[string]bool{}
	for _, id := range ids {
		off[id] = true
		if ours, ok := gitleaksNames()[id]; ok {
			off[ours] = true
		}
	}
	return off
}

// gitleaksNames are the names that gitleaks' rules for AWS have here.
func gitleaksNames() map[string]string {
	return map[string]string{
		"aws-access-token":                       AccessKeyID,
		"aws-amazon-bedrock-api-key-long-lived":  BedrockKey,
		"aws-amazon-bedrock-api-key-short-lived": BedrockKey,
	}
}

// merge returns base without what is off, changed by the rules of own that have the same identifier, and with the others of
// own behind.
func merge(base, own *Set, off map[string]bool) *Set {
	merged := &Set{Allowlists: slices.Concat(own.Allowlists, base.Allowlists), Unknown: slices.Concat(own.Unknown, base.Unknown)}
	for _, rule := range base.Rules {
		if !off[rule.ID] {
			merged.Rules = append(merged.Rules, rule)
		}
	}
	for _, rule := range own.Rules {
		at := merged.index(rule.ID)
		if at < 0 {
			if ours, ok := gitleaksNames()[rule.ID]; ok {
				at = merged.index(ours)
			}
		}
		if at < 0 {
			merged.Rules = append(merged.Rules, rule)
			continue
		}
		merged.Rules[at] = change(merged.Rules[at], rule)
	}
	return merged
}

// change returns the rule with everything that by sets.
func change(rule, by Rule) Rule {
	if by.Description != "" {
		rule.Description = by.Description
	}
	if by.Advice != "" {
		rule.Advice = by.Advice
	}
	if by.Severity != "" {
		rule.Severity = by.Severity
	}
	if by.Regexp != nil {
		rule.Regexp, rule.SecretGroup, rule.Code, rule.Literals = by.Regexp, by.SecretGroup, false, by.Literals
	}
	if by.SecretGroup != 0 {
		rule.SecretGroup = by.SecretGroup
	}
	if by.Entropy != 0 {
		rule.Entropy = by.Entropy
	}
	if by.Path != nil {
		rule.Path = by.Path
	}
	rule.Links = slices.Concat(rule.Links, by.Links)
	rule.Tags = slices.Concat(rule.Tags, by.Tags)
	rule.Keywords = slices.Concat(rule.Keywords, by.Keywords)
	rule.Allowlists = slices.Concat(rule.Allowlists, by.Allowlists)
	rule.Required = slices.Concat(rule.Required, by.Required)
	return rule
}

// check tells what is wrong with the rules together, and has the allowlists name our rules.
func (s *Set) check() error {
	for _, rule := range s.Rules {
		if rule.Regexp == nil && rule.Path == nil && !rule.Code {
			return fmt.Errorf("rule %q: wants regex or path", rule.ID)
		}
		for _, other := range rule.Required {
			if s.index(other.ID) < 0 {
				return fmt.Errorf("rule %q: required: there is no rule %q", rule.ID, other.ID)
			}
		}
	}
	for i, list := range s.Allowlists {
		for j, id := range list.Rules {
			if ours, ok := gitleaksNames()[id]; ok && s.index(id) < 0 {
				list.Rules[j] = ours
				continue
			}
			if s.index(id) < 0 {
				return fmt.Errorf("allowlists %d: targetRules: there is no rule %q", i+1, id)
			}
		}
	}
	return nil
}
