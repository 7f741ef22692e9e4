package corpus

import (
	"encoding/base64"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/scanjob-dev/scanjob/scanner/rules/sample"
)

// Gitleaks returns a family for each rule of a gitleaks configuration but those of AWS. Its secrets are drawn from gitleaks'
// own expressions, so that gitleaks has no disadvantage: what it misses is due to where and how a secret stands.
func Gitleaks(configuration string) ([]Family, error) {
	var parsed struct {
		Rules []struct {
			ID, Regex   string
			Entropy     float64
			Keywords    []string
			SecretGroup int
		}
	}
	if _, err := toml.DecodeFile(configuration, &parsed); err != nil {
		return nil, fmt.Errorf("configuration of gitleaks: %w", err)
	}
	byHand := inTheirFiles()
	var families []Family
	for _, rule := range parsed.Rules {
		if strings.HasPrefix(rule.ID, "aws-") || rule.Regex == "" {
			continue
		}
		if file, ok := byHand[rule.ID]; ok {
			families = append(families, Family{Name: rule.ID, File: func(r *rand.Rand) (string, string, []Field) {
				name, text, value := file(r)
				return name, text, []Field{{Value: value, Family: rule.ID}}
			}})
			continue
		}
		identifiers := identifiersOf(rule.Regex)
		// A full stop that was meant as one.
		rule.Regex = strings.ReplaceAll(rule.Regex, "xoxe.xox", `xoxe\.xox`)
		families = append(families, Family{Name: rule.ID, Draw: func(r *rand.Rand) ([]Field, error) {
			value, err := random(r, rule.Regex, max(rule.SecretGroup, 1), rule.Entropy)
			if err != nil {
				return nil, err
			}
			name := draw(r, []string{"api key", "token", "secret", "key", "client secret", "auth token"})
			if identifiers != "" {
				identifier, err := sample.Matching(r, identifiers)
				if err != nil {
					return nil, err
				}
				name = strings.Join(strings.FieldsFunc(strings.ToLower(identifier), func(c rune) bool { return strings.ContainsRune("._- ,", c) }), " ") + " " + name
			}
			if !strings.Contains(name, rule.Keywords[0]) && !containsAny(strings.ToLower(value), rule.Keywords) && identifiers == "" {
				name = rule.Keywords[0] + " " + name
			}
			return []Field{{Name: name, Value: value, Family: rule.ID}}, nil
		}})
	}
	return families, nil
}

func containsAny(text string, words []string) bool {
	for _, word := range words {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

// identifiersOf returns the expression of the names that gitleaks wants before the value; empty where it wants none.
func identifiersOf(expression string) string {
	const tail = `)(?:[ \t\w.-]{0,20})`
	head, _, found := strings.Cut(expression, tail)
	if !found {
		return ""
	}
	at := strings.LastIndex(head, `{0,50}?(?:`)
	if at < 0 {
		return ""
	}
	return head[at+len(`{0,50}?(?:`):]
}

// random returns a secret of the expression with the entropy that its rule wants, and a digit where it can have one.
func random(r *rand.Rand, expression string, group int, least float64) (string, error) {
	for range 10_000 {
		value, err := sample.Group(r, expression, group)
		if err != nil {
			return "", err
		}
		if entropy(value) >= math.Max(least, 2) && !strings.ContainsAny(value, " \t\n") {
			return value, nil
		}
	}
	return "", fmt.Errorf("no sample of %s has an entropy of %g", expression, least)
}

func entropy(text string) float64 {
	counts := map[byte]float64{}
	for i := range len(text) {
		counts[text[i]]++
	}
	sum := 0.0
	for _, n := range counts {
		sum -= n / float64(len(text)) * math.Log2(n/float64(len(text)))
	}
	return sum
}

// inTheirFiles returns the families whose secrets stand in files of their own kind, by gitleaks' identifier.
func inTheirFiles() map[string]func(*rand.Rand) (name, text, value string) {
	jwt := func(r *rand.Rand) string {
		return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." +
			base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"`+text(r, digits, 10)+`","name":"`+text(r, lower, 6)+`"}`)) + "." + url64(r, 43)
	}
	return map[string]func(*rand.Rand) (name, text, value string){
		"generic-api-key": func(r *rand.Rand) (string, string, string) {
			value := text(r, alphanumeric, 16+r.IntN(30)) + text(r, digits, 1)
			name := draw(r, []string{"service_api_key", "client_secret", "db_password", "access_token", "auth_token", "app_secret"})
			return "settings.ini", "[service]\nregion = eu-central-1\n" + name + " = " + value + "\n", value
		},
		"private-key": func(r *rand.Rand) (string, string, string) {
			kind, dashes := draw(r, []string{"", "RSA ", "EC ", "OPENSSH "}), strings.Repeat("-", 5)
			first := base64Text(r, 48)
			body := first + "\n" + rows(r, 20, func() string { return base64Text(r, 48) + "\n" })
			begin := dashes + "BEGIN " + kind + "PRIVATE KEY" + dashes
			return draw(r, []string{"id_rsa", "server.key", "key.pem"}), begin + "\n" + body + dashes + "END " + kind + "PRIVATE KEY" + dashes + "\n", begin
		},
		"jwt": func(r *rand.Rand) (string, string, string) {
			value := jwt(r)
			return "request.http", "GET / HTTP/1.1\nHost: api.test\nAuthorization: Bearer " + value + "\n", value
		},
		"jwt-base64": func(r *rand.Rand) (string, string, string) {
			value := base64.StdEncoding.EncodeToString([]byte(jwt(r)))
			return "secret.env", "SESSION=" + value + "\n", value
		},
		"kubernetes-secret-yaml": func(r *rand.Rand) (string, string, string) {
			value := base64Text(r, 18)
			return "secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: app\ntype: Opaque\ndata:\n  settings: " + value + "\n", value
		},
		"curl-auth-header": func(r *rand.Rand) (string, string, string) {
			value := text(r, alphanumeric, 30)
			return "call.sh", "#!/bin/sh\ncurl -s -H \"" + draw(r, []string{"Authorization: Bearer ", "X-Api-Key: ", "Authorization: Token "}) + value + "\" https://api.test/v1/orders\n", value
		},
		"curl-auth-user": func(r *rand.Rand) (string, string, string) {
			value := text(r, alphanumeric, 18)
			return "call.sh", "#!/bin/sh\ncurl -u deploy" + ":" + value + " https://api.test/v1/orders\n", value
		},
		"nuget-config-password": func(r *rand.Rand) (string, string, string) {
			value := text(r, alphanumeric, 20)
			return "nuget.config", "<configuration>\n  <packageSourceCredentials>\n    <corp>\n      <add key=\"Username\" value=\"build\" />\n      <add key=\"ClearTextPassword\" value=\"" + value + "\" />\n    </corp>\n  </packageSourceCredentials>\n</configuration>\n", value
		},
		"hashicorp-tf-password": func(r *rand.Rand) (string, string, string) {
			value := text(r, alphanumeric, 16)
			return "database.tf", "resource \"azurerm_mssql_server\" \"main\" {\n  administrator_login = \"sqladmin\"\n  administrator_login_password = \"" + value + "\"\n}\n", value
		},
		"freemius-secret-key": func(r *rand.Rand) (string, string, string) {
			value := "sk_" + text(r, alphanumeric, 29)
			return "plugin.php", "<?php\n$fs = fs_dynamic_init( array(\n  'id' => '1234',\n  'secret_key' => '" + value + "',\n) );\n", value
		},
		"slack-webhook-url": func(r *rand.Rand) (string, string, string) {
			value := "https://hooks.slack.com/" + draw(r, []string{"services", "workflows"}) + "/T" + text(r, upper+digits, 10) + "/B" + text(r, upper+digits, 10) + "/" + text(r, alphanumeric, 24)
			return draw(r, []string{"alerts.env", "alerts.json"}), "{\n  \"webhook\": \"" + value + "\",\n  \"channel\": \"alerts\"\n}\n", value
		},
		"microsoft-teams-webhook": func(r *rand.Rand) (string, string, string) {
			value := "https://" + text(r, lower, 6) + ".webhook.office.com/webhookb2/" + uuid(r) + "@" + uuid(r) + "/IncomingWebhook/" + text(r, hexadecimal, 32) + "/" + uuid(r)
			return "alerts.yaml", "alerts:\n  webhook: " + value + "\n", value
		},
		"sidekiq-secret": func(r *rand.Rand) (string, string, string) {
			value := text(r, hexadecimal, 8) + ":" + text(r, hexadecimal, 8)
			return "build.sh", "export BUNDLE_ENTERPRISE__CONTRIBSYS__COM=" + value + "\nbundle install\n", value
		},
		"sidekiq-sensitive-url": func(r *rand.Rand) (string, string, string) {
			value := text(r, hexadecimal, 8) + ":" + text(r, hexadecimal, 8)
			return "Gemfile", "source \"https://" + value + "@gems.contribsys.com/\" do\n  gem 'sidekiq-pro'\nend\n", value
		},
	}
}
