package detect_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/detect"
)

// wrap breaks the text into lines of n bytes.
func wrap(text string, n int, indent string) string {
	var out strings.Builder
	for len(text) > n {
		out.WriteString(indent + text[:n] + "\n")
		text = text[n:]
	}
	return out.String() + indent + text + "\n"
}

// percent escapes every byte as URLs may.
func percent(text string) string {
	var out strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&out, "%%%02X", text[i])
	}
	return out.String()
}

func replaceEach(text, format string) string {
	var out strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&out, format, text[i])
	}
	return out.String()
}

func twoBytes(text string) string {
	var out strings.Builder
	for _, unit := range utf16.Encode([]rune(text)) {
		out.WriteByte(byte(unit))
		out.WriteByte(byte(unit >> 8))
	}
	return out.String()
}

func TestEncodedSecretsAreFoundWhereTheyStand(t *testing.T) {
	pair := newPair(t)
	secret := withSigns()
	file := "[default]\naws_access_key_id = " + pair.ID + "\naws_secret_access_key = " + secret + "\nregion = eu-central-1\n"
	b64 := base64.StdEncoding.EncodeToString
	for _, row := range []struct{ name, content string }{
		{"both values in base64", "id: " + b64([]byte(pair.ID)) + "\nkey: " + b64([]byte(secret)) + "\n"},
		{"a file in base64", "data:\n  credentials: " + b64([]byte(file)) + "\n"},
		{"a file in base64 over several lines", "data:\n  credentials: |\n" + wrap(b64([]byte(file)), 64, "    ")},
		{"a file in base64 for URLs", "x=" + base64.RawURLEncoding.EncodeToString([]byte(file))},
		{"base64 in base64", "x: " + b64([]byte("y: "+b64([]byte(file))))},
		{"base64 of two bytes a letter", "powershell -EncodedCommand " + b64([]byte(twoBytes(file)))},
		{"hexadecimal", "id = " + hex.EncodeToString([]byte(pair.ID)) + "\nkey = " + strings.ToUpper(hex.EncodeToString([]byte(secret)))},
		{"a URL's escapes", "s3n://" + percent(pair.ID) + ":" + percent(secret) + "@bucket/x"},
		{"a URL with the signs escaped", "s3n://" + pair.ID + ":" + strings.NewReplacer("/", "%2F", "+", "%2B").Replace(secret) + "@bucket/x"},
		{"JSON's escapes", `{"id": "` + replaceEach(pair.ID, `\u%04x`) + `", "key": "` + replaceEach(secret, `\u%04X`) + `"}`},
		{"JSON with escaped signs", `{"id": "` + pair.ID + `", "key": "` + strings.NewReplacer("/", `\/`, "+", `\u002b`).Replace(secret) + `"}`},
		{"escapes of source code", `id = "` + replaceEach(pair.ID, `\x%02x`) + `"; key = "` + replaceEach(secret, `\x%02x`) + `"`},
		{"HTML's entities", "<td>" + pair.ID + "</td><td>" + strings.NewReplacer("/", "&#x2F;", "+", "&#43;").Replace(secret) + "</td>"},
		{"base64 with the padding escaped", "x=" + strings.ReplaceAll(b64([]byte(file)), "=", "%3D")},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := scan(t, row.content)
			seen := map[string]int{}
			for _, m := range got {
				seen[m.Rule] = m.Line
			}
			if len(got) != 2 || seen[detect.RuleAccessKeyID] == 0 || seen[detect.RuleSecretAccessKey] == 0 {
				t.Errorf("got %v, want the id and its secret", short(got))
			}
			for _, m := range got {
				if text := fmt.Sprintf("%+v", m); strings.Contains(text, secret[6:]) || strings.Contains(text, pair.ID[6:]) {
					t.Errorf("%s is shown: %s", m.Rule, text)
				}
			}
		})
	}
}

func TestDecodingEnds(t *testing.T) {
	pair := newPair(t)
	text := "key: " + pair.ID
	for range detect.DefaultDepth + 1 {
		text = "x: " + base64.StdEncoding.EncodeToString([]byte(text))
	}
	if got := scan(t, text); len(got) != 1 || got[0].Rule != contract.RuleNotScanned {
		t.Errorf("got %v behind more encodings than are undone", short(got))
	}
}

func TestLongLineOfBase64IsDecodedToItsEnd(t *testing.T) {
	secret := withSigns()
	line := "some words of a long text\n"
	for _, lines := range []int{200, 1000, 30_000, 90_000} {
		text := strings.Repeat(line, lines) + "aws_secret_access_key = " + secret + "\n" + strings.Repeat(line, 20)
		got := scan(t, "x: "+base64.StdEncoding.EncodeToString([]byte(text))+"\n")
		if len(got) != 1 || got[0].Rule != detect.RuleSecretAccessKey || got[0].Line != 1 {
			t.Errorf("behind %d lines: %v", lines, short(got))
		}
	}
}
