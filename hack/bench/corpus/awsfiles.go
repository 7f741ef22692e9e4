package corpus

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
)

// awsFiles returns the ways in which AWS' secrets stand in files that no list of names and values makes: arguments, URLs,
// commands, exports.
func awsFiles() []Family {
	var all []Family
	for _, kind := range []struct{ name, file, text string }{
		{"arguments in Go", "session.go", "package store\n\nfunc open() Provider {\n\treturn credentials.NewStaticCredentialsProvider(\"<id>\", \"<secret>\", \"\")\n}\n"},
		{"arguments in Java", "Store.java", "class Store {\n    private final AWSCredentials credentials = new BasicAWSCredentials(\"<id>\", \"<secret>\");\n}\n"},
		{"arguments in Ruby", "store.rb", "Aws.config.update(\n  region: 'eu-central-1',\n  credentials: Aws::Credentials.new('<id>', '<secret>')\n)\n"},
		{"arguments in Python", "store.py", "import boto3\n\ns3 = boto3.client('s3', aws_access_key_id='<id>', aws_secret_access_key='<secret>')\n"},
		{"arguments in C#", "Store.cs", "var client = new AmazonS3Client(\n    \"<id>\",\n    \"<secret>\",\n    RegionEndpoint.EUCentral1);\n"},
		{"address of a bucket", "job.xml", "<property>\n  <name>fs.default.name</name>\n  <value>s3n://<id>:<secret>@warehouse-logs/daily</value>\n</property>\n"},
		{"commands", "setup.sh", "#!/bin/sh\naws configure set region eu-central-1\naws configure set aws_access_key_id <id>\naws configure set aws_secret_access_key <secret>\n"},
		{"exported by the console", "accessKeys.csv", "Access key ID,Secret access key\n<id>,<secret>\n"},
		{"exported with the user", "credentials.csv", "User name,Password,Access key ID,Secret access key,Console login link\ndeploy,,<id>,<secret>,https://signin.aws.amazon.com/console\n"},
		{"a bare pair", ".passwd-s3fs", "<id>:<secret>\n"},
		{"a bare pair on two lines", "notes.txt", "the new ones\n\n<id>\n<secret>\n"},
		{"JSON in a string", "task.json", "{\n  \"environment\": \"{\\\"AccessKeyId\\\":\\\"<id>\\\",\\\"SecretAccessKey\\\":\\\"<secret>\\\"}\"\n}\n"},
		{"answer of the API", "response.xml", "<CreateAccessKeyResponse><AccessKey><UserName>deploy</UserName><AccessKeyId><id></AccessKeyId><SecretAccessKey><secret></SecretAccessKey></AccessKey></CreateAccessKeyResponse>\n"},
		{"a diff", "change.patch", "--- a/app.env\n+++ b/app.env\n@@ -1,2 +1,2 @@\n-AWS_ACCESS_KEY_ID=\n+AWS_ACCESS_KEY_ID=<id>\n+AWS_SECRET_ACCESS_KEY=<secret>\n"},
	} {
		all = append(all, Family{Name: SecretKey + ", " + kind.name, File: func(r *rand.Rand) (string, string, []Field) {
			fields := pair(r, "AKIA")
			return kind.file, strings.NewReplacer("<id>", fields[0].Value, "<secret>", fields[1].Value).Replace(kind.text), fields
		}})
	}
	return append(all, gitFiles()...)
}

func gitFiles() []Family {
	user := func(r *rand.Rand) (Field, Field) {
		return Field{Value: "deploy-at-" + account(r), Family: Account, Optional: true}, Field{Value: base64Text(r, 32), Family: GitPassword}
	}
	return []Family{
		{Name: GitPassword + ", netrc", File: func(r *rand.Rand) (string, string, []Field) {
			name, password := user(r)
			return ".netrc", fmt.Sprintf("machine git-codecommit.eu-central-1.amazonaws.com\nlogin %s\npassword %s\n", name.Value, password.Value), []Field{name, password}
		}},
		{Name: GitPassword + ", address", File: func(r *rand.Rand) (string, string, []Field) {
			name, password := user(r)
			password.Value = url.QueryEscape(password.Value)
			return "config", fmt.Sprintf("[remote \"origin\"]\n\turl = https://%s:%s@git-codecommit.eu-central-1.amazonaws.com/v1/repos/app\n", name.Value, password.Value), []Field{password}
		}},
		{Name: ECR + ", Docker", File: func(r *rand.Rand) (string, string, []Field) {
			number := account(r)
			value, err := json.Marshal(map[string]string{"payload": base64Text(r, 300), "version": "2", "type": "DATA_KEY"})
			if err != nil {
				panic(err) // a map of strings is always JSON
			}
			token := encoded("AWS:" + encoded(string(value)))
			registry := Field{Value: number, Family: Account}
			return "config.json", fmt.Sprintf("{\n  \"auths\": {\n    \"%s.dkr.ecr.eu-central-1.amazonaws.com\": {\n      \"auth\": \"%s\"\n    }\n  }\n}\n", number, token),
				[]Field{registry, {Value: token, Family: ECR}}
		}},
	}
}
