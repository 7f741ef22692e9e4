package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/BurntSushi/toml"

	"github.com/scanjob-dev/scanjob/api/contract"
)

// MaxConfiguration is the size in bytes up to which a configuration is read.
const MaxConfiguration = 4 << 20

// document is a configuration as it is written: gitleaks' form, and the keys that are ours.
type document struct {
	Title, Description, MinVersion string

	Extend struct {
		Path, URL     string
		UseDefault    bool
		DisabledRules []string
	}
	Rules      []ruleText
	Allowlist  *allowlistText
	Allowlists []allowlistText
}

type ruleText struct {
	ID, Description, Regex, Path string
	SecretGroup                  int
	Entropy                      float64
	Keywords, Tags               []string
	Allowlist                    *allowlistText
	Allowlists                   []allowlistText
	Required                     []requiredText
	SkipReport                   bool

	// Ours.
	Severity, Advice string
	Links            []string
	Names            []string
	Value            string
	Specific         *bool
	// literals are those of the names, where they were computed before.
	literals []string
}

type requiredText struct {
	ID                         string
	WithinLines, WithinColumns *int
}

type allowlistText struct {
	Description, Condition, RegexTarget             string
	Commits, Paths, Regexes, StopWords, TargetRules []string
}

// reader turns a document into a set.
type reader struct {
	// expression returns an expression that is compiled when it is used.
	expression func(string) (*Regexp, error)
	// assigned returns such an expression for names and their value; see AssignedRegex.
	assigned func(names []string, value string) (*Regexp, error)
	// literals returns what every match of a rule's expression holds; see Rule.Literals.
	literals func(Rule) []string
}

// newReader returns a reader of a configuration that is not ours.
func newReader() reader {
	c := &costs{}
	return reader{expression: c.expression, assigned: c.assigned, literals: c.literals}
}

// decode reads the TOML and names the keys that mean nothing.
func decode(data string) (document, []string, error) {
	var d document
	if len(data) > MaxConfiguration {
		return d, nil, fmt.Errorf("the configuration has %d KiB, the limit is %d KiB", len(data)>>10, MaxConfiguration>>10)
	}
	meta, err := toml.Decode(data, &d)
	if err != nil {
		var parse toml.ParseError
		if errors.As(err, &parse) {
			return d, nil, fmt.Errorf("line %d: %s", parse.Position.Line, parse.Message)
		}
		return d, nil, err
	}
	var unknown []string
	for _, key := range meta.Undecoded() {
		if !slices.Contains(unknown, key.String()) {
			unknown = append(unknown, key.String())
		}
	}
	return d, unknown, nil
}

// set returns the rules and allowlists that the document itself holds.
func (r reader) set(d document) (*Set, error) {
	set := &Set{Rules: make([]Rule, 0, len(d.Rules))}
	return set, r.into(set, d)
}

// into adds the rules and allowlists that the document itself holds to the set.
func (r reader) into(set *Set, d document) error {
	for i, text := range d.Rules {
		rule, err := r.rule(text)
		if err != nil {
			if text.ID == "" {
				return fmt.Errorf("rule %d: %w", i+1, err)
			}
			return fmt.Errorf("rule %q: %w", text.ID, err)
		}
		if set.index(rule.ID) >= 0 {
			return fmt.Errorf("rule %q: id: another rule has it too", rule.ID)
		}
		set.Rules = append(set.Rules, rule)
	}
	lists, err := r.allowlists(d.Allowlist, d.Allowlists)
	set.Allowlists = append(set.Allowlists, lists...)
	return err
}

func (r reader) rule(t ruleText) (Rule, error) {
	if strings.TrimSpace(t.ID) == "" {
		return Rule{}, errors.New("id: is missing")
	}
	if strings.ContainsFunc(t.ID, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return Rule{}, errors.New("id: holds characters that cannot be printed")
	}
	rule := Rule{
		ID: t.ID, Description: t.Description, Advice: t.Advice, Links: t.Links, Tags: t.Tags, SecretGroup: t.SecretGroup,
		Entropy: t.Entropy, SkipReport: t.SkipReport, Generic: t.Specific != nil && !*t.Specific,
	}
	for _, keyword := range t.Keywords {
		if keyword != "" {
			rule.Keywords = append(rule.Keywords, strings.ToLower(keyword))
		}
	}
	var err error
	if rule.Severity, err = severity(t.Severity); err != nil {
		return rule, err
	}
	if len(t.Names) > 0 {
		if t.Regex != "" || t.Value == "" {
			return rule, errors.New("names: go with value, and without regex")
		}
		rule.Regexp, err = r.assigned(t.Names, t.Value)
	} else if t.Regex != "" {
		rule.Regexp, err = r.expression(t.Regex)
	}
	if err != nil {
		return rule, fmt.Errorf("regex: %w", err)
	}
	if rule.Regexp != nil {
		switch {
		case len(t.Names) == 0:
			rule.Literals = r.literals(rule)
		case t.literals != nil:
			rule.Literals = t.literals
		default:
			rule.Literals = literalsOfAny(t.Names)
		}
		if err := checkEverywhere(rule); err != nil {
			return rule, err
		}
	}
	if t.Path != "" {
		if rule.Path, err = r.expression(t.Path); err != nil {
			return rule, fmt.Errorf("path: %w", err)
		}
	}
	if err := checkGroup(rule); err != nil {
		return rule, err
	}
	if rule.Allowlists, err = r.allowlists(t.Allowlist, t.Allowlists); err != nil {
		return rule, err
	}
	rule.Required, err = required(t.Required)
	return rule, err
}

func checkGroup(rule Rule) error {
	if rule.SecretGroup < 0 || rule.SecretGroup > 0 && rule.Regexp == nil {
		return fmt.Errorf("secretGroup: there is no group %d", rule.SecretGroup)
	}
	if rule.SecretGroup > 0 {
		if groups := rule.Regexp.Compiled().NumSubexp(); rule.SecretGroup > groups {
			return fmt.Errorf("secretGroup: there is no group %d, the regex has %d", rule.SecretGroup, groups)
		}
	}
	return nil
}

func required(texts []requiredText) (all []Required, err error) {
	for i, t := range texts {
		if t.ID == "" {
			return nil, fmt.Errorf("required %d: id: is missing", i+1)
		}
		one := Required{ID: t.ID, Lines: -1, Columns: -1}
		if t.WithinLines != nil {
			one.Lines = max(0, *t.WithinLines)
		}
		if t.WithinColumns != nil {
			one.Columns = max(0, *t.WithinColumns)
		}
		all = append(all, one)
	}
	return all, nil
}

// severity returns the severity of a rule; empty where the text is.
func severity(text string) (contract.Severity, error) {
	if text == "" {
		return "", nil
	}
	for _, known := range contract.Severities() {
		if strings.EqualFold(text, string(known)) {
			return known, nil
		}
	}
	return "", fmt.Errorf("severity: %q is none of %v", text, contract.Severities())
}

func (r reader) allowlists(single *allowlistText, several []allowlistText) (all []Allowlist, err error) {
	if single != nil && len(several) > 0 {
		return nil, errors.New("allowlist: goes without allowlists")
	}
	key := func(int) string { return "allowlist" }
	if single != nil {
		several = []allowlistText{*single}
	} else {
		key = func(i int) string { return fmt.Sprintf("allowlists %d", i+1) }
	}
	for i, text := range several {
		list, err := r.allowlist(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key(i), err)
		}
		all = append(all, list)
	}
	return all, nil
}

func (r reader) allowlist(t allowlistText) (Allowlist, error) {
	list := Allowlist{Description: t.Description, Rules: t.TargetRules}
	switch strings.ToUpper(t.Condition) {
	case "", "OR", "||":
	case "AND", "&&":
		list.All = true
	default:
		return list, fmt.Errorf("condition: %q is neither AND nor OR", t.Condition)
	}
	switch target := strings.ToLower(t.RegexTarget); target {
	case "":
		list.Target = TargetSecret
	case TargetSecret, TargetMatch, TargetLine:
		list.Target = target
	default:
		return list, fmt.Errorf("regexTarget: %q is none of secret, match and line", t.RegexTarget)
	}
	for _, commit := range t.Commits {
		list.Commits = append(list.Commits, strings.ToLower(strings.TrimSpace(commit)))
	}
	for _, word := range t.StopWords {
		if word != "" {
			list.Stopwords = append(list.Stopwords, strings.ToLower(word))
		}
	}
	var err error
	if list.Paths, err = r.expressions(t.Paths); err != nil {
		return list, fmt.Errorf("paths: %w", err)
	}
	if list.Regexes, err = r.expressions(t.Regexes); err != nil {
		return list, fmt.Errorf("regexes: %w", err)
	}
	if len(list.Commits)+len(list.Paths)+len(list.Regexes)+len(list.Stopwords) == 0 {
		return list, errors.New("wants at least one of commits, paths, regexes and stopwords")
	}
	return list, nil
}

func (r reader) expressions(sources []string) (all []*Regexp, err error) {
	for _, source := range sources {
		expression, err := r.expression(source)
		if err != nil {
			return nil, err
		}
		all = append(all, expression)
	}
	return all, nil
}
