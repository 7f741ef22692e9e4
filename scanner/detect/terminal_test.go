package detect_test

import (
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/rules"
)

func TestNothingShownHoldsControlCharacters(t *testing.T) {
	const configuration = `[[rules]]
id = 'own'
description = "red \u001b[31m"
advice = "ring \u0007"
links = ["https://example.com/\u001b"]
regex = '''open:(\S+)'''
keywords = ['open:']
`
	set, err := rules.Parse([]byte(configuration), nil)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := detect.NewEngine(set, detect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	detector := engine.Detector()
	matches := scanWith(t, detector, "open:\x1b]0;"+randomOf(base36, 40)+"\n")
	if len(matches) != 1 {
		t.Fatalf("%+v", matches)
	}
	got, rule := finding(t, detector, matches[0], "a"), engine.RuleOf("own")
	if !strings.HasPrefix(got.Preview, `\x1b]0;*`) || got.Description != `red \x1b[31m` || rule.Advice != `ring \a` || rule.Links[0] != `https://example.com/\x1b` {
		t.Errorf("%+v of %+v", got, rule)
	}
	if _, err := rules.Parse([]byte(strings.Replace(configuration, "'own'", `"own\u001b[2J"`, 1)), nil); err == nil || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("a rule with such an identifier: %v", err)
	}
}
