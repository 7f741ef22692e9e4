package detect_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/planted"
)

func TestPairsOfLaterOccurrences(t *testing.T) {
	pair, other := newPair(t), newPair(t)
	apart := strings.Repeat("x\n", 1500)
	fill := strings.NewReplacer("{id}", pair.ID, "{secret}", pair.Secret, "{other}", other.ID, "{second}", other.Secret, "{apart}", apart)
	rows := []struct {
		name, content string
		want          []found
	}{
		{"a secret beside the second occurrence of a key id", "{id}\n{apart}{id}\n{secret}\n", pairAt(1502, 1503)},
		{"the second occurrence of a secret beside a key id", "{secret}\n{apart}{id}\n{secret}\n", pairAt(1502, 1503)},
		{"the second occurrence of a secret before a key id", "{secret}\n{apart}{secret}\n{id}\n", pairAt(1503, 1502)},
		{"the second occurrence of a named secret", "aws_secret_access_key={secret}\n{apart}{id}\n{secret}\n", pairAt(1502, 1503)},
		{"the first of two places that pair", "{id}\n{secret}\n{apart}{id}\n{secret}\n", pairAt(1, 2)},
		{"the first place of an id whose secrets stand at two", "aws_secret_access_key={second}\n{apart}{id}\n{secret}\n{apart}{id}\n{second}\n",
			append(pairAt(1502, 1503), found{detect.RuleSecretAccessKey, 3005, contract.SeverityCritical})},
		{"exactly 1,000 lines apart", "{id}\n" + strings.Repeat("x\n", 999) + "{secret}\n", pairAt(1, 1001)},
		{"exactly 1,000 lines apart, the secret first", "{secret}\n" + strings.Repeat("x\n", 999) + "{id}\n", pairAt(1001, 1)},
		{"1,001 lines apart", "{id}\n" + strings.Repeat("x\n", 1000) + "{secret}\n", []found{{detect.RuleAccessKeyID, 1, contract.SeverityHigh}}},
		{"the nearer of two ids, after the secret", "{other}\n\n\n{secret}\n{id}\n",
			append([]found{{detect.RuleAccessKeyID, 1, contract.SeverityHigh}}, pairAt(5, 4)...)},
		{"the nearer of two ids, before the secret", "{id}\n{secret}\n\n\n{other}\n",
			append(pairAt(1, 2), found{detect.RuleAccessKeyID, 5, contract.SeverityHigh})},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			matches := scan(t, fill.Replace(row.content))
			if got := short(matches); fmt.Sprint(got) != fmt.Sprint(row.want) {
				t.Errorf("got %v, want %v", got, row.want)
			}
			for _, m := range matches {
				if m.Rule == detect.RuleSecretAccessKey && m.Account.Masked != "********"+pair.Account[8:] {
					t.Errorf("the secret belongs to account %s, want that of its key id", m.Account)
				}
			}
		})
	}
}

// secrets returns n lines with a random secret each.
func secrets(n int) string {
	var out strings.Builder
	for range n {
		out.WriteString(planted.Secret() + "\n")
	}
	return out.String()
}

func TestMoreSecretsThanCanWaitForAKeyID(t *testing.T) {
	pair := newPair(t)
	inOneLine := strings.ReplaceAll(secrets(10_000), "\n", ",")
	t.Run("are named as not scanned where a key id comes near", func(t *testing.T) {
		matches := scan(t, pair.Secret+","+inOneLine+"\n"+pair.ID+"\n")
		if last := matches[len(matches)-1]; last.Rule != contract.RuleNotScanned || !strings.Contains(last.Description, "possible secrets") {
			t.Errorf("the last match is %+v", last)
		}
	})
	t.Run("are nothing where none comes near", func(t *testing.T) {
		if got := short(scan(t, inOneLine+strings.Repeat("\n", 1100)+pair.ID+"\n")); len(got) != 1 || got[0].rule != detect.RuleAccessKeyID {
			t.Errorf("got %v", got)
		}
	})
	t.Run("are nothing where the lines are out of reach", func(t *testing.T) {
		if got := short(scan(t, secrets(10_000)+pair.Secret+"\n"+strings.Repeat("x\n", 10)+pair.ID+"\n")); len(got) < 900 ||
			got[len(got)-1].rule != detect.RuleAccessKeyID {
			t.Errorf("got %d matches", len(got))
		}
	})
	t.Run("are all found where each has a key id before it", func(t *testing.T) {
		matches := scan(t, pair.ID+"\n"+strings.ReplaceAll(secrets(9_000), "\n", ",")+"\n"+newPair(t).ID+"\n")
		for _, m := range matches {
			if m.Rule == contract.RuleNotScanned {
				t.Errorf("got %+v", m)
			}
		}
		if len(matches) != 9_002 {
			t.Errorf("got %d matches", len(matches))
		}
	})
}
