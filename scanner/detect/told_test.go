package detect_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/planted"
)

// toldIn returns the reasons of what was not scanned of the content, and the rules of all else.
func toldIn(t *testing.T, content string) (reasons, rules []string) {
	t.Helper()
	for _, match := range scan(t, content) {
		if match.Rule == contract.RuleNotScanned {
			reasons = append(reasons, match.Description)
		} else {
			rules = append(rules, match.Rule)
		}
	}
	return reasons, rules
}

// incompressible is text in which nothing is found and that hardly packs.
func incompressible(size int) string {
	var out strings.Builder
	for out.Len() < size {
		out.WriteString(randomOf(base36, 7) + " ")
	}
	return out.String()
}

func TestPackedTextsInBase64(t *testing.T) {
	pair := newPair(t)
	keys := "aws_access_key_id=" + pair.ID + "\naws_secret_access_key=" + pair.Secret + "\n"
	large := base64Of(gzipped(incompressible(200_000) + keys))
	huge := base64Of(gzipped(incompressible(1_500_000) + keys))
	for _, row := range []struct {
		name, content string
		found         bool
		told          string
	}{
		{"one above 16 KiB", "user_data: " + large + "\n", true, ""},
		{"one in lines", "user_data: |\n  " + joinedEvery(large, 76, "\n  ") + "\n", true, ""},
		{"one in base64 again, as Helm keeps its releases", "  release: " + base64Of(large) + "\n", true, ""},
		{"one above 1 MiB", "user_data: " + huge + "\n", false, "a text that is packed in base64 goes on"},
		{"one that grows a thousand times", "user_data: " + base64Of(gzipped(strings.Repeat(" ", 3<<20)+keys)) + "\n", false, "a text that is packed in base64 goes on"},
		{"one at the end of what is in memory", strings.Repeat("\n", 1<<20-10) + "a: " + large + strings.Repeat("\n", 100), false, "a text that is packed in base64 goes on"},
	} {
		t.Run(row.name, func(t *testing.T) {
			reasons, rules := toldIn(t, row.content)
			if (len(rules) == 2) != row.found || (len(reasons) > 0) != (row.told != "") || !strings.Contains(strings.Join(reasons, ""), row.told) {
				t.Errorf("found %v, told %v", rules, reasons)
			}
		})
	}
}

func TestEncodingsBeyondTheLastAreTold(t *testing.T) {
	pair := newPair(t)
	text := "aws_access_key_id=" + pair.ID + " aws_secret_access_key=" + pair.Secret
	for times := range detect.DefaultDepth + 3 {
		reasons, rules := toldIn(t, "data: "+text+"\n")
		if times <= detect.DefaultDepth && (len(rules) != 2 || len(reasons) > 0) {
			t.Errorf("encoded %d times: found %v, told %v", times, rules, reasons)
		}
		if times > detect.DefaultDepth && (len(reasons) != 1 || !strings.Contains(reasons[0], "encoded more than 4 times over")) {
			t.Errorf("encoded %d times: found %v, told %v", times, rules, reasons)
		}
		text = base64.StdEncoding.EncodeToString([]byte(text))
	}
}

func TestGitPasswordsThatDoNotWaitAreTold(t *testing.T) {
	passwords := func(count int) string {
		var out strings.Builder
		for range count {
			fmt.Fprintf(&out, "password: %s\n", planted.GitPassword())
		}
		return out.String()
	}
	away := strings.Repeat("something else that one wrote down\n", 20)
	user := "user: dev-at-" + planted.Account() + "\n"
	if reasons, rules := toldIn(t, passwords(256)+away+user); len(reasons) > 0 || len(rules) != 257 {
		t.Errorf("256 before a user name: found %d, told %v", len(rules), reasons)
	}
	if reasons, _ := toldIn(t, passwords(257)+away+user); len(reasons) != 1 || !strings.Contains(reasons[0], "more than 256 possible passwords") {
		t.Errorf("257 before a user name: told %v", reasons)
	}
	if reasons, _ := toldIn(t, user+away+passwords(400)); len(reasons) > 0 {
		t.Errorf("behind a user name none waits: told %v", reasons)
	}
	if reasons, _ := toldIn(t, passwords(300)+strings.Repeat("\n", 1100)+user); len(reasons) > 0 {
		t.Errorf("too far away to be a pair: told %v", reasons)
	}
}

// A line of base64 may begin with the sign that joins strings and marks lines of diffs.
func TestLinesOfBase64ThatBeginWithAPlus(t *testing.T) {
	pair := newPair(t)
	text := "aws_access_key_id=" + pair.ID + "\n" + incompressible(6000) + "\naws_secret_access_key=" + pair.Secret + "\n"
	packed := base64Of(gzipped(text))
	// Wherever lines end, some begin with a plus.
	for width := 61; width < 80; width++ {
		for name, content := range map[string]string{
			"in YAML":       "data: |\n    " + joinedEvery(packed, width, "\n    ") + "\nother: x\n",
			"in a diff":     "+data: |\n+" + joinedEvery(packed, width, "\n+") + "\n other: x\n",
			"in the column": "data\n" + joinedEvery(packed, width, "\n") + "\n",
		} {
			if reasons, rules := toldIn(t, content); len(rules) < 2 || len(reasons) > 0 {
				t.Errorf("%s, lines of %d: found %v, told %v", name, width, rules, reasons)
			}
		}
	}
}

// Each line may look like the beginning of a text that goes on to the end.
func TestLinesThatAllLookPackedAreNotEachLookedAtToTheEnd(t *testing.T) {
	pair := newPair(t)
	line := "H4sI" + strings.Repeat("AAAA/zk9", 8) + "\n"
	content := strings.Repeat(line, 15_000) + "key: " + pair.ID + "\nsecret: " + pair.Secret + "\n"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, rules := toldIn(t, content); len(rules) != 2 {
		t.Errorf("found %v", rules)
	}
	runtime.ReadMemStats(&after)
	if copied := (after.TotalAlloc - before.TotalAlloc) >> 20; copied > 4096 {
		t.Errorf("%d MiB were looked at for a content of %d KiB", copied, len(content)>>10)
	}
}

// What stands around a text that is decoded was seen there already, and is encoded once.
func TestTextsThatAreEncodedOnceBesideEachOtherTellNothing(t *testing.T) {
	var digits, words, nested strings.Builder
	for range 5 {
		digits.WriteString(hex.EncodeToString([]byte(randomOf(base36, 20))) + "\n")
		words.WriteString("\t\"" + base64Of(randomOf(base36, 30)) + "\" +\n")
	}
	for _, content := range []string{digits.String(), words.String(), "payload: " + base64Of(digits.String()) + "\n"} {
		if reasons, rules := toldIn(t, content); len(reasons) > 0 || len(rules) > 0 {
			t.Errorf("found %v, told %v in\n%s", rules, reasons, content)
		}
	}
	for range 5 {
		text := incompressible(30)
		for range detect.DefaultDepth + 1 {
			text = base64Of(text)
		}
		nested.WriteString(text + "\n")
	}
	if reasons, _ := toldIn(t, nested.String()); len(reasons) != 1 {
		t.Errorf("five texts that are encoded five times: told %v", reasons)
	}
}

func TestWhatReachesOverTheEndOfAnEncodedTextIsFound(t *testing.T) {
	pair := newPair(t)
	neighbour := base64Of(incompressible(40))
	for name, content := range map[string]string{
		"a pair in neighbours":       neighbour + "\n" + base64Of("id="+pair.ID) + "\n" + neighbour + "\n" + base64Of("secret="+pair.Secret) + "\n",
		"an id outside":              "key=" + pair.ID + " " + neighbour + " " + base64Of("secret="+pair.Secret) + "\n",
		"a value escaped at its end": "id: " + pair.ID + "\nsecret: " + pair.Secret[:36] + percent(pair.Secret[36:]) + "\n",
	} {
		if reasons, rules := toldIn(t, content); len(rules) != 2 || len(reasons) > 0 {
			t.Errorf("%s: found %v, told %v", name, rules, reasons)
		}
	}
}
