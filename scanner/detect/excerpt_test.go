package detect_test

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/planted"
)

func TestExcerpts(t *testing.T) {
	const masked = "****************"
	pair, other := newPair(t), newPair(t)
	password := "pw" + randomOf(base36, 12)
	id, secret := "AKIA"+masked, pair.Secret[:4]+masked
	inBase64 := base64Of("aws_secret_access_key=" + pair.Secret)
	for _, row := range []struct {
		name, content string
		rule          string
		want          string
	}{
		{"a setting", "  aws_secret_access_key = " + pair.Secret + "\n", detect.RuleSecretAccessKey, "aws_secret_access_key = " + secret},
		{"names in capitals within a word", `{"awsSecretAccessKey": "` + pair.Secret + `"}`, detect.RuleSecretAccessKey, `{"awsSecretAccessKey": "` + secret + `"}`},
		{"a command", "aws configure set aws_secret_access_key " + pair.Secret, detect.RuleSecretAccessKey, "… aws_secret_access_key " + secret},
		{"two secrets on a line, the first", "id: " + pair.ID + ", secret: " + pair.Secret, detect.RuleAccessKeyID, "id: " + id + ", secret: …"},
		{"two secrets on a line, the second", "id: " + pair.ID + ", secret: " + pair.Secret, detect.RuleSecretAccessKey, "id: …, secret: " + secret},
		{"a password that no rule knows", "user=deploy;password=" + password + ";key=" + pair.ID, detect.RuleAccessKeyID, "user=…;password=…;key=" + id},
		{"a password of letters right before", "correcthorse " + pair.ID + " batterystaple", detect.RuleAccessKeyID, "… " + id + " …"},
		{"a word that goes on behind the excerpt", pair.ID + " " + strings.Repeat(" ", 27) + "key" + password, detect.RuleAccessKeyID, id + " …"},
		{"a word that began before the excerpt", password + "key=" + strings.Repeat(" ", 58) + pair.ID, detect.RuleAccessKeyID, "…= " + id},
		{"a word of a name beside digits", "key42=" + pair.ID, detect.RuleAccessKeyID, "…=" + id},
		{"an account number beside", "account=" + planted.Account() + " key=" + pair.ID, detect.RuleAccessKeyID, "account=… key=" + id},
		{"an encoded value", "data: " + inBase64, detect.RuleSecretAccessKey, "data: " + secret},
		{"a very long line", strings.Repeat("q=1;", 300_000) + "key=" + pair.ID + strings.Repeat(";q=2", 300_000), detect.RuleAccessKeyID,
			strings.Repeat("…=…;", 15) + "key=" + id + strings.Repeat(";…=…", 8)},
		{"escape sequences", "\x1b]0;title\x07\x1b[31mkey\u202e = " + pair.ID + "\x1b[2J\x00\r", detect.RuleAccessKeyID, "…]…;…[… = " + id + "…[…"},
		{"letters outside of ASCII", "schlüssel: " + pair.ID + " größe", detect.RuleAccessKeyID, "…: " + id + " …"},
		{"a byte-order mark", "\ufeffkey: " + pair.ID, detect.RuleAccessKeyID, "key: " + id},
		{"a byte-order mark of UTF-16", string([]byte{0xff, 0xfe}) + encoded(binary.LittleEndian, "key: "+pair.ID), detect.RuleAccessKeyID, "key: " + id},
		{"Windows' line ends", "x\r\nkey: " + pair.ID + "\r\nsecret: y", detect.RuleAccessKeyID, "key: " + id},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, match := range scan(t, row.content) {
				if match.Rule == row.rule {
					if match.Excerpt != row.want {
						t.Errorf("got %q, want %q", match.Excerpt, row.want)
					}
					return
				}
			}
			t.Error("it is not found")
		})
	}
	t.Run("a key id stands where its secret is", func(t *testing.T) {
		for _, match := range scan(t, "first key: "+pair.ID+"\n"+strings.Repeat("\n", 50)+"client_id = "+pair.ID+"\nsecret = "+pair.Secret+"\n"+other.ID) {
			if match.Rule == detect.RuleAccessKeyID && match.Line > 50 && match.Line < 54 && match.Excerpt != "client_id = "+id {
				t.Errorf("line %d shows %q", match.Line, match.Excerpt)
			}
		}
	})
}

// Whatever stands around a secret, an excerpt holds nothing of it but known names and signs.
func TestExcerptsHoldNoOtherSecret(t *testing.T) {
	pair := newPair(t)
	session, password, number := planted.SessionToken(300), planted.GitPassword(), planted.Account()
	values := map[string]string{"id": pair.ID, "secret": pair.Secret, "token": session[16:], "password": password, "number": number}
	line := "key=" + pair.ID + "," + pair.Secret + " " + session + ";bob-at-" + number + ":" + password + "|" + number
	wide := "key = " + pair.ID + " " + pair.Secret + " " + password
	lines := strings.Join(strings.Split(line, ","), ",\n  ")
	for name, content := range map[string]string{
		"one line": line, "reversed": line + line, "quoted": `{"a":"` + line + `"}`, "several lines": lines, "in base64": base64.StdEncoding.EncodeToString([]byte(line)),
		"UTF-16": string([]byte{0xff, 0xfe}) + encoded(binary.LittleEndian, wide), "UTF-16 without its mark": encoded(binary.BigEndian, wide),
		"broken by a mail": "token=" + joinedEvery(session, 70, "=\n") + " " + password + " " + pair.ID + "\n",
	} {
		matches := scan(t, content)
		if len(matches) == 0 {
			t.Errorf("%s: nothing is found", name)
		}
		for _, match := range matches {
			if leaked := secretsIn(match.Excerpt, values); len(leaked) > 0 {
				t.Errorf("%s: %s shows %v: %q", name, match.Rule, leaked, match.Excerpt)
			}
			if strings.Contains(match.Excerpt, "\n") || strings.Contains(match.Excerpt, "\x00") || strings.Contains(match.Excerpt, "\x1b") {
				t.Errorf("%s: %q", name, match.Excerpt)
			}
		}
	}
	inName, err := newDetector(t).ScanPath(t.Context(), "keys/"+pair.ID+"/"+password)
	if err != nil || len(inName) == 0 || inName[0].Excerpt != "" {
		t.Errorf("of a path: %+v, error %v", inName, err)
	}
}
