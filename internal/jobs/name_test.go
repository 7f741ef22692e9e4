package jobs

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"
)

func TestNameKeepsPartsOfTheKeyApart(t *testing.T) {
	name := func(key ...string) string {
		got, err := Name("weekly", "payments", "main", key...)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if one, again := name("a", "bc"), name("a", "bc"); one != again {
		t.Errorf("%s and %s for one key", one, again)
	}
	if one, other := name("a", "bc"), name("ab", "c"); one == other {
		t.Errorf("%s for two keys", one)
	}
}

func TestNameIsADNSLabel(t *testing.T) {
	for what, test := range map[string]struct{ owner, repository, subject, prefix string }{
		"capitals and dots":  {"Main.Trigger", "Pay_ments.v2", "main", "main-trigger-pay-ments-v2-main-"},
		"long parts":         {strings.Repeat("t", 253), strings.Repeat("r", 100), strings.Repeat("b", 256), strings.Repeat("t", 16) + "-" + strings.Repeat("r", 16) + "-" + strings.Repeat("b", 12) + "-"},
		"nothing readable":   {"t", "___", "日本語", "t-"},
		"nothing at all":     {"", "", "", ""},
		"cut at a separator": {"a234567890123456", "r--------------------x", "feature/ide/x", "a234567890123456-r-feature-ide-"},
	} {
		t.Run(what, func(t *testing.T) {
			got, err := Name(test.owner, test.repository, test.subject, "key")
			if err != nil {
				t.Fatal(err)
			}
			if problems := validation.IsDNS1123Label(got); len(problems) > 0 {
				t.Errorf("%q: %v", got, problems)
			}
			if !strings.HasPrefix(got, test.prefix) {
				t.Errorf("%q does not open with %q", got, test.prefix)
			}
		})
	}
}

func TestLabelValue(t *testing.T) {
	for _, valid := range []string{"payments", "Pay_ments.v2", "42", ""} {
		if got := LabelValue(valid); got != valid {
			t.Errorf("%q becomes %q", valid, got)
		}
	}
	seen := map[string]string{}
	for _, invalid := range []string{"-payments", "payments-", strings.Repeat("r", 100), strings.Repeat("r", 99), "日本語", "___"} {
		got := LabelValue(invalid)
		if problems := validation.IsValidLabelValue(got); len(problems) > 0 || got == "" {
			t.Errorf("%q becomes %q: %v", invalid, got, problems)
		}
		if before, ok := seen[got]; ok {
			t.Errorf("%q and %q become the same", before, invalid)
		}
		seen[got] = invalid
	}
}
