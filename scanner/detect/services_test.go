package detect_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/planted"
)

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // It never fails.
	return b
}

// randomOf is a text of so many characters of an alphabet.
func randomOf(alphabet string, n int) string {
	var out strings.Builder
	for _, b := range randomBytes(n) {
		out.WriteByte(alphabet[int(b)%len(alphabet)])
	}
	return out.String()
}

const base36 = "abcdefghijklmnopqrstuvwxyz0123456789"

func base64Of(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func smtpPassword(version byte) string {
	return base64.StdEncoding.EncodeToString(append([]byte{version}, randomBytes(32)...))
}

func uuid() string {
	h := hex.EncodeToString(randomBytes(16))
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// signed is a URL of S3 that is signed with a key.
func signed(id string) string {
	return "https://bucket.s3.amazonaws.com/object?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" + id +
		"%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20260101T000000Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Signature=" +
		hex.EncodeToString(randomBytes(32))
}

func rulesOf(matches []detect.Match) string {
	var rules []string
	for _, m := range matches {
		rules = append(rules, m.Rule)
	}
	return strings.Join(rules, " ")
}

func TestSecretsOfServices(t *testing.T) {
	account := planted.Account()
	key, err := planted.KeyID("ASIA", account)
	if err != nil {
		t.Fatal(err)
	}
	example := "AKIAIOSFODNN7" + "EXAMPLE"
	bedrock := "ABSK" + base64Of("BedrockAPIKey-x1y2-at-"+account+":"+planted.Secret()+planted.Secret())
	password := "AWS:" + base64Of(`{"payload":"`+planted.SessionToken(900))
	jwe := "eyJ" + randomOf(base36+"ABCDEF", 90) + ".." + randomOf(base36, 16) + "." + randomOf(base36, 300) + "." + randomOf(base36, 22)
	mail := smtpPassword(4)
	client := randomOf(base36, 52)
	for name, test := range map[string]struct {
		content string
		want    string
	}{
		"a long-term key of Bedrock":                   {"AWS_BEARER_TOKEN_BEDROCK=" + bedrock, detect.RuleBedrockKey},
		"a short-term key of Bedrock":                  {"export AWS_BEARER_TOKEN_BEDROCK='bedrock-api-key-" + base64Of(signed(example)) + "'", detect.RuleBedrockKey},
		"a word with the same opening":                 {"ABSKabc ABSK" + strings.Repeat("A", 150), ""},
		"a token of MWS":                               {"token: amzn.mws." + uuid(), detect.RuleMWSToken},
		"an empty token of MWS":                        {"token: amzn.mws.00000000-0000-0000-0000-000000000000", ""},
		"a key of AppSync":                             {`"apiKey": "da2-` + randomOf(base36, 24) + `7x"`, detect.RuleAppSyncKey},
		"a name that holds its opening":                {"formula-da2-" + randomOf(base36, 24) + "7x da2-short da2-" + strings.Repeat("x", 26), ""},
		"an SMTP password":                             {"host: email-smtp.us-east-1.amazonaws.com\nuser: x\npassword: " + mail, detect.RuleSMTPPassword},
		"an SMTP password of the older algorithm":      {"SMTP_PASSWORD=" + smtpPassword(2), detect.RuleSMTPPassword},
		"the same where nothing speaks of mail":        {"value: " + mail, ""},
		"44 characters of another kind beside a host":  {"host: email-smtp.us-east-1.amazonaws.com\nsum: " + smtpPassword(0x77), ""},
		"a piece of a longer text":                     {"smtp: " + mail + mail, ""},
		"a client secret of Cognito":                   {"COGNITO_CLIENT_ID=x\nCOGNITO_CLIENT_SECRET=" + client, detect.RuleCognitoSecret},
		"a client secret of somebody else":             {"GITHUB_CLIENT_SECRET=" + client, ""},
		"the opening of docker's config":               {`{"auths":{"x":{"auth":"` + base64Of(password) + `"}}}`, detect.RuleECRToken},
		"docker login with a password":                 {"docker login -u AWS -p " + base64Of(`{"payload":"`+planted.SessionToken(900)+`"}`), detect.RuleECRToken},
		"a token of CodeArtifact in npmrc":             {"//d-1.d.codeartifact.us-east-1.amazonaws.com/npm/r/:_authToken=" + jwe, detect.RuleCodeArtifactToken},
		"a token of CodeArtifact by its opening":       {"token=" + base64Of(`{"ver":1,"isu":1700000000,"enc":"A128GCM"`)[:40] + jwe[3:], detect.RuleCodeArtifactToken},
		"a token in parts of somebody else":            {"token=" + jwe, ""},
		"a presigned URL":                              {signed(key), detect.RuleAccessKeyID + " " + detect.RulePresignedURL},
		"a presigned URL in HTML":                      {strings.ReplaceAll(signed(key), "&", "&amp;"), detect.RuleAccessKeyID + " " + detect.RulePresignedURL},
		"a presigned URL in JSON":                      {strings.ReplaceAll(signed(key), "&", `\u0026`), detect.RuleAccessKeyID + " " + detect.RulePresignedURL},
		"a presigned URL of the documentation":         {signed(example), ""},
		"a token of RDS":                               {"db.x.us-east-1.rds.amazonaws.com:3306/?Action=connect&DBUser=u" + strings.Split(signed(key), "?")[1], detect.RuleAccessKeyID + " " + detect.RuleRDSToken},
		"a URL of the older kind":                      {"https://b.s3.amazonaws.com/o?AWSAccessKeyId=" + key + "&Signature=" + strings.ReplaceAll(base64.StdEncoding.EncodeToString(randomBytes(20)), "+", "%2B") + "&Expires=1767225600", detect.RuleAccessKeyID + " " + detect.RulePresignedURL},
		"a URL of the older kind of the documentation": {"https://b.s3.amazonaws.com/o?AWSAccessKeyId=" + example + "&Signature=" + base64.StdEncoding.EncodeToString(randomBytes(20)) + "&Expires=1767225600", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for place, content := range map[string]string{
				"alone": test.content, "over the border of a window": strings.Repeat("x ", (1<<20-200)/2) + test.content, "behind a byte that is no text": "\x00\xff" + test.content + "\x00",
			} {
				if got := rulesOf(scan(t, content)); got != test.want {
					t.Errorf("%s: %q, want %q", place, got, test.want)
				}
			}
		})
	}
}

func TestSecretsOfServicesAreMasked(t *testing.T) {
	key, err := planted.KeyID("ASIA", planted.Account())
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"da2-" + randomOf(base36, 24) + "7x", "amzn.mws." + uuid(), "smtp " + smtpPassword(4), signed(key)} {
		for _, m := range scan(t, secret) {
			if text := fmt.Sprintf("%+v", m); strings.Contains(text, secret[len(secret)-12:]) {
				t.Errorf("%s holds the secret: %s", m.Rule, text)
			}
		}
	}
}
