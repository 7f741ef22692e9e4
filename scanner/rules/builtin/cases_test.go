package builtin_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/scanjob-dev/scanjob/scanner/rules/sample"
)

func ruleOf(t *testing.T, id string) (rule, []allowlist) {
	t.Helper()
	all, global := read(t)
	i := slices.IndexFunc(all, func(r rule) bool { return r.ID == id })
	if i < 0 {
		t.Fatalf("no rule %s", id)
	}
	return all[i], global
}

func value(t *testing.T, random *rand.Rand, expression string) string {
	t.Helper()
	text, err := sample.Matching(random, expression)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// The texts have VALUE where a random base64 text, HEX where 40 hexadecimal digits, LONGHEX where 64, PASSWORD where 16
// letters and digits and KEYBODY where the lines of a key are put in at run time.
func fill(t *testing.T, random *rand.Rand, text string) string {
	t.Helper()
	var body strings.Builder
	for range 6 {
		body.WriteString(value(t, random, `[A-Za-z0-9+/]{64}`) + "\n")
	}
	digits := func(n int) string { return value(t, random, fmt.Sprintf(`[0-9a-f]{%d}`, n)) }
	uuid := digits(8) + "-" + digits(4) + "-4" + digits(3) + "-a" + digits(3) + "-" + digits(12)
	return strings.NewReplacer(
		"KEYBODY", body.String(), "ESCAPEDBODY", strings.ReplaceAll(body.String(), "\n", `\n`),
		"VALUE", base64.StdEncoding.EncodeToString([]byte(value(t, random, `[A-Za-z0-9]{30}`))),
		"LONGHEX", digits(64), "HEX", digits(40), "PASSWORD", value(t, random, `[A-Za-z]{7}[0-9][a-z0-9]{8}`), "UUID", uuid,
	).Replace(text)
}

func TestRulesWithAContextFindTheirForms(t *testing.T) {
	dashes := strings.Repeat("-", 5)
	for _, c := range []struct{ rule, name, text string }{
		{"private-key", "PKCS#8", dashes + "BEGIN PRIVATE KEY" + dashes + "\nKEYBODY" + dashes + "END PRIVATE KEY" + dashes},
		{"private-key", "of a kind", dashes + "BEGIN RSA PRIVATE KEY" + dashes + "\nKEYBODY" + dashes + "END RSA PRIVATE KEY" + dashes},
		{"private-key", "encrypted, with headers", dashes + "BEGIN EC PRIVATE KEY" + dashes + "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A0B\n\nKEYBODY" + dashes + "END EC PRIVATE KEY" + dashes},
		{"private-key", "OpenSSH, indented", "  key: |\n    " + dashes + "BEGIN OPENSSH PRIVATE KEY" + dashes + "\n    KEYBODY    " + dashes + "END OPENSSH PRIVATE KEY" + dashes},
		{"private-key", "PGP", dashes + "BEGIN PGP PRIVATE KEY BLOCK" + dashes + "\nVersion: 1\n\nKEYBODY=abcd\n" + dashes + "END PGP PRIVATE KEY BLOCK" + dashes},
		{"private-key", "in JSON", `{"private_key": "` + dashes + `BEGIN PRIVATE KEY` + dashes + `\nESCAPEDBODY` + dashes + `END PRIVATE KEY` + dashes + `\n"}`},
		{"putty-private-key", "version 2", "PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none\nComment: x\nPublic-Lines: 6\nKEYBODYPrivate-Lines: 6\nKEYBODY"},
		{"kubernetes-secret-yaml", "kind before data", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\ntype: Opaque\ndata:\n  password: VALUE\n"},
		{"kubernetes-secret-yaml", "data before kind", "apiVersion: v1\ndata:\n  password: VALUE\nkind: Secret\nmetadata:\n  name: db\n"},
		{"kubernetes-secret-yaml", "after another document", "kind: ConfigMap\ndata:\n  a: b\n---\nkind: Secret\nmetadata:\n  name: db\ndata:\n  password: VALUE\n"},
		{"curl-auth-header", "bearer", `curl -s -H "Authorization: Bearer PASSWORD" https://api.test/v1`}, // PASSWORD is replaced, gitleaks:allow
		{"curl-auth-header", "key header, single quotes", `curl --header 'X-Api-Key: PASSWORD' https://api.test/v1`},
		{"curl-auth-header", "over two lines", "curl -X POST https://api.test/v1 \\\n  -H 'Authorization: token PASSWORD'"},
		{"sourcegraph-access-token-assigned", "called by its opening", "| sgp_ key | HEX |"},
		{"curl-auth-user", "short option", `curl -u deploy:PASSWORD https://api.test`},
		{"curl-auth-user", "long option, quoted", `curl --user "deploy:PASSWORD" https://api.test`},
		{"basic-auth-url", "https", "remote = https://deploy:PASSWORD@git.corp.test/app.git"},
		{"database-url", "postgres", "DATABASE_URL=postgres://app:PASSWORD@db.corp.test:5432/app"},
		{"database-url", "mongodb with a list", `uri: "mongodb+srv://app:PASSWORD@a.corp.test,b.corp.test/app"`},
		{"database-url", "redis without a user", "redis://:PASSWORD@cache.corp.test:6379/0"},
		{"jdbc-password", "query", "url=jdbc:postgresql://db.corp.test/app?user=app&password=PASSWORD"},
		{"jdbc-password", "SQL Server", "Server=db.corp.test;Database=app;User Id=app;Password=PASSWORD;"},
		{"netrc-password", "one line", "machine git.corp.test login deploy password PASSWORD"},
		{"pgpass-password", "one host", "# hostname:port:database:username:password\ndb.corp.test:5432:orders:app:PASSWORD\n"},
		{"pgpass-password", "any host", "*:*:*:app:PASSWORD"},
		{"netrc-password", "four lines", "machine git.corp.test\n  login deploy\n  password PASSWORD\n"},
		{"docker-config-auth", "auths", `{"auths": {"registry.corp.test": {"auth": "VALUE"}}}`},
		{"npmrc-auth-token", "npmrc", "//registry.corp.test/:_authToken=PASSWORD"},
		{"generic-api-key", "environment", "export PAYMENTS_API_KEY=PASSWORD"},
		{"generic-api-key", "JSON", `{"clientSecret": "VALUE"}`},
		{"generic-api-key", "64 hexadecimal digits of a secret", "SECRET_KEY_BASE=LONGHEX"},
		{"generic-api-key", "constructor", `new Client(token: "PASSWORD")`},
		{"generic-api-key", "XML", "<password>PASSWORD</password>"},
		{"slack-legacy-token", "with parts of any length", "token: xox" + "s-" + strings.Repeat("3206092", 3) + "-45-3743137121-83c2"},
	} {
		t.Run(c.rule+"/"+c.name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(3, 4))
			r, global := ruleOf(t, c.rule)
			for range 5 {
				text := fill(t, random, c.text)
				if _, ok := finds(t, r, global, text); !ok {
					t.Fatalf("not found in\n%s", text)
				}
			}
		})
	}
}

func TestLookAlikesAreNotReported(t *testing.T) {
	for _, c := range []struct{ rule, name, text string }{
		{"private-key", "words about one", strings.Repeat("-", 5) + "BEGIN PRIVATE KEY" + strings.Repeat("-", 5) + " is how a private key begins. It ends with another line."},
		{"private-key", "public key", strings.Repeat("-", 5) + "BEGIN PUBLIC KEY" + strings.Repeat("-", 5) + "\nKEYBODY" + strings.Repeat("-", 5) + "END PUBLIC KEY" + strings.Repeat("-", 5)},
		{"private-key", "certificate", strings.Repeat("-", 5) + "BEGIN CERTIFICATE" + strings.Repeat("-", 5) + "\nKEYBODY" + strings.Repeat("-", 5) + "END CERTIFICATE" + strings.Repeat("-", 5)},
		{"kubernetes-secret-yaml", "ConfigMap beside a Secret without data", "kind: ConfigMap\ndata:\n  a: VALUE\n---\nkind: Secret\nmetadata:\n  name: db\n"},
		{"kubernetes-secret-yaml", "a template", "kind: Secret\ndata:\n  password: {{ .Values.password | b64enc }}\n"},
		{"basic-auth-url", "placeholder", "https://user:password@example.com/"},
		{"basic-auth-url", "variables", "https://${USER}:${TOKEN}@git.corp.test/"},
		{"basic-auth-url", "port and path", "https://git.corp.test:8443/scm/app@1.2.3"},
		{"database-url", "development default", "postgres://postgres:postgres@localhost:5432/app"},
		{"database-url", "variables", "postgres://app:${PASSWORD}@db.corp.test/app"},
		{"curl-auth-header", "variable", `curl -H "Authorization: Bearer $TOKEN" https://api.test`}, // a placeholder, gitleaks:allow
		{"curl-auth-header", "placeholder", `curl -H "Authorization: Bearer YOUR_API_TOKEN" https://api.test`},
		{"curl-auth-user", "variable", `curl -u "$USER:$TOKEN" https://api.test`},
		{"curl-auth-user", "placeholder", `curl -u user:password https://api.test`},
		{"docker-config-auth", "credential helper", `{"auths": {"registry.corp.test": {}}, "credsStore": "ecr-login"}`},
		{"generic-api-key", "SHA-1 beside key", "cache_key: HEX"},
		{"generic-api-key", "SHA-256 beside key", `"key": "LONGHEX"`},
		{"generic-api-key", "UUID beside key", "api_key_ref: UUID"},
		{"generic-api-key", "UUID beside token", "token = UUID"},
		{"generic-api-key", "integrity", `"token": {"integrity": "sha512-VALUE=="}`},
		{"generic-api-key", "checksum", "auth sha256:LONGHEX"},
		{"generic-api-key", "identifier", "String accessKey = AwsCredentialsProviderChain2Builder;"},
		{"generic-api-key", "path", "keyFile: /etc/kubernetes/pki/apiserver-kubelet-client2"},
		{"generic-api-key", "call", "token := strings.TrimSpace2(request.Header)"},
		{"generic-api-key", "placeholder", "API_KEY=your_api_key_here_1234"},
		{"generic-api-key", "template", "password: ${DB_PASSWORD_V2}"},
		{"generic-api-key", "documented example", "secret_key = wJalrXUtn" + "FEMI/K7MDENG/bPxRfiCY" + "EXAMPLEKEY"},
		{"generic-api-key", "image", `"key": "data:image/png;base64,VALUE"`},
		{"generic-api-key", "version", "apiVersion: v2beta1.alpha3.k8s.io"},
		{"generic-api-key", "the letters api within a word", `{"a commit id in capitals", "DA39A3EE5E6B4B0D3255` + `BFEF95601890AFD80709"}`},
		{"generic-api-key", "the opening of session tokens", `token := "IQoJ` + `b3JpZ2luX2Vj" + body`},
		{"generic-api-key", "the opening of tokens in base64", `const tokenOpening = "eyJwYXls` + `b2FkIjoi"`},
		{"sourcegraph-access-token-assigned", "a commit below such a name", "sgp_enabled: true\ncommit: HEX\n"},
		{"pgpass-password", "the comment of the documentation", "#hostname:5432:database:username:password\n"},
		{"pgpass-password", "a log", "10.0.0.1:5432:app:orders: statement took long\n"},
		{"pgpass-password", "an ARN", "arn:aws:rds:*:*:db:PASSWORD\n"},
		{"netrc-password", "the word", "machine git.corp.test login deploy password PASSPHRASE"},
		{"generic-api-key", "constant", "tokenVariable = E2E_EXTRA_GINKGO_ARGS"},
		{"generic-api-key", "name with a number", `secretName: "wrong-uid-12345"`},
		{"generic-api-key", "timestamp", "authTime: 2026-01-15T12:00:00.123456Z"},
		{"generic-api-key", "phone number", "key: +491701234567890"},
	} {
		t.Run(c.rule+"/"+c.name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(5, 6))
			r, global := ruleOf(t, c.rule)
			for range 5 {
				text := fill(t, random, c.text)
				if got, ok := finds(t, r, global, text); ok {
					t.Fatalf("reports %q of\n%s", got, text)
				}
			}
		})
	}
}
