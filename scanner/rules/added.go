package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/scanjob-dev/scanjob/api/contract"
)

// Add returns the set with the rules and allowlists of a configuration that comes from a scanned repository. What the set holds
// stays: the configuration can neither switch its rules off nor change them, only add rules and allow what they find. useDefault
// says nothing here. notes name what of the configuration does not count. open reads what extend.path names.
func (s *Set) Add(data []byte, open func(path string) ([]byte, error)) (added *Set, notes []string, err error) {
	own, notes, err := toAdd(data, open, 0)
	if err != nil {
		return nil, nil, err
	}
	added = &Set{
		Rules: slices.Clone(s.Rules), Allowlists: slices.Concat(s.Allowlists, own.Allowlists), Unknown: slices.Concat(s.Unknown, own.Unknown),
	}
	var same []string
	for _, rule := range own.Rules {
		at := added.index(rule.ID)
		if ours, ok := gitleaksNames()[rule.ID]; ok && at < 0 {
			at = added.index(ours)
		}
		if at >= 0 {
			added.Rules[at].Allowlists = slices.Concat(added.Rules[at].Allowlists, rule.Allowlists)
			same = append(same, rule.ID)
			continue
		}
		if rule.Severity == "" {
			rule.Severity = contract.SeverityHigh
		}
		added.Rules = append(added.Rules, rule)
	}
	if len(same) > 0 {
		notes = append(notes, fmt.Sprintf("the rules %s are built in and stay as they are, only their allowlists count: give rules of your own other names",
			few(same)))
	}
	return added, notes, added.check()
}

// toAdd returns what the configuration holds and what it extends, without anything that is built in.
func toAdd(data []byte, open func(path string) ([]byte, error), depth int) (*Set, []string, error) {
	d, unknown, err := decode(string(data))
	if err != nil {
		return nil, nil, err
	}
	own, err := newReader().set(d)
	if err != nil {
		return nil, nil, err
	}
	own.Unknown = unknown
	var notes []string
	if off := d.Extend.DisabledRules; len(off) > 0 {
		notes = append(notes, fmt.Sprintf("extend.disabledRules does not count, the rules %s stay: use an allowlist with targetRules", few(off)))
	}
	switch {
	case d.Extend.URL != "":
		return nil, nil, errors.New("extend: url: a configuration is not fetched; use path")
	case d.Extend.Path == "":
		return own, notes, nil
	case depth >= maxExtends:
		return nil, nil, fmt.Errorf("extend: path: more than %d configurations extend one another", maxExtends)
	}
	more, err := open(d.Extend.Path)
	if err != nil {
		return nil, nil, fmt.Errorf("extend: path: %w", err)
	}
	base, others, err := toAdd(more, open, depth+1)
	if err != nil {
		return nil, nil, fmt.Errorf("extend: path: %s: %w", d.Extend.Path, err)
	}
	return merge(base, own, nil), append(notes, others...), nil
}

// few names the first of many.
func few(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
