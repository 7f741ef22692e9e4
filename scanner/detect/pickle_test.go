package detect_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/planted"
	"github.com/scanjob-dev/scanjob/scanner/rules"
)

// pickles are the forms that Python writes a dictionary of one text in.
func pickles(name, value string) map[string]string {
	binary2 := func(text string) string {
		return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(text)))) + text
	}
	short := func(text string) string { return "\x8c" + string([]byte{byte(len(text))}) + text }
	return map[string]string{
		"in lines":             "(dp0\nS'" + name + "'\nS'" + value + "'\ns.",
		"in lines, with memos": "(dp0\nV" + name + "\np1\nV" + value + "\np2\ns.",
		"of protocol 2":        "\x80\x02}q\x00" + binary2(name) + "q\x01" + binary2(value) + "q\x02s.",
		"of protocol 4":        "\x80\x04\x95\x30\x00\x00\x00\x00\x00\x00\x00}\x94" + short(name) + "\x94" + short(value) + "\x94s.",
	}
}

func TestPickles(t *testing.T) {
	account := planted.Account()
	dashed := account[:4] + "-" + account[4:8] + "-" + account[8:]
	client := "1" + randomOf(base36, 46) + "x2y3z"
	for _, row := range []struct {
		name, key, value, before string
		want                     string
	}{
		{"an account", "aws_account_id", account, "", detect.RuleAccount},
		{"an account in groups", "aws_account", dashed, "", detect.RuleAccount},
		{"a client secret", "cognito_client_secret", client, "", rules.CognitoSecret},
		{"digits of something else", "order_number", account, "", ""},
		{"a time", "created_at_ms", account, "aws account ", ""},
		{"letters of something else beside Cognito", "session_state", client, "cognito ", ""},
	} {
		for form, content := range pickles(row.key, row.value) {
			t.Run(row.name+", "+form, func(t *testing.T) {
				var got []string
				for _, match := range scan(t, row.before+content) {
					got = append(got, match.Rule)
				}
				if strings.Join(got, " ") != row.want {
					t.Errorf("found %v, want %q", got, row.want)
				}
			})
		}
	}
}
