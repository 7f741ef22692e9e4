package builtin_test

import (
	"io/fs"
	"math"
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"github.com/scanjob-dev/scanjob/scanner/rules"
	"github.com/scanjob-dev/scanjob/scanner/rules/builtin"
	"github.com/scanjob-dev/scanjob/scanner/rules/sample"
)

type allowlist struct {
	Regexes     []string
	RegexTarget string
	Stopwords   []string
	Paths       []string
	Description string
}

type rule struct {
	ID, Description, Regex, Value, Path, Severity, Advice string
	Names, Keywords, Links                                []string
	Entropy                                               float64
	Specific                                              *bool
	Allowlists                                            []allowlist
}

type file struct {
	Title      string
	Rules      []rule
	Allowlists []allowlist
}

// read returns all rules and the allowlists that count for all of them. It knows every key that the files have.
func read(t *testing.T) (all []rule, global []allowlist) {
	t.Helper()
	names, err := fs.Glob(builtin.Files, "*.toml")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		var f file
		meta, err := toml.DecodeFS(builtin.Files, name, &f)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if unknown := meta.Undecoded(); len(unknown) > 0 {
			t.Errorf("%s has keys that nobody knows: %v", name, unknown)
		}
		all, global = append(all, f.Rules...), append(global, f.Allowlists...)
	}
	return all, global
}

func (r rule) expression() string {
	if len(r.Names) > 0 {
		return rules.AssignedRegex(r.Names, r.Value)
	}
	return r.Regex
}

var expressions = map[string]*regexp.Regexp{}

func compiled(expression string) *regexp.Regexp {
	if expressions[expression] == nil {
		expressions[expression] = regexp.MustCompile(expression)
	}
	return expressions[expression]
}

func entropy(text string) float64 {
	counts := map[byte]float64{}
	for i := range len(text) {
		counts[text[i]]++
	}
	sum := 0.0
	for _, n := range counts {
		p := n / float64(len(text))
		sum -= p * math.Log2(p)
	}
	return sum
}

// finds returns the secret that the rule finds in the text, as gitleaks' form defines it.
func finds(t *testing.T, r rule, global []allowlist, text string) (string, bool) {
	t.Helper()
	lower, known := strings.ToLower(text), len(r.Keywords) == 0
	for _, keyword := range r.Keywords {
		known = known || strings.Contains(lower, keyword)
	}
	if !known {
		return "", false
	}
	for _, groups := range compiled(r.expression()).FindAllStringSubmatch(text, -1) {
		secret := groups[0]
		for _, group := range groups[1:] {
			if group != "" {
				secret = group
				break
			}
		}
		if entropy(secret) >= r.Entropy && !allowed(append(global, r.Allowlists...), groups[0], secret, text) {
			return secret, true
		}
	}
	return "", false
}

func allowed(lists []allowlist, match, secret, line string) bool {
	for _, list := range lists {
		target := map[string]string{"": secret, "match": match, "line": line}[list.RegexTarget]
		for _, expression := range list.Regexes {
			if compiled(expression).MatchString(target) {
				return true
			}
		}
		for _, word := range list.Stopwords {
			if strings.Contains(strings.ToLower(secret), word) {
				return true
			}
		}
	}
	return false
}

func TestEveryRuleSaysWhatItFoundAndWhatToDo(t *testing.T) {
	all, _ := read(t)
	seen := map[string]bool{}
	for _, r := range all {
		if seen[r.ID] {
			t.Errorf("%s: there are two", r.ID)
		}
		seen[r.ID] = true
		if r.Description == "" || r.Advice == "" || len(r.Links) == 0 {
			t.Errorf("%s: wants description, advice and links", r.ID)
		}
		for _, link := range r.Links {
			if u, err := url.Parse(link); err != nil || u.Scheme != "https" || u.Host == "" {
				t.Errorf("%s: link %q", r.ID, link)
			}
		}
		switch r.Severity {
		case "critical", "high", "medium", "low":
		default:
			t.Errorf("%s: severity %q", r.ID, r.Severity)
		}
		if r.Regex == "" && len(r.Names) == 0 && r.Path == "" {
			t.Errorf("%s: matches nothing", r.ID)
		}
		if r.Regex != "" && len(r.Keywords) == 0 {
			t.Errorf("%s: without keywords it meets every byte", r.ID)
		}
		for _, keyword := range r.Keywords {
			if keyword != strings.ToLower(keyword) {
				t.Errorf("%s: keyword %q is never found: it wants lower case", r.ID, keyword)
			}
		}
	}
	for id := range strings.FieldsSeq(gitleaksRules) {
		if !seen[id] {
			t.Errorf("gitleaks has %s by default, these files have not", id)
		}
	}
}

// byHand are the rules whose expressions describe more than a value: each has a test of its own below.
func byHand(id string) bool {
	switch id {
	case "private-key", "putty-private-key", "kubernetes-secret-yaml", "curl-auth-header", "curl-auth-user", "jdbc-password",
		"netrc-password", "generic-api-key":
		return true
	}
	return false
}

func TestEveryRuleFindsWhatItDescribesAndNoPlaceholder(t *testing.T) {
	all, global := read(t)
	for _, r := range all {
		if r.expression() == "" || byHand(r.ID) {
			continue
		}
		t.Run(r.ID, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			missed := 0
			const samples = 15
			for range samples {
				text, secret := planted(t, random, r)
				if got, ok := finds(t, r, global, text); !ok || !strings.Contains(secret, got) && !strings.Contains(got, secret) {
					missed++
				}
				if blank := strings.ReplaceAll(text, secret, same(secret)); r.Entropy > 0 && len(secret) > 0 {
					if _, ok := finds(t, r, global, blank); ok {
						t.Errorf("reports a placeholder: %d characters, all alike", len(secret))
					}
				}
				if len(r.Names) > 0 && len(text) > 0 {
					if _, ok := finds(t, r, global, "\""+secret+"\""); ok {
						t.Error("reports the value without its name")
					}
				}
			}
			// A random value now and then looks like a name.
			if missed > 1 {
				t.Errorf("missed %d of %d", missed, samples)
			}
		})
	}
}

// planted returns a text with a secret of the rule in one of the forms that programs and configurations have.
func planted(t *testing.T, random *rand.Rand, r rule) (text, secret string) {
	t.Helper()
	for range 1000 {
		var err error
		if len(r.Names) > 0 {
			secret, err = sample.Matching(random, r.Value)
		} else {
			secret, err = sample.Group(random, r.Regex, 1)
		}
		if err != nil {
			t.Fatal(err)
		}
		if entropy(secret) >= r.Entropy {
			break
		}
	}
	if len(r.Names) == 0 {
		whole := strings.Replace(mustMatch(t, random, r), "\x00", secret, 1)
		// The engine looks for built-in rules only where one of their keywords is.
		if !slices.ContainsFunc(r.Keywords, func(keyword string) bool { return strings.Contains(strings.ToLower(whole), keyword) }) {
			t.Fatalf("a match without a keyword: %q", whole)
		}
		return whole, secret
	}
	name, err := sample.Matching(random, r.Names[random.IntN(len(r.Names))])
	if err != nil {
		t.Fatal(err)
	}
	form := forms()[random.IntN(len(forms()))]
	return strings.NewReplacer("NAME", name, "VALUE", secret).Replace(form), secret
}

// mustMatch returns a sample of the whole expression with a zero byte in the place of its secret.
func mustMatch(t *testing.T, random *rand.Rand, r rule) string {
	t.Helper()
	expression := compiled(r.Regex)
	for range 1000 {
		text, err := sample.Matching(random, r.Regex)
		if err != nil {
			t.Fatal(err)
		}
		if place := expression.FindStringSubmatchIndex(text); place != nil {
			if len(place) < 4 || place[2] < 0 {
				return text[:place[0]] + "\x00" + text[place[1]:]
			}
			return text[:place[2]] + "\x00" + text[place[3]:]
		}
	}
	t.Fatalf("%s: no sample of %s matches it", r.ID, r.Regex)
	return ""
}

func same(secret string) string { return strings.Repeat("x", len(secret)) }

func forms() []string {
	return []string{
		"export NAME_API_KEY=VALUE\n",
		"NAME.api.key = VALUE",
		"{\"NAME_key\": \"VALUE\"}",
		"NAMEKey: VALUE\n",
		"<NAME_key>VALUE</NAME_key>",
		"<property name=\"NAME.key\" value=\"VALUE\"/>",
		"<property>\n  <name>NAME.key</name>\n  <value>VALUE</value>\n</property>",
		"- name: NAME_KEY\n  value: VALUE\n",
		"{\"name\": \"NAME_KEY\", \"value\": \"VALUE\"}",
		"const NAMEKey = \"VALUE\";",
		"NAMEKey := `VALUE`",
		"NAME_key: str = 'VALUE'",
		"os.environ[\"NAME_KEY\"] = \"VALUE\"",
		"ENV['NAME_KEY'] ||= 'VALUE'",
		":NAME_key => 'VALUE',",
		"define('NAME_KEY', 'VALUE');",
		"\"source\": [\"NAME_key = \\\"VALUE\\\"\\n\"]",
		"NAME_key,VALUE\r\n",
		"https://api.test/?NAME_key=VALUE&page=2",
		"client.set(NAME_key=\"VALUE\")",
		"| NAME key | VALUE |",
		"NAME key: `VALUE`.",
		"--NAME-key=VALUE",
		"const NAMEKey string = \"VALUE\"",
	}
}
