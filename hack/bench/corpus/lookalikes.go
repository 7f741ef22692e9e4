package corpus

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// lookAlike is a kind of value that is no secret: fields for any format, or a whole file.
type lookAlike struct {
	name   string
	fields func(*rand.Rand) []Field
	file   func(*rand.Rand) (name, text string)
}

func one(name, value string) []Field { return []Field{{Name: name, Value: value}} }

// lookAlikes returns what people complain about when a scanner reports it.
func lookAlikes() []lookAlike {
	return append(lookAlikeFiles(), []lookAlike{
		{name: "UUID", fields: func(r *rand.Rand) []Field {
			return one(draw(r, []string{"request id", "key", "token id", "tenant", "session key", "client key id"}), uuid(r))
		}},
		{name: "SHA-1 beside the word key", fields: func(r *rand.Rand) []Field {
			return one(draw(r, []string{"cache key", "key", "key sha", "commit", "revision", "git ref", "key fingerprint"}), text(r, hexadecimal, 40))
		}},
		{name: "SHA-256", fields: func(r *rand.Rand) []Field {
			return one(draw(r, []string{"key digest", "checksum", "image digest", "sha256", "cache key"}), text(r, hexadecimal, 64))
		}},
		{name: "integrity", fields: func(r *rand.Rand) []Field { return one("integrity", "sha512-"+base64Text(r, 64)) }},
		{name: "phone number", fields: func(r *rand.Rand) []Field {
			return one(draw(r, []string{"phone", "mobile number", "fax"}), draw(r, []string{"+49", "0049", "+1"})+text(r, digits, 10))
		}},
		{name: "timestamp", fields: func(r *rand.Rand) []Field {
			return one(draw(r, []string{"created at", "updated", "ts", "not before"}), strconv.Itoa(1_700_000_000_000+r.IntN(90_000_000_000)))
		}},
		{name: "12 digits", fields: func(r *rand.Rand) []Field {
			return one(draw(r, []string{"order number", "isbn", "invoice", "size in bytes", "offset", "build"}), account(r))
		}},
		{name: "documented example", fields: func(r *rand.Rand) []Field {
			return draw(r, [][]Field{
				{{Name: "aws access key id", Value: "AKIAIOSFODNN7" + "EXAMPLE"}, {Name: "aws secret access key", Value: "wJalrXUtn" + "FEMI/K7MDENG/bPxRfiCY" + "EXAMPLEKEY"}},
				{{Name: "aws access key id", Value: "AKIAI44QH8DHB" + "EXAMPLE"}, {Name: "aws secret access key", Value: "je7MtGbCl" + "wBF/2Zp9Utk/h3yCo8nvb" + "EXAMPLEKEY"}},
				{{Name: "role arn", Value: "arn:aws:iam::123456789012:role/deploy"}}, {{Name: "account id", Value: draw(r, []string{"123456789012", "111122223333", "444455556666", "000000000000"})}},
			})
		}},
		{name: "placeholder", fields: func(r *rand.Rand) []Field {
			name := draw(r, []string{"aws secret access key", "api key", "password", "client secret", "auth token", "stripe api key", "github token"})
			return one(name, draw(r, []string{
				"your-secret-key-goes-here-1234567890", "YOUR_API_KEY_HERE", strings.Repeat("x", 40), strings.Repeat("0", 32), "change-me-please-123", "${SECRET_VALUE_1}", "<insert-your-token-2-here>",
				"{{ .Values.secretKey1 }}", "%SECRET_KEY_1%", "sk_test_" + strings.Repeat("x", 24), "ghp_" + strings.Repeat("X", 36), "***************", "REPLACE_WITH_SECRET_KEY_2026",
			}))
		}},
		{name: "identifier of 40 characters", fields: func(r *rand.Rand) []Field {
			return one(draw(r, []string{"key class", "secret provider", "handler"}), words(r, 40, ""))
		}},
		{name: "path of 40 characters", fields: func(r *rand.Rand) []Field {
			return one(draw(r, []string{"secret path", "key file", "source"}), words(r, 40, "/"))
		}},
		{name: "upper-case word that begins like a key id", fields: func(r *rand.Rand) []Field {
			return one("market", draw(r, []string{"ASIA" + "PACIFICNORTHEAST", "ASIA" + "PACIFICSOUTHEAST", "ASIA" + "MINORSOUTHBRANCH"}))
		}},
		{name: "unique id that is no credential", fields: func(r *rand.Rand) []Field {
			return one(draw(r, []string{"user id", "role id", "policy id"}), keyID(r, draw(r, []string{"AIDA", "AROA", "AGPA", "ANPA"}), account(r)))
		}},
		{name: "reference to a secret", fields: func(r *rand.Rand) []Field {
			return one(draw(r, []string{"password", "secret key", "api token"}), draw(r, []string{
				"os.environ.get('DB_PASSWORD_2')", "process.env.API_TOKEN_V2", "secrets.GITHUB_TOKEN", "vault:secret/data/app2#password", "config.getString2(path)", "self.settings.api_key_v2",
			}))
		}},
	}...)
}

func lookAlikeFiles() []lookAlike {
	return []lookAlike{
		{name: "package-lock.json", file: func(r *rand.Rand) (string, string) {
			return "package-lock.json", "{\n  \"lockfileVersion\": 3,\n  \"packages\": {\n" + rows(r, 60, func() string {
				return fmt.Sprintf("    \"node_modules/%s-token\": {\n      \"version\": \"%d.2.1\",\n      \"integrity\": \"sha512-%s\"\n    },\n", text(r, lower, 8), r.IntN(9), base64Text(r, 64))
			}) + "    \"end\": {}\n  }\n}\n"
		}},
		{name: "yarn.lock", file: func(r *rand.Rand) (string, string) {
			return "yarn.lock", rows(r, 60, func() string {
				return fmt.Sprintf("auth-%s@^1.0.0:\n  version \"1.0.%d\"\n  resolved \"https://registry.yarnpkg.com/a/-/a-1.0.0.tgz#%s\"\n  integrity sha512-%s\n\n", text(r, lower, 6), r.IntN(9), text(r, hexadecimal, 40), base64Text(r, 64))
			})
		}},
		{name: "go.sum", file: func(r *rand.Rand) (string, string) {
			return "go.sum", rows(r, 80, func() string {
				return fmt.Sprintf("example.test/%s/key v1.%d.0 h1:%s\n", text(r, lower, 8), r.IntN(30), base64Text(r, 32))
			})
		}},
		{name: "Cargo.lock", file: func(r *rand.Rand) (string, string) {
			return "Cargo.lock", rows(r, 40, func() string {
				return fmt.Sprintf("[[package]]\nname = \"secret-%s\"\nversion = \"0.%d.1\"\nchecksum = \"%s\"\n\n", text(r, lower, 6), r.IntN(9), text(r, hexadecimal, 64))
			})
		}},
		{name: "minified code", file: func(r *rand.Rand) (string, string) {
			return "bundle.min.js", rows(r, 400, func() string {
				return fmt.Sprintf("function %s(t,e){return t.key=e.%s,t.token=%s(e.auth),t}var %s={%s:%d};", text(r, lower, 2), text(r, lower, 3), text(r, lower, 2), text(r, lower, 2), text(r, lower, 4), r.IntN(999))
			})
		}},
		{name: "image in a style sheet", file: func(r *rand.Rand) (string, string) {
			return "style.css", ".key { background: url(\"data:image/png;base64,iVBORw0KGgo" + base64Text(r, 4000) + "\") }\n"
		}},
		{name: "image in markdown", file: func(r *rand.Rand) (string, string) {
			return "README.md", "# Token service\n\n![key](data:image/gif;base64,R0lGODlh" + base64Text(r, 900) + ")\n"
		}},
		{name: "public key and certificate", file: func(r *rand.Rand) (string, string) {
			dashes := strings.Repeat("-", 5)
			return "trust.txt", "ssh-rsa AAAAB3NzaC1yc2E" + base64Text(r, 260) + " deploy key\n" + dashes + "BEGIN CERTIFICATE" + dashes + "\n" +
				rows(r, 16, func() string { return base64Text(r, 48) + "\n" }) + dashes + "END CERTIFICATE" + dashes + "\n"
		}},
		{name: "pinned actions", file: func(r *rand.Rand) (string, string) {
			return "ci.yaml", "jobs:\n  build:\n    steps:\n" + rows(r, 12, func() string {
				return fmt.Sprintf("      - uses: aws-actions/configure-aws-credentials@%s # v4\n      - run: docker pull registry.test/key@sha256:%s\n", text(r, hexadecimal, 40), text(r, hexadecimal, 64))
			})
		}},
		{name: "source code about secrets", file: func(r *rand.Rand) (string, string) {
			return "credentials.go", "package credentials\n\n" + rows(r, 30, func() string {
				name := pascal(text(r, lower, 6) + " " + text(r, lower, 7))
				return fmt.Sprintf("// SecretKey%s returns the access key of the token.\nfunc SecretKey%s(secretAccessKey, sessionToken string) string {\n\treturn secretKeyFor(secretAccessKey, Token%s, apiKeyOptions)\n}\n\n", name, name, name)
			})
		}},
		{name: "table of hashes", file: func(r *rand.Rand) (string, string) {
			return "SHA256SUMS", rows(r, 60, func() string { return text(r, hexadecimal, 64) + "  token-" + text(r, lower, 5) + ".tar.gz\n" })
		}},
	}
}

func rows(_ *rand.Rand, n int, row func() string) string {
	var out strings.Builder
	for range n {
		out.WriteString(row())
	}
	return out.String()
}

// words returns exactly n characters of words: an identifier, or a path where separator is a slash.
func words(r *rand.Rand, n int, separator string) string {
	known := strings.Fields("abstract bean client config context create default delivery event factory handler internal manager message network order payment provider queue request resolver service shared stream system transaction update value")
	var out strings.Builder
	for out.Len() < n {
		word := draw(r, known)
		if separator == "" {
			word = pascal(word)
		}
		if out.Len() > 0 {
			out.WriteString(separator)
		}
		out.WriteString(word)
	}
	return strings.TrimRight(out.String()[:n], separator)
}
