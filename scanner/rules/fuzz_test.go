package rules

import "testing"

// FuzzParse holds that no configuration makes the reader fail otherwise than with an error, and that what it reads is whole.
func FuzzParse(f *testing.F) {
	f.Add([]byte("[[rules]]\nid = 'a'\nregex = '(b)'\nsecretGroup = 1\n[[rules.allowlists]]\npaths = ['x']"))
	f.Add([]byte("[extend]\nuseDefault = true\ndisabledRules = ['jwt']\n[allowlist]\nstopwords = ['x']"))
	f.Add([]byte("[[rules]]\nid = 'a'\nnames = ['n']\nvalue = '[a-z]{9}'\n[[rules.required]]\nid = 'a'\nwithinLines = -1"))
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := Parse(text, nil)
		if err != nil {
			return
		}
		for _, rule := range set.Rules {
			if rule.ID == "" || rule.Severity == "" || rule.Regexp == nil && rule.Path == nil && !rule.Code {
				t.Errorf("got %+v", rule)
			}
		}
	})
}
