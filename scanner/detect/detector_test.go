package detect_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/detect"
	"github.com/scanjob-dev/scanjob/scanner/planted"
)

// found is a match in short: what the rows of the tables compare.
type found struct {
	rule     string
	line     int
	severity contract.Severity
}

func newDetector(t *testing.T) *detect.Detector {
	t.Helper()
	detector, err := detect.New()
	if err != nil {
		t.Fatal(err)
	}
	return detector
}

func scan(t *testing.T, content string) []detect.Match {
	t.Helper()
	return scanWith(t, newDetector(t), content)
}

func scanWith(t *testing.T, detector *detect.Detector, content string) []detect.Match {
	t.Helper()
	matches, err := detector.Scan(t.Context(), strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return matches
}

func short(matches []detect.Match) []found {
	var out []found
	for _, m := range matches {
		out = append(out, found{m.Rule, m.Line, m.Severity})
	}
	return out
}

// newPair returns a pair whose secret has letters and digits alone, as every fourth has: without a name and without an id
// beside it, nothing tells it from other identifiers.
func newPair(t *testing.T) planted.KeyPair {
	t.Helper()
	pair, err := planted.NewKeyPair(planted.Account())
	if err != nil {
		t.Fatal(err)
	}
	for strings.ContainsAny(pair.Secret, "+/") {
		pair.Secret = planted.Secret()
	}
	return pair
}

// withSigns returns a secret that has one of base64's signs.
func withSigns() string {
	for {
		if secret := planted.Secret(); strings.ContainsAny(secret[1:39], "+/") {
			return secret
		}
	}
}

func pairAt(idLine, secretLine int) []found {
	id := found{detect.RuleAccessKeyID, idLine, contract.SeverityCritical}
	secret := found{detect.RuleSecretAccessKey, secretLine, contract.SeverityCritical}
	if secretLine < idLine {
		return []found{secret, id}
	}
	return []found{id, secret}
}

func TestKeyPairs(t *testing.T) {
	pair := newPair(t)
	fill := strings.NewReplacer("{id}", pair.ID, "{secret}", pair.Secret)
	escapedURL := strings.NewReplacer("/", "%2F", "+", "%2B")
	rows := []struct {
		name    string
		content string
		want    []found
	}{
		{"a credentials file", "[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n", pairAt(2, 3)},
		{"environment variables", "export AWS_ACCESS_KEY_ID={id}\nexport AWS_SECRET_ACCESS_KEY={secret}", pairAt(1, 2)},
		{"a bare pair", "{id} {secret}\n", pairAt(1, 1)},
		{"a bare pair, the secret first", "{secret}\n{id}\n", pairAt(2, 1)},
		{"arguments of a Go constructor", `credentials.NewStaticCredentials("{id}", "{secret}", "")`, pairAt(1, 1)},
		{"arguments of a Java constructor over two lines", "new BasicAWSCredentials(\"{id}\",\n    \"{secret}\")", pairAt(1, 2)},
		{"arguments of a Ruby constructor", `Aws::Credentials.new('{id}', '{secret}')`, pairAt(1, 1)},
		{"the CSV file of the console", "User name,Access key ID,Secret access key\r\nbob,{id},{secret}\r\n", pairAt(2, 2)},
		{"Hadoop XML", "<name>fs.s3a.access.key</name>\n<value>{id}</value>\n<name>fs.s3a.secret.key</name>\n<value>{secret}</value>", pairAt(2, 4)},
		{"a notebook cell", `"source": ["key = '{id}'\n", "secret = '{secret}'\n"]`, pairAt(1, 1)},
		{"escaped JSON", `{"config": "{\"key\":\"{id}\",\"secret\":\"{secret}\"}"}`, pairAt(1, 1)},
		{"escaped line ends in JSON", `"[default]\n{id}\n{secret}\n"`, pairAt(1, 1)},
		{"aws configure set", "aws configure set aws_access_key_id {id}\naws configure set aws_secret_access_key {secret}", pairAt(1, 2)},
		{"an s3n URL", "s3n://{id}:{secret}@bucket/path", pairAt(1, 1)},
		{"400 lines between id and secret", "{id}" + strings.Repeat("\nx = 1", 400) + "\n{secret}\n", pairAt(1, 402)},
		{"bytes that are no text around", "\x00\x01{id}\x00\xff{secret}\x00\x02", pairAt(1, 1)},
		{"a line of 9 MB before", strings.Repeat("x ", 9<<19) + "\n{id}\n{secret}", pairAt(2, 3)},
		{"Windows line ends", "id: {id}\r\nsecret: {secret}\r\n", pairAt(1, 2)},
		{"the secret by its name alone", "aws_secret_access_key: {secret}", []found{{detect.RuleSecretAccessKey, 1, contract.SeverityHigh}}},
		{"the secret by the name in the line above", "- name: AWS_SECRET_ACCESS_KEY\n  value: {secret}", []found{{detect.RuleSecretAccessKey, 2, contract.SeverityHigh}}},
		{"the secret by a camel-case name", `"SecretAccessKey": "{secret}"`, []found{{detect.RuleSecretAccessKey, 1, contract.SeverityHigh}}},
		{"the secret by an S3 name", "s3.secret-key={secret}", []found{{detect.RuleSecretAccessKey, 1, contract.SeverityHigh}}},
		{"the id alone", "key: {id}", []found{{detect.RuleAccessKeyID, 1, contract.SeverityHigh}}},
		{"the id in a presigned URL", "https://b.s3.amazonaws.com/o?X-Amz-Credential={id}%2F20260101%2Fus-east-1", []found{{detect.RuleAccessKeyID, 1, contract.SeverityHigh}}},
		{"the id after an escape in a URL", "https://h/?k%3D{id}", []found{{detect.RuleAccessKeyID, 1, contract.SeverityHigh}}},
		{"the same pair three times is one", strings.Repeat("{id} {secret}\n", 3), pairAt(1, 1)},
		{"more lines between than a pair may have", "{id}" + strings.Repeat("\n", 1500) + "{secret}", []found{{detect.RuleAccessKeyID, 1, contract.SeverityHigh}}},
		{"a secret without name or id", "token: {secret}", nil},
		{"a secret within a longer base64 text", "{id}\nQUJD{secret}QUJD", []found{{detect.RuleAccessKeyID, 1, contract.SeverityHigh}}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got := short(scan(t, fill.Replace(row.content)))
			if fmt.Sprint(got) != fmt.Sprint(row.want) {
				t.Errorf("got %v, want %v", got, row.want)
			}
		})
	}
	t.Run("a secret that is escaped in a URL keeps the id found", func(t *testing.T) {
		got := scan(t, "https://"+pair.ID+":"+escapedURL.Replace(pair.Secret)+"@host")
		if len(got) == 0 || got[0].Rule != detect.RuleAccessKeyID {
			t.Errorf("got %v", short(got))
		}
	})
}

func TestKeyIDs(t *testing.T) {
	id := func(prefix string) string {
		value, err := planted.KeyID(prefix, planted.Account())
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	long := id("AKIA")
	rows := []struct {
		name    string
		content string
		want    contract.Severity // empty: nothing
	}{
		{"a long-term key", long, contract.SeverityHigh},
		{"a temporary key", id("ASIA"), contract.SeverityMedium},
		{"a bearer token's id", id("ABIA"), contract.SeverityMedium},
		{"a context-specific key", id("ACCA"), contract.SeverityMedium},
		{"a key of the old form, whose account cannot be told", "AKIA" + "J" + long[5:], contract.SeverityHigh},
		{"a user's unique id is no key", "AIDA" + long[4:], ""},
		{"a role's unique id is no key", "AROA" + long[4:], ""},
		{"a letter before it", "x" + long, ""},
		{"one more letter after it", long + "A", ""},
		{"a digit outside the alphabet", long[:19] + "1", ""},
		{"a fifth character that no key has", "AKIA" + "B" + long[5:], ""},
		{"an account of thirteen digits", "AKIA" + "7777777777777777", ""},
		{"the documentation's first example", "AKIA" + "IOSFODNN7EXAMPLE", ""},
		{"the documentation's second example", "AKIA" + "I44QH8DHBEXAMPLE", ""},
		{"a word that begins like a key", "AKIA" + "SECONDARYKEYNAMES", ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got := scan(t, "key = \""+row.content+"\"")
			switch {
			case row.want == "" && len(got) != 0:
				t.Errorf("got %v, want nothing", short(got))
			case row.want != "" && (len(got) != 1 || got[0].Severity != row.want):
				t.Errorf("got %v, want one of severity %s", short(got), row.want)
			}
		})
	}
}

func TestDecodeAccount(t *testing.T) {
	account, valid := detect.DecodeAccount("ASIA" + "Y34FZKBOKMUTVV7A")
	if account != "609629065308" || !valid {
		t.Errorf("got %q %v, want the published check value 609629065308", account, valid)
	}
	for range 100 {
		want := planted.Account()
		id, err := planted.KeyID("AKIA", want)
		if err != nil {
			t.Fatal(err)
		}
		if got, valid := detect.DecodeAccount(id); got != want || !valid {
			t.Fatalf("%s decodes to %q %v, want %s", id, got, valid, want)
		}
	}
}

func TestSecretsThatAreNone(t *testing.T) {
	pair := newPair(t)
	rows := []struct{ name, value string }{
		{"a commit id", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
		{"a commit id in capitals", "DA39A3EE5E6B4B0D3255BFEF95601890AFD80709"},
		{"an identifier", "CreateInstanceProfileRequestMarshallerV2"},
		{"a path", "src/main/java/org/apache/hadoop/fs/s3a1A"},
		{"a placeholder", strings.Repeat("xX1/", 10)},
		{"the documentation's example", "wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + "EXAMPLEKEY"},
		{"the documentation's example with a plus sign", "wJalrXUtnFEMI/K7MDENG+bPxRfiCY" + "EXAMPLEKEY"},
		{"lower-case letters and digits", "4hqx7m2k9v3w8z5c1b6n0jtrsdfgpylaeu4hqx7m"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got := scan(t, pair.ID+"\naws_secret_access_key = "+row.value+"\n")
			if len(got) != 1 || got[0].Rule != detect.RuleAccessKeyID || got[0].Severity != contract.SeverityHigh {
				t.Errorf("got %v, want the key id alone", short(got))
			}
		})
	}
}

func TestSessionTokens(t *testing.T) {
	body := planted.SessionToken(600)[len("IQoJb3JpZ2luX2Vj"):]
	rows := []struct {
		name, content string
		want          int
	}{
		{"today's opening", "aws_session_token = IQoJ" + "b3JpZ2luX2Vj" + body, 1},
		{"the opening FwoGZXIvYXdz", "token: FwoGZXIvYXdz" + body, 1},
		{"the opening FQoGZXIvYXdz", "token: FQoGZXIvYXdz" + body, 1},
		{"the opening AgoJb3JpZ2luX2Vj", "token: AgoJ" + "b3JpZ2luX2Vj" + body, 1},
		{"the opening AgoGb3JpZ2lu", "token: AgoG" + "b3JpZ2lu" + body, 1},
		{"the opening AQoDYXdz", "token: AQoDYXdz" + body, 1},
		{"the opening FQoDYXdz", "token: FQoDYXdz" + body, 1},
		{"in a presigned URL", "https://h/?X-Amz-Security-Token=IQoJ" + "b3JpZ2luX2Vj" + strings.ReplaceAll(body, "/", "%2F") + "&X-Amz-Date=1", 1},
		{"the opening alone", "a token begins with IQoJb3JpZ2luX2Vj", 0},
		{"the shortened one of the documentation", "AQoDYXdzEJr...<remainder of security token>", 0},
		{"an example of the documentation", "AQoDYXdz" + strings.Repeat("qY9", 60) + "EXAMPLE" + strings.Repeat("b4Z", 30), 0},
		{"the opening within another text", "xIQoJb3JpZ2luX2Vj" + body, 0},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got := scan(t, row.content)
			if len(got) != row.want {
				t.Fatalf("got %v, want %d", short(got), row.want)
			}
			if row.want > 0 && got[0].Rule != detect.RuleSessionToken {
				t.Errorf("got %v", short(got))
			}
		})
	}
}

func TestAccounts(t *testing.T) {
	account := planted.Account()
	grouped := account[:4] + "-" + account[4:8] + "-" + account[8:]
	fill := strings.NewReplacer("{a}", account, "{g}", grouped)
	rows := []struct {
		name, content string
		want          bool
	}{
		{"an ARN", "arn:aws:iam::{a}:role/admin", true},
		{"an ARN of China", `"arn:aws-cn:s3:cn-north-1:{a}:bucket"`, true},
		{"an ARN of GovCloud", "arn:aws-us-gov:sns:us-gov-west-1:{a}:topic", true},
		{"an ARN of an isolated partition", "arn:aws-iso:sns:us-iso-east-1:{a}:topic", true},
		{"a registry", "image: {a}.dkr.ecr.us-east-1.amazonaws.com/app:1", true},
		{"a queue", "https://sqs.us-east-1.amazonaws.com/{a}/inbox", true},
		{"a sign-in page", "https://{a}.signin.aws.amazon.com/console", true},
		{"a CDK bucket", "cdk-hnb659fds-assets-{a}-us-east-1", true},
		{"a Git user name", "bob-at-{a}", true},
		{"a key account_id", `account_id = "{a}"`, true},
		{"a key accountId in JSON", `{"accountId": "{a}"}`, true},
		{"an environment variable", "AWS_ACCOUNT_ID={a}", true},
		{"an element", "<AccountId>{a}</AccountId>", true},
		{"a key in escaped JSON", `{\"ownerId\": \"{a}\"}`, true},
		{"two words", "Account ID: {a}", true},
		{"the console's form", "Account ID: {g}", true},
		{"the second of a list of owners", `owners = ["111122223333", "{a}"]`, true},
		{"AWS account in prose", "in our AWS account {a} there is", true},
		{"a filter", "Name=owner-id,Values={a}", true},
		{"XML with a key and a value", `<add key="AwsAccountId" value="{a}" />`, true},
		{"Hadoop XML", "<name>aws.account.id</name>\n  <value>{a}</value>", true},
		{"a container's environment", "- name: AWS_ACCOUNT_ID\n  value: \"{a}\"", true},
		{"TypeScript", `const awsAccount: string = '{g}';`, true},
		{"a value of another key", `<add key="OrderId" value="{a}" />`, false},
		{"twelve digits alone", "{a}", false},
		{"a timestamp", "created: 202611231530", false},
		{"an order number", "order_id = {a}", false},
		{"a bank account", "account: {a}", false},
		{"the node of a UUID", "accountId: 6f1c0b9a-1234-4abc-8def-{a}", false},
		{"a piece of a checksum", "account_id=sha256:ab{a}cd", false},
		{"thirteen digits", "account_id = 1{a}", false},
		{"a card number", "account number 1234-5678-9012-3456", false},
		{"an ARN without an account", "arn:aws:s3:::bucket", false},
		{"the number in a later part of an ARN", "arn:aws:s3:::bucket/{a}", false},
		{"the documentation's account", "arn:aws:iam::123456789012:root", false},
		{"another of the documentation", "account_id = 111122223333", false},
		{"the example of the ECS documentation", "arn:aws:ecs:us-west-2:012345678910:cluster/default", false},
		{"one digit repeated", "account_id = 999999999999", false},
		{"a public owner of images", `owners = ["099720109477"]`, false},
		{"the documentation's account in groups", "Account ID: 1234-5678-9012", false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got := scan(t, fill.Replace(row.content))
			if !row.want {
				if len(got) != 0 {
					t.Errorf("got %v, want nothing", short(got))
				}
				return
			}
			want := fmt.Sprint([]found{{detect.RuleAccount, 1 + strings.Count(row.content, "\n"), contract.SeverityLow}})
			if fmt.Sprint(short(got)) != want {
				t.Errorf("got %v, want %s", short(got), want)
			}
		})
	}
}

func TestGitCredentials(t *testing.T) {
	account, password := planted.Account(), planted.GitPassword()
	fill := strings.NewReplacer("{u}", "bob.smith+1-at-"+account, "{p}", password,
		"{e}", strings.NewReplacer("/", "%2F", "+", "%2B", "=", "%3D").Replace(password))
	rows := []struct {
		name, content string
		want          bool
	}{
		{"the CSV file of the console", "User Name,Password\n{u},{p}\n", true},
		{"a URL with an escaped password", "https://{u}:{e}@git-codecommit.us-east-1.amazonaws.com/v1/repos/x", true},
		{"a netrc file", "machine git-codecommit.us-east-1.amazonaws.com\nlogin {u}\npassword {p}", true},
		{"variables", "GIT_USER={u}\nGIT_PASSWORD={p}\n", true},
		{"the password first", "password: {p}\nuser: {u}\n", true},
		{"the user name alone", "user: {u}", false},
		{"a password far away", "{u}" + strings.Repeat("\n# nothing", 100) + "\n{p}", false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			count := 0
			for _, m := range scan(t, fill.Replace(row.content)) {
				if m.Rule == detect.RuleGitCredential {
					count++
					if m.Severity != contract.SeverityCritical {
						t.Errorf("severity %s", m.Severity)
					}
				}
			}
			if (count == 1) != row.want {
				t.Errorf("found %d, want found: %v", count, row.want)
			}
		})
	}
}

func TestShortReads(t *testing.T) {
	pair, detector := newPair(t), newDetector(t)
	matches, err := detector.Scan(t.Context(), iotest.OneByteReader(strings.NewReader(pair.ID+"\n"+pair.Secret)))
	if err != nil || len(matches) != 2 {
		t.Fatalf("got %v, %v", short(matches), err)
	}
	broken := errors.New("broken pack")
	if _, err := detector.Scan(t.Context(), iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("got %v, want the reader's error", err)
	}
}

func TestTooManyMatches(t *testing.T) {
	var content strings.Builder
	for i := range detect.MaxMatches + 10 {
		fmt.Fprintf(&content, "account_id = %012d\n", 200_000_000_000+i)
	}
	matches := scan(t, content.String())
	if len(matches) != detect.MaxMatches+1 {
		t.Fatalf("got %d matches", len(matches))
	}
	if last := matches[len(matches)-1]; last.Rule != contract.RuleNotScanned {
		t.Errorf("the last match is %v, want %s", last, contract.RuleNotScanned)
	}
}

func BenchmarkScan(b *testing.B) {
	detector, err := detect.New()
	if err != nil {
		b.Fatal(err)
	}
	line := "func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error { return ctrl.NewControllerManagedBy(mgr).For(&v1.Job{}) } // 2026\n"
	content := strings.Repeat(line, (32<<20)/len(line))
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		if _, err := detector.Scan(b.Context(), strings.NewReader(content)); err != nil {
			b.Fatal(err)
		}
	}
}
