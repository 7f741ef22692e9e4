package detect_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/planted"
)

func gzipped(text string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write([]byte(text)); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.String()
}

// joinedEvery puts a separator behind every n bytes.
func joinedEvery(text string, n int, separator string) string {
	var parts []string
	for part := range slices.Chunk([]byte(text), n) {
		parts = append(parts, string(part))
	}
	return strings.Join(parts, separator)
}

func TestLeaksAsTheyHappen(t *testing.T) {
	const id, secret, token, git, account = detect.RuleAccessKeyID, detect.RuleSecretAccessKey, detect.RuleSessionToken, detect.RuleGitCredential, detect.RuleAccount
	pair := newPair(t)
	lines := strings.Repeat("what else one wrote down that day\n", 400)
	session, password := planted.SessionToken(500), planted.GitPassword()
	number := planted.Account()
	keys := "aws_access_key_id=" + pair.ID + "\naws_secret_access_key=" + pair.Secret + "\n"
	for _, row := range []struct {
		name, content string
		want          []string
	}{
		{"a mail that breaks the secret", "the key " + pair.ID + " and the secret is " + pair.Secret[:9] + "=\n" + pair.Secret[9:] + " - thanks\n", []string{id, secret}},
		{"a mail of Windows that breaks the id", "key " + pair.ID[:12] + "=\r\n" + pair.ID[12:] + "\r\nsecret=3D" + pair.Secret + "\r\n", []string{id, secret}},
		{"a mail with a token over several lines", "AWS_SESSION_TOKEN=3D" + joinedEvery(session, 70, "=\n") + "\n", []string{token}},
		{"a token before another assignment", "TOKEN=" + session + "\nformat=json\n", []string{token}},
		{"a token in the parts of a string", "String token =\n" + strings.Join(strings.Split("    \""+joinedEvery(session, 50, "\n")+"\"", "\n"), "\" +\n    \"") + ";\n", []string{token}},
		{"parts of a string that begin with a plus", "token = (\n    \"" + joinedEvery("IQoJb3JpZ2luX2Vj"+strings.Repeat("aB3x/Zk9Qw", 3)+strings.Repeat("+Yt5dRe7Lm", 40), 46, "\"\n    \"") + "\")\n", []string{token}},
		{"a token folded in YAML", "token: >-\n  " + joinedEvery(session, 40, "\n  ") + "\nother: x\n", []string{token}},
		{"a row of a database", "\x00\x175]" + pair.ID + pair.Secret, []string{id, secret}},
		{"a row of a database behind a name", "\x00\x17deploy" + pair.ID + pair.Secret + "2026-01-15", []string{id, secret}},
		{"gzip in base64", `user_data = "` + base64Of(gzipped(keys)) + `"`, []string{id, secret}},
		{"UTF-16 without its mark, little endian", encoded(binary.LittleEndian, keys), []string{id, secret}},
		{"UTF-16 without its mark, big endian", encoded(binary.BigEndian, keys), []string{id, secret}},
		{"a Git password far below its user in the environment of a container", "- name: GIT_USER\n  value: dev-at-" + number + "\n" + lines + "- name: GIT_PASSWORD\n  value: " + password + "\n", []string{account, git}},
		{"a Git password far below its user in XML", "<name>git.user</name>\n<value>dev-at-" + number + "</value>\n" + lines + "<name>git.password</name>\n<value>" + password + "</value>\n", []string{account, git}},
		{"a digest far below a user", "- name: GIT_USER\n  value: dev-at-" + number + "\n" + lines + "- name: IMAGE_DIGEST\n  value: " + password + "\n", []string{account}},
		{"a Git password far below its user", "user: dev-at-" + number + "\n" + lines + "password: " + password + "\n", []string{account, git}},
		{"a Git password far above its user", "password: " + password + "\n" + lines + "user: dev-at-" + number + "\n", []string{git, account}},
		{"a Git password without its user", "CODECOMMIT_PASSWORD=" + password + "\n", []string{git}},
		{"a password of something else", "password: " + password + "\n", nil},
		{"a digest far from a Git user", "user: dev-at-" + number + "\n" + lines + "sha256: " + password + "\n", []string{account}},
		{"a constant of a class", `public class A { private static final String SECRET = "` + withoutSigns() + `"; }`, []string{secret}},
		{"an output of Terraform", "output \"secret\" {\n  value = \"" + withoutSigns() + "\"\n}\n", []string{secret}},
		{"a parameter of CloudFormation", "  AwsSecret:\n    Type: String\n    Default: " + withoutSigns() + "\n", []string{secret}},
		{"a value of nothing that is secret", "output \"build\" {\n  value = \"" + withoutSigns() + "\"\n}\n", nil},
		{"a list of accounts", "  allowed_account_ids = [\n    \"" + number + "\",\n  ]\n", []string{account}},
		{"the principals of a policy", `{"Principal":{"AWS":["` + number + `"]}}`, []string{account}},
		{"accounts with their names", "aws_accounts:\n  - id: \"" + number + "\"\n    name: production\n", []string{account}},
		{"a sentence", "Our AWS account is " + number[:4] + "-" + number[4:8] + "-" + number[8:] + " (production).\n", []string{account}},
		{"the account of the CDK", "CDK_DEFAULT_ACCOUNT=" + number + "\n", []string{account}},
		{"an account in code for AWS", "import boto3\n\nACCOUNT = \"" + number + "\"\n", []string{account}},
		{"an account of a bank", "iban:\n  account: " + number + "\n", nil},
		{"numbers in a list of orders", "orders: [\n  " + number + ",\n]\n", nil},
		{"a sentence about another number", "The order of the account team is " + number + ".\n", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			var got []string
			for _, m := range scan(t, row.content) {
				got = append(got, m.Rule)
			}
			slices.Sort(got)
			slices.Sort(row.want)
			if !slices.Equal(got, row.want) {
				t.Errorf("got %v, want %v", got, row.want)
			}
		})
	}
}

// withoutSigns returns a secret of letters and digits alone, which only its name tells.
func withoutSigns() string {
	for {
		if secret := planted.Secret(); !strings.ContainsAny(secret, "+/") {
			return secret
		}
	}
}
