package corpus

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode"
)

// format renders fields as a file of one kind, among lines that hold no secret.
type format struct {
	name   string
	file   func(*rand.Rand) string
	render func(*rand.Rand, []Field) string
}

// lines is a format of one line a field: line gets the name in the format's case, and the value.
type lines struct {
	name, files       string
	spell             func(string) string
	line              string // with NAME and VALUE
	before, after     string
	indent, separator string
	comment           string
}

func (l lines) format() format {
	return format{
		name: l.name,
		file: func(r *rand.Rand) string { return draw(r, strings.Fields(l.files)) },
		render: func(r *rand.Rand, fields []Field) string {
			var rows []string
			row := func(field Field) string {
				value := field.Value
				if field.Verbatim != "" {
					value = field.Verbatim
				}
				return l.indent + strings.NewReplacer("NAME", l.spell(field.Name), "VALUE", value).Replace(l.line)
			}
			for range 3 + r.IntN(8) {
				rows = append(rows, row(harmless(r)))
			}
			at := r.IntN(len(rows) + 1)
			var secrets []string
			for _, field := range fields {
				secrets = append(secrets, row(field))
			}
			rows = append(rows[:at:at], append(secrets, rows[at:]...)...)
			body := strings.Join(rows, l.separator+"\n")
			if l.comment != "" && r.IntN(2) == 0 {
				body = strings.Replace(l.comment, "TEXT", "settings of the service, see the handbook", 1) + "\n" + body
			}
			return l.before + body + l.after
		},
	}
}

// harmless returns a field that is no secret and does not look like one.
func harmless(r *rand.Rand) Field {
	return draw(r, []Field{
		{Name: "region", Value: "eu-central-1"}, {Name: "log level", Value: draw(r, []string{"info", "debug", "warning"})},
		{Name: "timeout seconds", Value: fmt.Sprint(1 + r.IntN(600))}, {Name: "host name", Value: "db-" + fmt.Sprint(r.IntN(20)) + ".internal"},
		{Name: "max connections", Value: fmt.Sprint(r.IntN(200))}, {Name: "feature flag", Value: "true"}, {Name: "environment", Value: "production"},
		{Name: "version", Value: fmt.Sprintf("%d.%d.%d", r.IntN(9), r.IntN(30), r.IntN(30))}, {Name: "output format", Value: "json"},
	})
}

func snake(name string) string     { return strings.ReplaceAll(name, " ", "_") }
func screaming(name string) string { return strings.ToUpper(snake(name)) }
func dotted(name string) string    { return strings.ReplaceAll(name, " ", ".") }
func kebab(name string) string     { return strings.ReplaceAll(name, " ", "-") }
func spoken(name string) string    { return name }

func pascal(name string) string {
	var out strings.Builder
	for word := range strings.FieldsSeq(name) {
		out.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return out.String()
}

func camel(name string) string {
	out := []rune(pascal(name))
	out[0] = unicode.ToLower(out[0])
	return string(out)
}

func formats() []format {
	var all []format
	for _, l := range []lines{
		{name: "env", files: ".env .env.production app.env", spell: screaming, line: "NAME=VALUE", comment: "# TEXT"},
		{name: "env, quoted", files: ".env.local settings.env", spell: screaming, line: `NAME="VALUE"`, comment: "# TEXT"},
		{name: "ini", files: "settings.ini app.cfg credentials", spell: snake, line: "NAME = VALUE", before: "[default]\n", comment: "; TEXT"},
		{name: "yaml", files: "values.yaml config.yml", spell: camel, line: "NAME: VALUE", indent: "  ", before: "settings:\n"},
		{name: "yaml, environment of a container", files: "deployment.yaml", spell: screaming, line: "- name: NAME\n          value: \"VALUE\"", indent: "        ", before: "spec:\n  containers:\n    - name: app\n      env:\n"},
		{name: "json", files: "config.json appsettings.json", spell: camel, line: `"NAME": "VALUE"`, indent: "  ", separator: ",", before: "{\n", after: "\n}\n"},
		{name: "toml", files: "config.toml", spell: snake, line: `NAME = "VALUE"`, before: "[service]\n", comment: "# TEXT"},
		{name: "xml", files: "app.config settings.xml", spell: pascal, line: `<NAME>VALUE</NAME>`, indent: "  ", before: "<settings>\n", after: "\n</settings>\n"},
		{name: "xml, attributes", files: "Web.config", spell: pascal, line: `<add key="NAME" value="VALUE" />`, indent: "    ", before: "<configuration>\n  <appSettings>\n", after: "\n  </appSettings>\n</configuration>\n"},
		{name: "xml, Hadoop", files: "core-site.xml", spell: dotted, line: "<property>\n    <name>NAME</name>\n    <value>VALUE</value>\n  </property>", indent: "  ", before: "<configuration>\n", after: "\n</configuration>\n"},
		{name: "properties", files: "application.properties", spell: dotted, line: "NAME=VALUE", comment: "# TEXT"},
		{name: "csv", files: "export.csv", spell: spoken, line: "NAME,VALUE", before: "name,value\n"},
		{name: "database dump", files: "dump.sql backup.sql", spell: snake, line: "INSERT INTO settings VALUES (17,'NAME','VALUE','2026-01-15 12:00:00');", before: "-- dump\nBEGIN;\n", after: "\nCOMMIT;\n"},
		{name: "database rows", files: "settings.copy dump.sql", spell: snake, line: "17\tNAME\tVALUE\t\\N", before: "COPY settings (id, name, value, note) FROM stdin;\n", after: "\n\\.\n"},
		{name: "pickle", files: "settings.pkl state.pickle", spell: snake, line: "S'NAME'\nS'VALUE'\ns", before: "(dp0\n", after: ".\n"},
		{name: "terraform", files: "main.tf terraform.tfvars", spell: snake, line: `NAME = "VALUE"`, comment: "# TEXT"},
		{name: "terraform state", files: "terraform.tfstate", spell: snake, line: `"NAME": "VALUE"`, indent: "            ", separator: ",",
			before: "{\n  \"version\": 4,\n  \"resources\": [\n    {\n      \"instances\": [\n        {\n          \"attributes\": {\n", after: "\n          }\n        }\n      ]\n    }\n  ]\n}\n"},
		{name: "shell", files: "deploy.sh run.sh", spell: screaming, line: `export NAME='VALUE'`, before: "#!/bin/sh\nset -eu\n"},
		{name: "shell, options", files: "release.sh", spell: kebab, line: `./bin/app --NAME=VALUE`, before: "#!/bin/sh\n"},
		{name: "Dockerfile", files: "Dockerfile", spell: screaming, line: `ENV NAME=VALUE`, before: "FROM debian:12\n"},
		{name: "Go", files: "config.go main.go", spell: camel, line: `NAME := "VALUE"`, indent: "\t", before: "package main\n\nfunc settings() {\n", after: "\n}\n"},
		{name: "Go, struct", files: "client.go", spell: pascal, line: `NAME: "VALUE",`, indent: "\t", before: "package main\n\nvar options = Options{\n", after: "\n}\n"},
		{name: "Java", files: "Settings.java", spell: camel, line: `private static final String NAME = "VALUE";`, indent: "    ", before: "class Settings {\n", after: "\n}\n"},
		{name: "Java, setter", files: "Client.java", spell: dotted, line: `System.setProperty("NAME", "VALUE");`, indent: "        "},
		{name: "Ruby", files: "settings.rb", spell: snake, line: `  NAME: 'VALUE',`, before: "SETTINGS = {\n", after: "\n}.freeze\n"},
		{name: "Ruby, environment", files: "boot.rb", spell: screaming, line: `ENV['NAME'] = 'VALUE'`},
		{name: "Python", files: "settings.py conf.py", spell: screaming, line: `NAME = "VALUE"`, comment: "# TEXT"},
		{name: "Python, arguments", files: "client.py", spell: snake, line: `NAME='VALUE',`, indent: "    ", before: "client = connect(\n", after: "\n)\n"},
		{name: "JavaScript", files: "config.js", spell: camel, line: `NAME: 'VALUE',`, indent: "  ", before: "module.exports = {\n", after: "\n};\n"},
		{name: "TypeScript", files: "config.ts", spell: camel, line: `export const NAME: string = 'VALUE';`},
		{name: "C#", files: "Settings.cs", spell: pascal, line: `public const string NAME = "VALUE";`, indent: "    ", before: "static class Settings {\n", after: "\n}\n"},
		{name: "PHP", files: "config.php", spell: snake, line: `'NAME' => 'VALUE',`, indent: "  ", before: "<?php\nreturn [\n", after: "\n];\n"},
		{name: "PHP, define", files: "wp-config.php", spell: screaming, line: `define('NAME', 'VALUE');`, before: "<?php\n"},
		{name: "markdown", files: "README.md runbook.md", spell: spoken, line: "* The NAME: `VALUE`", before: "# Runbook\n\nThese are the settings.\n\n"},
		{name: "markdown, table", files: "settings.md", spell: spoken, line: "| NAME | VALUE |", before: "| name | value |\n| --- | --- |\n"},
		{name: "log", files: "app.log build.log", spell: snake, line: `2026-01-15T12:00:00.123Z INFO  config NAME=VALUE`},
		{name: "SQL", files: "seed.sql", spell: snake, line: `INSERT INTO settings (name, value) VALUES ('NAME', 'VALUE');`},
		{name: "CloudFormation", files: "template.yaml", spell: screaming, line: `NAME: VALUE`, indent: "          ", before: "Resources:\n  Function:\n    Type: AWS::Lambda::Function\n    Properties:\n      Environment:\n        Variables:\n"},
		{name: "npmrc", files: ".npmrc", spell: kebab, line: "NAME=VALUE"},
	} {
		all = append(all, l.format())
	}
	return append(all, notebook(), kubeconfig())
}

// notebook is a Jupyter notebook: source code as escaped strings in JSON.
func notebook() format {
	return format{
		name: "notebook", file: func(*rand.Rand) string { return "analysis.ipynb" },
		render: func(r *rand.Rand, fields []Field) string {
			var source []string
			for _, field := range append(fields, harmless(r)) {
				value := field.Value
				if field.Verbatim != "" {
					value = field.Verbatim
				}
				quoted, err := json.Marshal(snake(field.Name) + ` = "` + strings.ReplaceAll(value, `"`, `'`) + "\"\n")
				if err != nil {
					panic(err) // a string is always JSON
				}
				source = append(source, "    "+unescapeHTML(string(quoted)))
			}
			return "{\n \"cells\": [\n  {\n   \"cell_type\": \"code\",\n   \"source\": [\n" + strings.Join(source, ",\n") + "\n   ]\n  }\n ],\n \"nbformat\": 4\n}\n"
		},
	}
}

// unescapeHTML takes back what encoding/json escapes for HTML, as other writers of JSON do not.
func unescapeHTML(text string) string {
	return strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">").Replace(text)
}

// kubeconfig holds the values in the environment of a credential plugin.
func kubeconfig() format {
	return lines{
		name: "kubeconfig", files: "kubeconfig config", spell: screaming, line: "- name: NAME\n        value: VALUE", indent: "      ",
		before: "apiVersion: v1\nkind: Config\nusers:\n- name: admin\n  user:\n    exec:\n      command: aws\n      env:\n",
	}.format()
}
